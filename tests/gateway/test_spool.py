"""The spool keeps what it took."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from city.errors import Broken, ConfigurationError, SpoolFull
from city.reading import Reading
from city.wire import pack
from city.wire.pack import Undecoded
from gateway.outbox.group_commit import Contents
from gateway.outbox.spool import Pending, Spool
from gateway.outbox.spool_file import pending_readings

PLENTY = 2**30
GATEWAY = "gw-1"


def contents(readings: int, undecoded: int = 0, size: int = 10) -> Contents:
    return Contents(
        [Reading("d", "weather", number, {"temperature": float(number)}) for number in range(readings)],
        [Undecoded("http:native", b"x" * size, 1, "undecoded") for _ in range(undecoded)],
    )


def fill(spool: Spool) -> None:
    while True:
        spool.append(
            [Contents([Reading("d", "weather", n, dict.fromkeys("abcdefghij", 1.0)) for n in range(1_000)], [])]
        )


class Custody(RuleBasedStateMachine):
    """A spool against a dict, through restarts and kills."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="korat-spool-"))
        self.spool = Spool(self.folder / "a.spool", GATEWAY, PLENTY)
        self.id = self.spool.id
        self.kept: dict[int, tuple[int, int]] = {}  # number to (before, readings)
        self.next_seq, self.offset = 1, 0

    @rule(sizes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)).filter(any), min_size=1, max_size=4))
    def append(self, sizes: list[tuple[int, int]]) -> None:
        self.spool.append([contents(*size) for size in sizes])
        for size in sizes:
            self.kept[self.next_seq] = self.offset, sum(size)
            self.next_seq += 1
            self.offset += sum(size)

    @rule(ranges=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 10) | st.just(2**62)), max_size=3))
    def forget(self, ranges: list[tuple[int, int]]) -> None:
        closed = [(first, first + more) for first, more in ranges]
        self.spool.forget(closed)
        for seq in [seq for seq in self.kept if any(first <= seq <= last for first, last in closed)]:
            del self.kept[seq]

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder / "a.spool", GATEWAY, PLENTY)

    @rule()
    def kill(self) -> None:
        # a copy of the files while they are open is what a kill -9 leaves behind
        other = self.folder.with_name(f"{self.folder.name}k")
        shutil.copytree(self.folder, other)
        self.spool.close()
        shutil.rmtree(self.folder)
        self.folder = other
        self.spool = Spool(self.folder / "a.spool", GATEWAY, PLENTY)

    @rule(after=st.integers(0, 20), most=st.integers(1, 5))
    def read(self, after: int, most: int) -> None:
        expected = [seq for seq in sorted(self.kept) if seq > after][:most]
        assert [stored.seq for stored in self.spool.oldest(after, most)] == expected
        assert [stored.seq for stored in self.spool.pick([*expected, 2**40])] == expected

    @invariant()
    def balances(self) -> None:
        if not hasattr(self, "spool"):
            return
        packs = {stored.seq: pack.decode(stored.payload, GATEWAY) for stored in self.spool.oldest(0, 1000)}
        assert {seq: (got.offset, got.count()) for seq, got in packs.items()} == self.kept
        assert all(got.seq == seq and got.spool == self.id for seq, got in packs.items())
        size = sum(len(stored.payload) for stored in self.spool.oldest(0, 1000))
        assert self.spool.pending == Pending(sum(count for _, count in self.kept.values()), len(self.kept), size)
        assert self.spool.last == self.next_seq - 1

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            shutil.rmtree(self.folder)


Custody.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestCustody = Custody.TestCase


def test_each_new_spool_has_an_id_of_its_own(tmp_path: Path) -> None:
    one, other = Spool(tmp_path / "1", GATEWAY, PLENTY), Spool(tmp_path / "2", GATEWAY, PLENTY)
    assert one.id != other.id
    one.close()
    other.close()


def test_a_spool_at_its_bound_refuses_and_takes_again_when_packs_are_settled(tmp_path: Path) -> None:
    most = 2 * 2**20
    file = tmp_path / "a.spool"
    spool = Spool(file, GATEWAY, most)
    for _ in range(3):
        with pytest.raises(SpoolFull, match="wait for a receipt"):
            fill(spool)
        assert file.stat().st_size <= most
        last, pending = spool.last, spool.pending
        assert pending.packs == len(spool.oldest(0, 100)) > 10
        assert [stored.seq for stored in spool.oldest(last - 1, 5)] == [last]
        spool.forget([(1, last - 1)])
        spool.append([contents(1)])
        assert spool.last == last + 1
        spool.forget([(1, last + 1)])
    spool.close()
    assert file.stat().st_size <= most


def test_a_group_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.spool", GATEWAY, 2**20)
    with pytest.raises(SpoolFull):
        spool.append([contents(1)] + [contents(1_000)] * 80)
    assert spool.oldest(0, 10) == []
    assert spool.last == 0
    assert spool.pending == Pending(0, 0, 0)
    spool.append([contents(2)])
    assert [pack.decode(stored.payload, GATEWAY).offset for stored in spool.oldest(0, 10)] == [0]
    spool.close()


def test_how_many_readings_wait_can_be_asked_without_opening_the_spool_as_a_gateway(tmp_path: Path) -> None:
    file = tmp_path / "a.spool"
    spool = Spool(file, GATEWAY, PLENTY)
    spool.append([contents(3, 1)])
    assert pending_readings(file, GATEWAY) is None, "held"
    spool.close()
    before = file.read_bytes()
    assert pending_readings(file, GATEWAY) == 4
    assert file.read_bytes() == before
    with pytest.raises(ConfigurationError, match="belongs to gateway"):
        pending_readings(file, "gw-2")
    file.write_bytes(b"no spool" * 1000)
    with pytest.raises(Broken):
        pending_readings(file, GATEWAY)
