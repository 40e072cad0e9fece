"""The audit: what the journal has and the store lacks is loss, and nothing else is."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_platform import Platform

import korat.audit
from city.batch import NOWHERE, Batch
from city.errors import JournalGone
from city.ledger import Ledger, open_ledger
from city.ledger.port import JournalRow, Settlement
from city.ledger.retention import Erasure, JournalLimits
from city.reading import FIRST_NS, LAST_NS, Reading
from city.store import Store, open_store
from ingest.settle import journal
from korat.audit import Audit, Found, Scope, audit
from korat.instant_runs import InstantRuns

S = 10**9
T = 1_764_900_000 * S
FOREVER = 2**62
Instant = tuple[str, str, int]
"""Device, kind, time."""


@dataclass
class Pair:
    """A store and a ledger, each of which can be written without the other."""

    store: Store
    ledger: Ledger

    async def write(self, *instants: Instant, at_ns: int = T) -> None:
        for batch in batches(instants):
            batch.rx_ns = at_ns
            await self.store.write(batch)

    async def settle(self, *instants: Instant, at_ns: int = T) -> None:
        await self.ledger.settle(Settlement(at_ns, journal=journal(batches(instants))))

    async def audit(self, scope: Scope | None = None) -> Audit:
        return await audit(self.ledger, self.store, scope or Scope())


def batches(instants: Sequence[Instant]) -> list[Batch]:
    made = []
    for wanted in dict.fromkeys(kind for _, kind, _ in instants):
        readings = [Reading(device, kind, at, {"a": 1.0, "b": 2.0}) for device, kind, at in instants if kind == wanted]
        batch = Batch.from_readings(readings)
        batch.places = [NOWHERE] * len(batch.devices)
        made.append(batch)
    return made


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Pair]:
    store, ledger = (
        await open_store(f"duckdb:///{folder / 'r.duckdb'}"),
        await open_ledger(f"sqlite:///{folder / 'l.sqlite'}"),
    )
    yield Pair(store, ledger)
    await ledger.aclose()
    await store.aclose()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with opened(tmp_path) as both:
        yield both


A, B, C = ("d", "weather", T), ("d", "weather", T + S), ("e", "noise", T)


async def test_what_is_on_both_sides_is_well(pair: Pair) -> None:
    for at_ns in (T, T + S):
        await pair.write(A, B, C, at_ns=at_ns)
        await pair.settle(A, B, C, at_ns=at_ns)
    found = await pair.audit()
    assert (found.rows, found.journal, found.store) == (6, 3, 3)
    assert (found.lost.count, found.uncommitted.count, found.flushes) == (0, 0, set())
    assert (found.start_ns, found.written_ns) == (FIRST_NS, 0)


async def test_what_the_store_lacks_is_lost_and_listed_by_device(pair: Pair) -> None:
    await pair.settle(A, B, C)
    await pair.write(A)
    found = await pair.audit()
    assert found.lost.count == 2
    assert found.lost.devices == {("weather", "d"): Found(1, T + S, T + S), ("noise", "e"): Found(1, T, T)}
    assert found.uncommitted.count == 0


async def test_what_was_never_committed_is_listed_by_flush(pair: Pair) -> None:
    await pair.write(A, C, at_ns=T + 1)
    await pair.write(B, at_ns=T + 2)
    found = await pair.audit()
    assert (found.lost.count, found.uncommitted.count) == (0, 3)
    assert found.uncommitted.devices == {("weather", "d"): Found(2, T, T + S), ("noise", "e"): Found(1, T, T)}
    assert found.flushes == {T + 1, T + 2}
    young = await pair.audit(Scope(until_ns=T + 1))
    assert (young.uncommitted.count, young.flushes) == (2, {T + 1})


async def test_of_one_kind_the_same_device_and_time_say_nothing_of_another(pair: Pair) -> None:
    await pair.settle(("d", "weather", T))
    await pair.write(("d", "noise", T))
    found = await pair.audit()
    assert (list(found.lost.devices), list(found.uncommitted.devices)) == ([("weather", "d")], [("noise", "d")])


async def test_a_range_and_a_device_narrow_it(pair: Pair) -> None:
    await pair.settle(A, B, C)
    assert (await pair.audit(Scope(T + S))).lost.devices == {("weather", "d"): Found(1, T + S, T + S)}
    assert (await pair.audit(Scope(end_ns=T + S, device="e"))).lost.devices == {("noise", "e"): Found(1, T, T)}
    assert (await pair.audit(Scope(device="nobody"))).lost.count == 0


async def test_what_only_an_expired_entry_could_explain_is_not_judged(pair: Pair) -> None:
    hour = 3600 * S
    for number, instant in enumerate((A, B, C)):
        await pair.write(instant, at_ns=T + number * hour)
        await pair.settle(instant, at_ns=T + number * hour)
    await pair.ledger.expire_journal(JournalLimits(hour, FOREVER), T + 2 * hour + 1)
    await pair.write(("x", "noise", T), at_ns=T + 3 * hour)
    found = await pair.audit()
    assert (found.journal, found.store, found.lost.count) == (1, 4, 0)
    assert list(found.uncommitted.devices) == [("noise", "x")]
    assert T + 2 * hour <= found.written_ns < T + 3 * hour
    await pair.ledger.expire_journal(JournalLimits(0, 1), T + 9 * hour)
    found = await pair.audit()
    assert (found.uncommitted.count, found.written_ns) == (0, LAST_NS)


class Expiring:
    """A ledger whose oldest entries expire while they are read."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.gone = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)

    async def journal(self, *, after: int, limit: int, epoch: str) -> list[JournalRow]:
        if not self.gone:
            self.gone = True
            await self.ledger.expire_journal(JournalLimits(S, FOREVER), T + 10 * S)
        return await self.ledger.journal(after=after, limit=limit, epoch=epoch)


