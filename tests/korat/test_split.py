"""Each room a process of its own, over servers: two ingest workers, a gateway, the API."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from own_platform import Platform, until

from support.influx import Influx
from support.korat import room
from support.mosquitto import Mosquitto
from support.ports import free_port
from support.postgres import Postgres
from support.process import Process, descendants

A_DAY_AGO_MS = time.time_ns() // 10**6 - 20 * 3_600_000


@dataclass
class Split:
    """What runs."""

    platform: Platform
    processes: dict[str, Process]
    environment: dict[str, str]


@pytest.fixture
def split(
    tmp_path: Path, broker: Mosquitto, influx: Influx, influx_database: str, postgres_database: str
) -> Iterator[Split]:
    platform = Platform(tmp_path / "edge", mqtt=broker.port)
    environment = {
        **platform.environment,
        "KORAT_STORE_URL": influx.store_url(influx_database),
        "KORAT_LEDGER_URL": postgres_database,
        "KORAT_INGEST_WORKERS": "2",
    }
    folder = platform.folder
    processes = {
        "ingest-1": room("ingest", folder, {**environment, "KORAT_INGEST_WORKER": "1"}, name="ingest-1"),
        "ingest-2": room("ingest", folder, {**environment, "KORAT_INGEST_WORKER": "2"}, name="ingest-2"),
        "gateway": room("gateway", folder, environment, ready_port=platform.gateway),
        "api": room("api", folder, environment, ready_port=platform.api),
    }
    with ExitStack() as running:
        for process in processes.values():
            running.enter_context(process)
        yield Split(platform, processes, environment)


def test_what_the_gateway_took_comes_back_from_the_api(split: Split) -> None:
    platform = split.platform
    for process in (split.processes["ingest-1"], split.processes["ingest-2"]):
        until(lambda process=process: "mqtt connected" in process.log_tail())
    for first in range(0, 1000, 50):
        platform.post(f"w-{first}", [A_DAY_AGO_MS + number * 1000 for number in range(50)])
    ledger = platform.stored(1000)
    until(lambda: platform.get("/v1/ledger")["pending"] == 0)
    assert (ledger["received"], ledger["stored"], ledger["gaps"]) == (1000, 1000, 0)
    assert ledger["received"] == sum(
        ledger[name] for name in ("stored", "merged", "duplicate", "quarantined", "rejected")
    )
    assert len(platform.get("/v1/devices?limit=100")["devices"]) == 20
    assert platform.get("/health/ready")["parts"] == {"store": "up", "ledger": "up"}
    said = platform.run("doctor", **{key: split.environment[key] for key in ("KORAT_STORE_URL", "KORAT_LEDGER_URL")})
    assert said.returncode == 0, said.stdout + said.stderr
    assert "balances: 1,000 readings" in said.stdout
    for name, process in split.processes.items():
        assert process.stop() == 0, name
        assert "Traceback" not in process.log.read_text()


def test_servers_may_start_in_any_order(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "edge")
    server = Influx(tmp_path / "influx")
    environment = {**platform.environment, "KORAT_STORE_URL": server.store_url("late")}
    rooms = [room("ingest", platform.folder, environment), room("gateway", platform.folder, environment)]
    rooms.append(room("api", platform.folder, environment))
    with ExitStack() as running:
        for process in rooms:
            running.enter_context(process)
        for process in (rooms[0], rooms[2]):
            until(lambda process=process: "warning  waiting part=store" in process.log_tail())
        until(lambda: "the spool" in rooms[1].log_tail() or (platform.folder / "gateway.spool").exists())
        running.enter_context(server)
        running.enter_context(Mosquitto(tmp_path / "broker", port=platform.mqtt))
        until(lambda: all("mqtt connected" in process.log_tail() for process in rooms[:2]))
        platform.post("w-1", [A_DAY_AGO_MS])
        until(lambda: "the API listens" in rooms[2].log_tail())
        platform.stored(1)


def test_a_room_that_waits_for_a_ledger_stops_when_told(tmp_path: Path) -> None:
    platform = Platform(tmp_path)
    secret = "s3cr3t"  # noqa: S105 - it must not be seen
    ledger = f"postgresql://korat:{secret}@127.0.0.1:{free_port()}/korat"
    with room("ingest", tmp_path, {**platform.environment, "KORAT_LEDGER_URL": ledger}) as process:
        until(lambda: "waiting part=ledger" in process.log_tail())
        began = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - began < 2
    assert secret not in process.log.read_text()


def test_up_stops_in_time_though_its_ledger_hangs(tmp_path: Path, postgres: Postgres, postgres_database: str) -> None:
    platform = Platform(tmp_path / "data")
    environment = {**platform.environment, "KORAT_LEDGER_URL": postgres_database}
    with room("up --no-demo", platform.folder, environment, ready_port=platform.gateway) as process:
        platform.post("w-1", [A_DAY_AGO_MS])
        platform.stored(1)
        server = [postgres.pid, *descendants(postgres.pid)]
        for pid in server:
            os.kill(pid, signal.SIGSTOP)
        try:
            platform.post("w-1", [A_DAY_AGO_MS + 1000])
            began = time.monotonic()
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(within=10) == 0, process.log_tail()
            assert time.monotonic() - began < 5
        finally:
            for pid in reversed(server):
                os.kill(pid, signal.SIGCONT)
        said = process.log.read_text()
        assert "The ledger does not answer" in said
        assert "Traceback" not in said
        process.start()
        ledger = platform.stored(2)
        # the pack may come twice: from the broker, and again from the gateway's spool
        assert (ledger["stored"], ledger["received"]) == (2, 2 + ledger["duplicate"])
