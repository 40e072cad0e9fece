"""What the commands that only look print, while the platform runs and while it doesn't."""

import http.client
import socket
import time
from pathlib import Path

import pytest
from own_platform import Platform, until

from city.errors import Reason
from city.ledger import open_ledger
from city.ledger.port import QuarantineBounds, QuarantinedPayload, Settlement, Source
from korat.inspect import quarantine_table
from korat.runtime import load


def test_ledger_quarantine_and_doctor(platform: Platform) -> None:
    fresh = platform.run("doctor")
    assert fresh.returncode == 0, fresh.stdout
    assert "readings.duckdb will be made at the first start" in fresh.stdout
    assert not list(platform.folder.iterdir())
    nothing = platform.run("ledger")
    assert nothing.returncode == 1
    assert f"there is no ledger {platform.folder}/ledger.sqlite yet" in nothing.stderr
    assert not list(platform.folder.iterdir())

    with platform.up():
        platform.post("w-1", [1_700_000_000_000, 1_700_000_001_000])
        link = http.client.HTTPConnection("127.0.0.1", platform.gateway)
        link.request("POST", "/ingest/native", b'["[/red]\x1b[31m"]')
        link.getresponse().read()
        link.close()
        until(lambda: platform.get("/v1/ledger")["received"] == 3)

        total = platform.run("ledger")
        assert total.returncode == 0, total.stderr
        assert [cell.strip() for cell in total.stdout.splitlines()[4].strip("│").split("│")] == [
            "all", "3", "2", "0", "1", "0", "0", "0", "0",
        ]  # fmt: skip
        assert "│ gw-1 " in platform.run("ledger", "--by", "gateway").stdout
        assert "│ w-1 " in platform.run("ledger", "--by", "device", "--hours", "1").stdout

        held = platform.run("quarantine")
        assert held.returncode == 0, held.stderr
        assert "│ malformed_json " in held.stdout
        assert "[/red]" in held.stdout
        assert "\x1b" not in held.stdout
        assert platform.run("quarantine", "--limit", "1").stdout == held.stdout
        assert platform.run("quarantine", "--limit", "0").returncode == 2
        other = platform.run("quarantine", "--reason", "clock_ahead")
        assert other.stdout == "Nothing is held for clock_ahead.\n"
        assert platform.run("quarantine", "--reason", "nonsense").returncode == 2
        again = platform.run("quarantine", "--redrive")
        assert again.stdout == "1 payloads will be tried again by ingest.\n"

        well = platform.run("doctor")
        assert well.returncode == 0, well.stdout
        assert "readings.duckdb is held by the running platform" in well.stdout
        assert f"http://127.0.0.1:{platform.api} is ready" in well.stdout
        assert "balances: 3 readings" in well.stdout
        assert "clock: none can tell" in well.stdout
        assert "mqtt connected" not in well.stderr

    after = platform.run("doctor")
    assert after.returncode == 0, after.stdout
    assert "gateway.spool, 0 readings wait for a receipt" in after.stdout


async def test_quarantine_shows_what_is_only_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", QuarantineBounds(source_hour_bytes=0))
    source = Source("gw-1", "odd-1")
    payload = QuarantinedPayload("city/x", b"{{{", time.time_ns(), Reason.MALFORMED_JSON, "odd", source)
    await ledger.settle(Settlement(time.time_ns(), quarantined=[payload] * 37))
    await ledger.aclose()
    monkeypatch.setenv("KORAT_DATA", str(tmp_path))
    await quarantine_table(load(None), None, 10)
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "malformed_json" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")][4:7] == ["37", "37", "condensed"]


def test_doctor_says_what_to_do(platform: Platform) -> None:
    (platform.folder / "ledger.sqlite").write_bytes(b"no database" * 1000)
    with socket.create_server(("127.0.0.1", platform.api)):
        done = platform.run("doctor", KORAT_MQTT_URL="mqtt://u:s3cr3t@127.0.0.1:1")
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert [line.split()[1] for line in wrong] == ["broker:", "API:", "ledger:"]
    assert "change KORAT_MQTT_URL" in wrong[0]
    assert "something else listens" in wrong[1]
    assert "restore it from a backup" in wrong[2]
    assert "3 of 11 checks found something wrong" in done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr


def test_help_and_version(platform: Platform) -> None:
    assert platform.run("--version").stdout == "korat 0.1.0\n"
    whole = platform.run("--help").stdout
    for command in ("up", "ingest", "gateway", "api", "simulate", "replay", "ledger", "quarantine", "doctor"):
        assert f"│ {command} " in whole
    assert platform.run("nonsense").returncode == 2