async def test_entries_that_expire_meanwhile_are_no_error(pair: Pair) -> None:
    for number, instant in enumerate((A, B, C)):
        await pair.write(instant, at_ns=T + 5 * number * S)
        await pair.settle(instant, at_ns=T + 5 * number * S)
    found = await audit(Expiring(pair.ledger), pair.store, Scope())  # type: ignore[arg-type] # a stand-in
    assert (found.journal, found.lost.count, found.uncommitted.count) == (1, 0, 0)
    assert found.written_ns > T


async def test_another_epoch_ends_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await pair.settle(A)
    ask = pair.ledger.journal

    async def restored(**asked: object) -> list[JournalRow]:
        await pair.ledger.renew_epoch()
        return await ask(**asked)  # type: ignore[arg-type] # handed on

    monkeypatch.setattr(pair.ledger, "journal", restored)
    with pytest.raises(JournalGone, match="epoch"):
        await pair.audit()


async def test_an_erasure_that_is_under_way_is_no_loss_and_one_that_is_done_hides_nothing(pair: Pair) -> None:
    await pair.settle(A, B, C)
    await pair.write(A, B, C)
    number = await pair.ledger.erase(Erasure("d", T, T + S, "keeper", "asked"))
    assert (await pair.audit()).uncommitted.count == 0  # the journal's is gone, the store's not yet
    await pair.store.forget("d", T, T + S)
    await pair.ledger.erased(number)
    found = await pair.audit()
    assert (found.journal, found.store, found.lost.count, found.uncommitted.count) == (2, 2, 0, 0)
    await pair.settle(A)
    assert (await pair.audit()).lost.count == 1


def test_many_lost_devices_are_counted_and_some_listed() -> None:
    findings = korat.audit.Findings()
    devices = np.repeat(np.arange(3 * korat.audit.LISTED, dtype=np.int32), 2)
    findings.add("noise", devices, np.arange(len(devices)), [f"d-{number}" for number in range(len(devices))])
    findings.add("noise", np.array([1, 299], np.int32), np.array([9000, 9000]), [f"d-{n}" for n in range(300)])
    assert findings.count == 6 * korat.audit.LISTED + 2
    assert len(findings.devices) == korat.audit.LISTED
    assert findings.devices["noise", "d-1"] == Found(3, 2, 9000)


