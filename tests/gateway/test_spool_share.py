"""Garbage takes a share of the spool, and every payload of it is counted; readings take all of it."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from city.errors import SpoolFull
from city.reading import Reading
from city.wire import pack
from city.wire.pack import Undecoded
from gateway.outbox.group_commit import Contents
from gateway.outbox.spool import Spool

GATEWAY = "gw-1"
MB = 2**20


def garbage(count: int, origin: str = "http:native?device=d", size: int = 1_000) -> Contents:
    return Contents([], [Undecoded(origin, bytes(size), 1, "malformed_json", "odd") for _ in range(count)])


def readings(count: int) -> Contents:
    return Contents([Reading("d", "weather", n, {"temperature": float(n)}) for n in range(count)], [])


def fill(spool: Spool) -> None:
    while True:
        spool.append([readings(1_000)])


def undecoded(spool: Spool) -> list[Undecoded]:
    return [item for stored in spool.oldest(0, 10_000) for item in pack.decode(stored.payload, GATEWAY).undecoded]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "a.spool", GATEWAY, 16 * MB)
    yield spool
    spool.close()


def test_beyond_its_share_an_input_is_counted_with_a_sample(spool: Spool) -> None:
    for _ in range(40):
        spool.append([garbage(100)])
    held = undecoded(spool)
    whole = [item for item in held if not item.size]
    assert sum(len(item.payload) for item in whole) <= MB
    assert sum(item.payloads for item in held) == 4_000
    assert sum(item.size for item in held) + sum(len(item.payload) for item in whole) == 4_000 * 1_000
    assert spool.pending.readings == spool.taken == 4_000
    assert spool.pending.bytes < 1.2 * MB
    last = held[-1]
    assert (last.payloads, last.size, last.payload, last.reason) == (100, 100_000, bytes(256), "malformed_json")
    digest = hashlib.sha256(hashlib.sha256(bytes(1_000)).digest() * 100).hexdigest()
    assert digest in last.detail


def test_another_input_has_a_share_of_its_own_and_all_have_one_together(spool: Spool) -> None:
    for _ in range(20):
        spool.append([garbage(100)])
    spool.append([garbage(1, "mqtt:mapped")])
    assert undecoded(spool)[-1].size == 0
    for number in range(200):
        spool.append([garbage(100, f"input-{number}:mapped")])
    kept = sum(len(item.payload) for item in undecoded(spool) if not item.size)
    assert 3 * MB < kept <= 4 * MB


def test_names_of_devices_make_no_further_share(spool: Spool) -> None:
    for number in range(3_000):
        spool.append([garbage(1, f"http:native?device=d{number}")])
    assert sum(len(item.payload) for item in undecoded(spool) if not item.size) <= MB


def test_readings_fit_after_a_flood_of_garbage(tmp_path: Path) -> None:
    quiet, flooded = (Spool(tmp_path / name, GATEWAY, 8 * MB) for name in ("quiet", "flooded"))
    for _ in range(100):
        flooded.append([garbage(1_000)])
    room = []
    for spool in (quiet, flooded):
        before = spool.taken
        with pytest.raises(SpoolFull):
            fill(spool)
        room.append(spool.taken - before)
        spool.close()
    assert room[1] >= 0.75 * room[0]


def test_garbage_is_condensed_when_readings_took_the_half(spool: Spool) -> None:
    while spool.pending.bytes < 9 * MB:
        spool.append([readings(1_000)])
    spool.append([garbage(10)])
    assert [(item.payloads, item.size) for item in undecoded(spool)] == [(10, 10_000)]


def test_the_share_is_given_back_when_the_spool_is_empty(spool: Spool) -> None:
    for _ in range(20):
        spool.append([garbage(100)])
    spool.forget([(1, spool.last)])
    spool.append([garbage(1)])
    assert [item.size for item in undecoded(spool)] == [0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 4 MB, where we may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_gets_short_takes_readings_when_it_takes_garbage_no_more(small_disk: Path) -> None:
    spool = Spool(small_disk / "a.spool", GATEWAY, 1024 * MB)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3_850_000))
    spool.append([garbage(10), readings(100)])
    assert [(item.payloads, item.size) for item in undecoded(spool)] == [(10, 10_000)]
    with pytest.raises(SpoolFull):
        fill(spool)
    taken = spool.taken
    ballast.unlink()
    spool.append([readings(10), garbage(1)])
    assert undecoded(spool)[-1].size == 0
    assert spool.pending.readings == taken + 11
    spool.close()
