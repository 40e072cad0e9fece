"""The file under the embedded store: who holds it, what harms it, and what it survives."""

import asyncio
import struct
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import numpy as np
import pytest

from city.batch import Batch
from city.errors import Broken, ConfigurationError, StoreUnavailable
from city.reading import Reading
from city.store import open_store
from city.store.duckdb import open_duckdb
from city.store.port import ALL, LatestQuery, SeriesQuery

T = 1_764_900_000_000_000_000
S = 1_000_000_000

WRITER = f"""
import asyncio, resource, sys
import numpy as np
from city.batch import Batch
from city.errors import StoreUnavailable
from city.store import open_store

T, S = {T}, {S}

async def main(url, limit):
    store = await open_store(url)
    for second in range(100_000):
        if second == 3 and limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        if second == 12 and limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        times = np.full(500, T + second * S)
        values = {{f"q{{i}}": np.full(500, float(second)) for i in range(5)}}
        batch = Batch("weather", [f"d{{i}}" for i in range(500)], np.arange(500, dtype=np.int32), times, values)
        try:
            await store.write(batch)
        except StoreUnavailable:
            print("full", second, flush=True)
        else:
            print("durable", second, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def run(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)


def batch(second: int = 0, device: str = "d") -> Batch:
    return Batch("weather", [device], np.zeros(1, np.int32), np.array([T + second * S]), {"temperature": np.ones(1)})


@pytest.mark.parametrize("limit", [0, 200_000])
async def test_what_was_confirmed_outlives_kill_9_and_a_full_disk(tmp_path: Path, limit: int) -> None:
    url = f"duckdb:///{tmp_path / 'store.duckdb'}"
    confirmed, refused = set(), set()
    with run(url, str(limit)) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            word, second = line.split()
            (confirmed if word == "durable" else refused).add(int(second))
            if len(confirmed) >= 40:
                break
        writer.kill()
    assert bool(refused) == bool(limit)
    store = await open_store(url)
    answer = await store.series(SeriesQuery({"d0": ("weather",), "d499": ("weather",)}, ALL, 0, 2 * T))
    assert len(answer.series) == 10
    for series in answer.series:
        seconds = {(point.time_ns - T) // S for point in series.points}
        assert confirmed <= seconds
        assert len(seconds) == len(series.points)
    (latest, *_) = await store.latest(LatestQuery())
    assert latest.values["q0"].time_ns >= T + max(confirmed) * S
    await store.aclose()


async def test_a_second_process_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    url = f"duckdb:///{path}"
    with run(url, "0") as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Broken, match=r"held by another process.*InfluxDB") as caught:
            await open_store(url)
        assert str(path) in str(caught.value)
        holder.kill()
    store = await open_store(url)
    await store.aclose()


async def test_a_second_store_in_one_process_gets_a_sentence(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path / 'store.duckdb'}"
    store = await open_store(url)
    with pytest.raises(Broken, match="open already"):
        await open_store(url)
    await store.aclose()
    await store.aclose()
    await (await open_store(url)).aclose()


def _flip(content: bytes) -> bytes:
    damaged = bytearray(content)
    for place in range(12_000, len(damaged), 64):
        damaged[place] ^= 0xFF
    return bytes(damaged)


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda _: b"no database" * 999, lambda content: content[:9000], _flip]
)
async def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "store.duckdb"
    store = await open_store(f"duckdb:///{path}")
    for second in range(20):
        await store.write(batch(second))
    await store.aclose()
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(Broken, match=path.name):
        await open_store(f"duckdb:///{path}")
    assert path.read_bytes() == before


async def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table mine (x integer)")
    with pytest.raises(Broken, match="not a Korat store"):
        await open_store(f"duckdb:///{path}")


async def test_a_log_without_its_file_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    path.with_name("store.duckdb.wal").write_bytes(b"what was not checkpointed")
    with pytest.raises(Broken, match=r"store\.duckdb is missing"):
        await open_store(f"duckdb:///{path}")


async def test_a_draft_of_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "store.duckdb"
    path.parent.mkdir()
    path.with_name("store.duckdb.new").write_bytes(b"half")
    store = await open_store(f"duckdb:///{path}")
    await store.aclose()
    assert [one.name for one in path.parent.iterdir()] == ["store.duckdb"]


async def test_three_slashes_are_relative_and_four_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("duckdb:///var/a.duckdb", f"duckdb:///{tmp_path}/b%20c.duckdb"):
        await (await open_store(url)).aclose()
    assert (tmp_path / "var" / "a.duckdb").exists()
    assert (tmp_path / "b c.duckdb").exists()


@pytest.mark.parametrize(
    "url", ["duckdb://", "duckdb:///", "duckdb:////", "duckdb://var/x", "duckdb:///var/", "sqlite:///x"]
)
async def test_a_url_without_a_file_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="store_url"):
        await open_store(url)


async def test_a_long_read_does_not_block_writing(tmp_path: Path) -> None:
    store = await open_duckdb(f"duckdb:///{tmp_path / 'store.duckdb'}")
    release = threading.Event()
    reading = asyncio.create_task(store._run(store._reader, release.wait))
    try:
        for second in range(5):
            await asyncio.wait_for(store.write(batch(second)), 5)
        assert not reading.done()
    finally:
        release.set()
        await reading
        await store.aclose()


async def test_a_failed_commit_changes_no_head(tmp_path: Path) -> None:
    store = await open_duckdb(f"duckdb:///{tmp_path / 'store.duckdb'}")
    await store.write(batch(0))
    store._writes.execute("alter table point rename to hidden")
    with pytest.raises(StoreUnavailable, match="point"):
        await store.write(batch(5))
    with pytest.raises(StoreUnavailable, match="point"):
        await store.write(batch(6, "stranger"))
    store._writes.execute("alter table hidden rename to point")
    (latest,) = await store.latest(LatestQuery())
    assert latest.time_ns == T
    await store.write(batch(6, "stranger"))
    await store.write(batch(1))
    assert [one.time_ns for one in await store.latest(LatestQuery())] == [T + S, T + 6 * S]
    await store.aclose()


async def test_people_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    store = await open_store(f"duckdb:///{path}")
    await store.write(batch())
    await store.aclose()
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select kind, device, quantity, epoch_ns(time), value, flag from reading").fetchall()
    assert rows == [("weather", "d", "temperature", T, 1.0, 1)]


async def test_what_is_forgotten_leaves_the_file_and_the_rest_stays(tmp_path: Path) -> None:
    store = await open_store(f"duckdb:///{tmp_path / 'store.duckdb'}")
    mark = 123456.789012345
    for device, value in (("gone", mark), ("kept", 1.5)):
        await store.write(Batch.from_readings([Reading(device, "weather", 10**18, {"temperature": value})]))
    await store.forget("gone", 0, 2**63 - 1)
    kept = await store.latest(LatestQuery())
    assert [(one.device, one.values["temperature"].value) for one in kept] == [("kept", 1.5)]
    await store.write(Batch.from_readings([Reading("kept", "weather", 10**18 + 1, {"temperature": 2.5})]))
    await store.aclose()
    left = await asyncio.to_thread(lambda: b"".join(file.read_bytes() for file in tmp_path.iterdir()))
    assert struct.pack("<d", 1.5) in left
    assert struct.pack("<d", mark) not in left
    again = await open_store(f"duckdb:///{tmp_path / 'store.duckdb'}")
    assert [one.values["temperature"].value for one in await again.latest(LatestQuery())] == [2.5]
    await again.aclose()


async def test_a_copy_is_a_store_of_what_was_confirmed(tmp_path: Path) -> None:
    store = await open_store(f"duckdb:///{tmp_path / 'store.duckdb'}")
    await store.write(Batch.from_readings([Reading("a", "weather", 10**18, {"temperature": 1.5})]))
    await asyncio.gather(
        store.copy_to(tmp_path / "it's a copy.duckdb"),
        store.write(Batch.from_readings([Reading("b", "weather", 10**18, {"temperature": 2.5})])),
    )
    copy = await open_store(f"duckdb:///{tmp_path}/it's a copy.duckdb")
    assert "a" in [one.device for one in await copy.latest(LatestQuery())]
    await copy.aclose()
    await store.aclose()


async def test_what_is_too_old_expires(tmp_path: Path) -> None:
    store = await open_store(f"duckdb:///{tmp_path / 'store.duckdb'}")
    old, new = 10**18, 10**18 + 10**9
    await store.write(Batch.from_readings([Reading("a", "weather", old, {"temperature": 1.5})]))
    await store.write(Batch.from_readings([Reading("b", "weather", at, {"temperature": 2.5}) for at in (old, new)]))
    assert await store.expire(new) == 2
    assert await store.expire(new) == 0
    assert [one.device for one in await store.latest(LatestQuery())] == ["b"]
    await store.write(Batch.from_readings([Reading("a", "weather", new, {"temperature": 3.5})]))
    assert [one.device for one in await store.latest(LatestQuery())] == ["a", "b"]
    await store.aclose()