instants = st.tuples(
    st.sampled_from(["d", "e", "f"]),
    st.sampled_from(["weather", "noise"]),
    st.one_of(st.integers(T, T + 40), st.integers(FIRST_NS, LAST_NS - 1)),
)


@given(st.lists(instants, max_size=60), st.lists(instants, max_size=60), st.lists(instants, max_size=20))
@settings(max_examples=15, deadline=None)
def test_it_says_what_sets_say_in_windows_of_any_size(
    both: list[Instant], ours: list[Instant], theirs: list[Instant]
) -> None:
    async def compare() -> Audit:
        with tempfile.TemporaryDirectory(prefix="korat-") as folder:
            async with opened(Path(folder)) as pair:
                for part in filter(None, (both, ours, both[:5])):
                    await pair.settle(*part)
                for part in filter(None, (both, theirs)):
                    await pair.write(*part)
                return await pair.audit()

    with pytest.MonkeyPatch.context() as small:
        small.setattr(korat.audit, "_WINDOW", 8)
        small.setattr(InstantRuns.__init__, "__defaults__", (7, *InstantRuns.__init__.__defaults__[1:]))  # type: ignore[index]
        found = asyncio.run(compare())
    journal_, store = set(both) | set(ours), set(both) | set(theirs)
    assert (found.journal, found.store) == (len(journal_), len(store))
    for findings, expected in ((found.lost, journal_ - store), (found.uncommitted, store - journal_)):
        told = {}
        for device, kind, time_ns in sorted(expected, key=lambda instant: instant[2]):
            first = told.get((kind, device), Found(0, time_ns, 0)).first_ns
            told[kind, device] = Found(told.get((kind, device), Found(0, 0, 0)).count + 1, first, time_ns)
        assert findings.count == len(expected)
        assert findings.devices == told


def test_the_command_says_it_in_words_and_by_its_exit_code(platform: Platform) -> None:
    nothing = platform.run("ledger", "audit")
    assert nothing.returncode == 1
    assert "there is no store" in nothing.stderr
    assert not list(platform.folder.iterdir())
    now_ms = time.time_ns() // 10**6
    with platform.up():
        platform.post("w-1", [now_ms - 2000, now_ms - 1000, now_ms])
        platform.stored(3)
        busy = platform.run("ledger", "audit")
        assert busy.returncode == 1
        assert "readings.duckdb is held by `korat up`" in busy.stderr
        assert "stop it" in busy.stderr
    well = platform.run("ledger", "audit")
    assert well.returncode == 0, well.stderr
    assert "compared: 3 readings of the journal, at 3 instants; 3 of the store" in well.stdout
    assert "lost, in the journal and not in the store: 0" in well.stdout
    with duckdb.connect(str(platform.folder / "readings.duckdb")) as connection:
        connection.execute(f"delete from point where time < {now_ms * 10**6}")
    lost = platform.run("ledger", "audit")
    assert lost.returncode == 1
    assert "lost, in the journal and not in the store: 2\n  weather w-1: 2, from " in lost.stdout
    assert "2 instants of the journal are not in the store" in lost.stderr
    assert platform.run("ledger", "audit", "--device", "w-2").returncode == 0
    early = platform.run("ledger", "audit", "--from", "2019-12-31T00:00:00Z", "--to", "2020-01-01")
    assert early.returncode == 0
    odd = platform.run("ledger", "audit", "--from", "yesterday")
    assert "--from: 'yesterday' is not a time" in odd.stderr
    kept = platform.run("ledger", "audit", KORAT_RETENTION_READINGS_DAYS="3")
    assert kept.returncode == 1
    assert "\nfrom 20" in kept.stdout
