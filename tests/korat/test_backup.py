"""A back-up that is taken under load, and what a platform restored from it knows and names."""

import asyncio
import http.client
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from own_platform import Platform, until

from city.store import open_store
from city.store.port import ALL, SeriesQuery

DAY_MS = 86_400_000
FIRST_MS = time.time_ns() // 10**6 - DAY_MS // 2
BATCH = 200


@contextmanager
def load(platform: Platform) -> Iterator[list[int]]:
    """Post as fast as it goes; the list holds the instants that the gateway accepted."""
    accepted: list[int] = []
    ended = threading.Event()

    def post() -> None:
        while not ended.is_set():
            times = [FIRST_MS + len(accepted) + number for number in range(BATCH)]
            try:
                platform.post("w-1", times)
            except (OSError, http.client.HTTPException):
                return
            accepted.extend(times)

    feeder = threading.Thread(target=post)
    feeder.start()
    try:
        yield accepted
    finally:
        ended.set()
        feeder.join()


def ledger_of(file: Path) -> dict[str, int]:
    """What a ledger says, read without the platform."""
    with closing(sqlite3.connect(file)) as database:
        (journal, entries) = database.execute("select sum(readings), max(id) from journal").fetchone()
        (through,) = database.execute("select sum(end_offset - first_offset) from pack_range").fetchone()
        (epoch,) = database.execute("select epoch from schema_version").fetchone()
    return {"journal": journal, "entries": entries, "through": through, "epoch": epoch}


