"""The spool under kill -9, on a full disk, and with a damaged file."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from city.errors import Broken, ConfigurationError, SpoolFull
from city.reading import Reading
from city.wire import pack
from city.wire.pack import Undecoded
from gateway.outbox.group_commit import Contents
from gateway.outbox.spool import Spool

PLENTY = 2**30
GATEWAY = "gw-1"

APPENDER = """
import sys
from pathlib import Path
from city.reading import Reading
from gateway.outbox.group_commit import Contents
from gateway.outbox.spool import Spool
spool = Spool(Path(sys.argv[1]), "gw-1", 2**30)
while True:
    spool.append([Contents([Reading("d", "weather", 1, {"temperature": 1.0})] * size, []) for size in (1, 50, 3)])
    print(spool.last, flush=True)
"""

LIMITED = """
import resource, signal, sys
from pathlib import Path
from city.errors import SpoolFull
from city.wire.pack import Undecoded
from gateway.outbox.group_commit import Contents
from gateway.outbox.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]), "gw-1", 2**30)
big = Contents([], [Undecoded("http:native", bytes(50_000), 1, "undecoded")])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
try:
    while True:
        spool.append([big])
except SpoolFull as error:
    print(error)
taken = spool.last
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
spool.append([big])
assert spool.last == taken + 1, (spool.last, taken)
assert [stored.seq for stored in spool.oldest(0, 1000)] == list(range(1, taken + 2))
spool.close()
"""


def undecoded(size: int) -> Contents:
    return Contents([], [Undecoded("http:native", bytes(size), 1, "undecoded")])


def fill(spool: Spool) -> None:
    while True:
        spool.append([Contents([Reading("d", "weather", n, {"temperature": 1.0}) for n in range(1_000)], [])])


@pytest.mark.parametrize("acknowledged", [1, 7, 40])
def test_what_was_acknowledged_survives_kill_9_without_a_gap(tmp_path: Path, acknowledged: int) -> None:
    file = tmp_path / "a.spool"
    said = 0
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", APPENDER, file], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(acknowledged):
                said = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            said = max([said, *map(int, child.stdout.read().split("\n")[:-1])])
        spool = Spool(file, GATEWAY, PLENTY)
        packs = [pack.decode(stored.payload, GATEWAY) for stored in spool.oldest(0, 100_000)]
        spool.close()
        assert [got.seq for got in packs] == list(range(1, len(packs) + 1))
        assert len(packs) >= said
        assert len(packs) % 3 == 0, "a group is on disk whole or not at all"
        befores = [sum(got.count() for got in packs[:number]) for number in range(len(packs))]
        assert [got.offset for got in packs] == befores


def test_a_write_that_the_system_refuses_is_full_and_passes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "a.spool"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert "nothing was taken" in done.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 1 MB, where we may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_said_and_recovers(small_disk: Path) -> None:
    spool = Spool(small_disk / "a.spool", GATEWAY, PLENTY)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(400_000))
    with pytest.raises(SpoolFull, match=r"disk under the spool .* is full"):
        fill(spool)
    taken = spool.last
    assert taken > 3
    ballast.unlink()
    spool.append([undecoded(20_000)])
    spool.forget([(1, 3)])
    spool.close()
    spool = Spool(small_disk / "a.spool", GATEWAY, PLENTY)
    assert [stored.seq for stored in spool.oldest(0, 1000)] == list(range(4, taken + 2))
    spool.close()


def test_no_room_for_even_a_new_spool_is_a_sentence(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(2**20))
    with pytest.raises(ConfigurationError, match=r"a\.spool can't be made"):
        Spool(small_disk / "a.spool", GATEWAY, PLENTY)
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]
    (small_disk / "ballast").write_bytes(bytes(2**20 - 16_384))
    with pytest.raises(ConfigurationError, match=r"disk under the spool .*a\.spool is full"):
        Spool(small_disk / "a.spool", GATEWAY, PLENTY)
    (small_disk / "ballast").unlink()
    Spool(small_disk / "a.spool", GATEWAY, PLENTY).close()


def foreign(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE diary (day TEXT)")
    db.close()


def newer(file: Path) -> None:
    Spool(file, GATEWAY, PLENTY).close()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()


def headless(file: Path) -> None:
    Spool(file, GATEWAY, PLENTY).close()
    file.write_bytes(b"\0" * 4096 + file.read_bytes()[4096:])


def shortened(file: Path) -> None:
    Spool(file, GATEWAY, PLENTY).close()
    os.truncate(file, 5000)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda file: file.write_bytes(b""), "is empty"),
        (lambda file: file.write_bytes(b"no database at all" * 1000), "can't be read"),
        (foreign, "something else"),
        (newer, "version 2"),
        (headless, "can't be read"),
        (shortened, "can't be read"),
        (lambda file: file.with_name("a.spool-wal").write_bytes(b"x" * 100), "bring both back"),
    ],
    ids=["empty", "garbage", "foreign", "newer", "headless", "shortened", "only a journal"],
)
def test_a_broken_file_is_named_and_left_alone(tmp_path: Path, damage: object, sentence: str) -> None:
    file = tmp_path / "a.spool"
    assert callable(damage)
    damage(file)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Broken, match=sentence) as raised:
        Spool(file, GATEWAY, PLENTY)
    assert str(file) in str(raised.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_damage_inside_is_found_when_it_is_met(tmp_path: Path) -> None:
    file = tmp_path / "a.spool"
    spool = Spool(file, GATEWAY, PLENTY)
    spool.append([undecoded(500) for _ in range(200)])
    spool.close()
    whole = bytearray(file.read_bytes())
    whole[8 * 4096 :] = os.urandom(len(whole) - 8 * 4096)
    file.write_bytes(whole)
    spool = Spool(file, GATEWAY, PLENTY)
    with pytest.raises(Broken, match=r"a\.spool"):
        spool.oldest(0, 1000)
    spool.close()


def test_a_spool_belongs_to_its_gateway_and_to_one_process(tmp_path: Path) -> None:
    file = tmp_path / "a.spool"
    spool = Spool(file, GATEWAY, PLENTY)
    with pytest.raises(ConfigurationError, match="open in another process"):
        Spool(file, GATEWAY, PLENTY)
    spool.close()
    with pytest.raises(ConfigurationError, match="belongs to gateway 'gw-1', not 'gw-2'"):
        Spool(file, "gw-2", PLENTY)
    with pytest.raises(ConfigurationError, match="can't be reached"):
        Spool(tmp_path / "a.spool" / "b", GATEWAY, PLENTY)


def test_of_two_first_starts_one_makes_the_file_and_the_other_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.spool"
    link = os.link
    first: list[Spool] = []

    def late(source: Path, target: Path) -> None:
        """Let another process be quicker."""
        monkeypatch.setattr(os, "link", link)
        first.append(Spool(file, GATEWAY, PLENTY))
        first[0].append([undecoded(1)])
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(ConfigurationError, match="open in another process"):
        Spool(file, GATEWAY, PLENTY)
    first[0].append([undecoded(1)])
    first[0].close()
    spool = Spool(file, GATEWAY, PLENTY)
    assert (spool.id, spool.pending.packs) == (first[0].id, 2)
    spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.spool"]


def test_a_spool_is_made_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    Spool(tmp_path / "a.spool", GATEWAY, PLENTY).close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.spool"]


def test_a_half_made_file_of_a_killed_start_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "a.spool.new-0a1b2c3d").write_bytes(b"half")
    spool = Spool(tmp_path / "a.spool", GATEWAY, PLENTY)
    spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.spool"]