async def instants(file: Path) -> set[int]:
    store = await open_store(f"duckdb:///{file}")
    query = SeriesQuery({"w-1": ("weather",)}, ALL, 0, 2**62, max_points=1_000_000)
    (series,) = (await store.series(query)).series
    await store.aclose()
    return {point.time_ns // 10**6 for point in series.points}


def test_a_backup_under_load_is_restored_and_what_came_later_is_named_or_sent_again(
    platform: Platform, tmp_path: Path
) -> None:
    backup = tmp_path / "backups" / "monday"
    kept = b'{"known": ["w-1"]}\n'
    platform.folder.mkdir(parents=True, exist_ok=True)
    (platform.folder / "gateway.spool.names").write_bytes(kept)
    with platform.up() as process, load(platform) as accepted:
        until(lambda: platform.get("/v1/ledger")["stored"] >= 3 * BATCH)
        done = platform.run("backup", str(backup))
        assert done.returncode == 0, done.stderr
        assert "Backed up" in done.stdout
        after = len(accepted)
        until(lambda: platform.get("/v1/ledger")["stored"] >= after + 3 * BATCH)
        again = platform.run("backup", str(backup))
        process.kill()
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    said = ledger_of(backup / "ledger.sqlite")
    manifest = json.loads((backup / "manifest.json").read_text())
    assert (manifest["epoch"], manifest["journal"]) == (said["epoch"], said["entries"])
    stored = asyncio.run(instants(backup / "readings.duckdb"))
    assert 0 < said["journal"] == said["through"] <= len(stored) < len(accepted)
    assert stored <= set(accepted)

    new = Platform(tmp_path / "new")
    restored = new.run("restore", str(backup))
    # opening the copied store above made no difference to its bytes
    assert restored.returncode == 0, restored.stderr
    files = ["gateway.spool.names", "ledger.sqlite", "readings.duckdb"]
    assert sorted(path.name for path in new.folder.iterdir()) == files
    assert (new.folder / "gateway.spool.names").read_bytes() == kept
    assert ledger_of(new.folder / "ledger.sqlite") | {"epoch": ""} == said | {"epoch": ""}
    assert ledger_of(new.folder / "ledger.sqlite")["epoch"] != said["epoch"]
    assert asyncio.run(instants(new.folder / "readings.duckdb")) == stored
    refused = new.run("restore", str(backup))
    assert (refused.returncode, "is not empty" in refused.stderr) == (1, True)

    # the gateway goes on with its spool as it is now, which is no old copy of it
    for file in platform.folder.glob("gateway.spool*"):
        shutil.copy(file, new.folder)
    with new.up():
        devices = new.get("/v1/devices")
        assert [device["device"] for device in devices["devices"]] == ["w-1"], devices
        new.post("w-1", [FIRST_MS - 1])
        total = len(accepted) + 1

        def all_is_named() -> bool:
            ledger = new.get("/v1/ledger")
            return bool(ledger["stored"] + ledger["duplicate"] + ledger["gaps"] >= total and not ledger["pending"])

        until(all_is_named)
        ledger = new.get("/v1/ledger")
        assert ledger["gaps"] > 0
        # the last call may have been taken, and killed before its answer
        assert ledger["stored"] + ledger["gaps"] in {total, total + BATCH}
        explained = new.run("ledger", "explain")
    assert "The ledger was put back at" in explained.stdout, explained.stderr
    assert f"{ledger['gaps']:,} readings" in explained.stdout
    assert "settled before the ledger was put back" in explained.stdout


def test_a_damaged_backup_is_refused_and_leaves_nothing(platform: Platform, tmp_path: Path) -> None:
    with platform.up():
        platform.post("w-1", [FIRST_MS])
        platform.stored(1)
    assert platform.run("backup", str(tmp_path / "b")).returncode == 0, "without a running platform too"
    with (tmp_path / "b" / "readings.duckdb").open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    new = Platform(tmp_path / "new")
    refused = new.run("restore", str(tmp_path / "b"))
    assert (refused.returncode, "is not as it was when it was backed up" in refused.stderr) == (1, True)
    assert not new.folder.exists()
    nothing = new.run("restore", str(tmp_path))
    assert "is no back-up: it has no manifest.json" in nothing.stderr
    servers = new.run("restore", str(tmp_path / "b"), KORAT_LEDGER_URL="postgresql://korat@127.0.0.1/korat")
    assert "for servers see docs/deployment.md" in servers.stderr


def test_registry_and_store_are_filled_again_from_each_other_and_a_device_is_erased_everywhere(
    platform: Platform, tmp_path: Path
) -> None:
    with platform.up():
        for device in ("w-1", "w-2"):
            platform.post(device, [FIRST_MS, FIRST_MS + 1000])
        platform.stored(4)
    ledger, readings = platform.folder / "ledger.sqlite", platform.folder / "readings.duckdb"
    readings.rename(tmp_path / "old.duckdb")
    done = platform.run("store", "refill")
    assert "4 readings" in done.stdout, done.stderr
    assert asyncio.run(instants(readings)) == {FIRST_MS, FIRST_MS + 1000}
    ledger.rename(tmp_path / "old.sqlite")
    done = platform.run("registry", "rebuild")
    assert done.stdout.startswith("2 devices of 2 in the store were registered again"), done.stderr
    done = platform.run("registry", "rebuild")
    assert done.stdout.startswith("0 devices of 2"), done.stderr
    (tmp_path / "old.sqlite").rename(ledger)
    with platform.up():
        words = ("--who", "somchai", "--why", "asked by the owner")
        done = platform.run("forget", "w-2", *words)
        assert done.returncode == 0, done.stderr
        assert "from the journal (2 readings)" in done.stdout
        assert [row["device"] for row in platform.get("/v1/devices")["devices"]] == ["w-1"]
        assert platform.get("/v1/ledger")["stored"] == 4
        listed = platform.run("ledger", "erasures").stdout
        assert "somchai" in listed
        assert "asked by the owner" in listed
        wrong = platform.run("forget", "w-1", "--start", "yesterday", *words)
        assert wrong.returncode == 1
        again = platform.run("forget", "w-1", "--end", "2001-01-01T00:00:00Z", *words)
        assert "(0 readings)" in again.stdout, again.stderr
        # one that speaks again is registered anew
        until(lambda: _registered_again(platform))


def _registered_again(platform: Platform) -> bool:
    platform.post("w-2", [time.time_ns() // 10**6])
    time.sleep(1)
    return "w-2" in [row["device"] for row in platform.get("/v1/devices")["devices"]]


@pytest.mark.parametrize("left", ["0123.request", "0123.draft"])
def test_a_request_that_a_command_left_long_ago_is_not_done(platform: Platform, left: str, tmp_path: Path) -> None:
    (platform.folder / "requests").mkdir(parents=True)
    request = {"action": "backup", "arguments": {"to": str(tmp_path / "never")}}
    (platform.folder / "requests" / left).write_text(json.dumps(request))
    with platform.up():
        until(lambda: not any((platform.folder / "requests").iterdir()))
        time.sleep(0.5)
    assert not (tmp_path / "never").exists()
