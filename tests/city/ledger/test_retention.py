"""What the journal keeps: by age and size, never past a worker, and past a follower only when it is far behind."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.batch import Batch
from city.database import engine as engines
from city.errors import JournalGone, Reason
from city.ledger import Ledger, open_ledger
from city.ledger import journal as journal_rules
from city.ledger.erasing import without
from city.ledger.port import By, JournalEntry, NewDevice, PackClaim, PackId, QuarantinedPayload, Settlement, Source
from city.ledger.retention import Erasure, Gap, JournalLimits
from city.reading import Reading
from city.registry import open_registry
from city.wire import journal, pack

S = 10**9
HOUR_NS = 3600 * S
NOW_NS = 1_764_900_000 * S // HOUR_NS * HOUR_NS
FOREVER = 2**62
SIZE = 100
Query = Callable[[str], list[tuple[object, ...]]]


async def fill(ledger: Ledger, ages_s: list[int]) -> None:
    """One entry of 100 bytes and 2 readings each."""
    for age_s in ages_s:
        settlement = Settlement(NOW_NS - age_s * S, journal=[JournalEntry("", 2, b"x" * SIZE)])
        settlement.counts[Source("", "dev")].received += 2
        settlement.counts[Source("", "dev")].stored += 2
        await ledger.settle(settlement)


async def kept(ledger: Ledger) -> list[int]:
    span = await ledger.journal_span()
    return [row.id for row in await ledger.journal(after=span.first - 1, limit=1000)]


async def test_entries_expire_by_age_and_by_size_and_numbers_go_on(ledger: Ledger, query: Query) -> None:
    await fill(ledger, [500, 400, 300, 200, 100])
    assert (await ledger.expire_journal(JournalLimits(350 * S, FOREVER), NOW_NS)).entries == 2
    assert await kept(ledger) == [3, 4, 5]
    assert (await ledger.expire_journal(JournalLimits(FOREVER, 2 * SIZE), NOW_NS)).entries == 1
    assert (await ledger.expire_journal(JournalLimits(FOREVER, 2 * SIZE), NOW_NS)).entries == 0
    assert query("select journal_bytes, expired_readings from sequences") == [(2 * SIZE, 6)]
    await ledger.expire_journal(JournalLimits(0, 1), NOW_NS)
    span = await ledger.journal_span()
    assert (span.first, span.last) == (6, 5)
    await fill(ledger, [0])
    assert await kept(ledger) == [6]


async def test_a_hole_raises_and_so_do_a_foreign_epoch_and_a_position_beyond_the_end(ledger: Ledger) -> None:
    await fill(ledger, [500, 400, 0])
    await ledger.expire_journal(JournalLimits(300 * S, FOREVER), NOW_NS)
    with pytest.raises(JournalGone, match="entries 2 to 2 of the journal have expired"):
        await ledger.journal(after=1)
    epoch = (await ledger.journal_span()).epoch
    assert [row.id for row in await ledger.journal(after=2, epoch=epoch)] == [3]
    with pytest.raises(JournalGone, match="beyond the journal, which ends at 3"):
        await ledger.journal(after=4)
    renewed = await ledger.renew_epoch()
    with pytest.raises(JournalGone, match=f"epoch {epoch}, and now it is {renewed}"):
        await ledger.journal(after=2, epoch=epoch)
    assert [row.id for row in await ledger.journal(after=2, epoch=renewed)] == [3]
    await ledger.expire_journal(JournalLimits(-S, 1), NOW_NS)
    with pytest.raises(JournalGone, match="entries 3 to 3"):
        await ledger.journal(after=2)
    assert await ledger.journal(after=3) == []


async def test_a_working_worker_is_never_passed_and_one_that_is_gone_is(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(ledger, [500, 400, 300])
    monkeypatch.setattr("time.time_ns", lambda: NOW_NS)
    await ledger.follow("worker", 1, worker=True)
    everything = JournalLimits(1, 1)
    assert (await ledger.expire_journal(everything, NOW_NS)).entries == 1
    assert (await ledger.expire_journal(everything, NOW_NS)).entries == 0
    late_ns = NOW_NS + journal_rules.LIVE_NS + 1
    gone = await ledger.expire_journal(everything, late_ns)
    assert (gone.entries, gone.followers) == (2, ())


async def test_a_follower_holds_the_journal_to_twice_its_age_and_is_then_cut_off(ledger: Ledger) -> None:
    await fill(ledger, [250, 150, 150, 50])
    await ledger.follow("feed", 1, worker=False)
    limits = JournalLimits(100 * S, FOREVER)
    assert await ledger.expire_journal(limits, NOW_NS) == (1, ())
    assert await ledger.expire_journal(limits, NOW_NS) == (0, ())
    assert await ledger.expire_journal(limits, NOW_NS + 51 * S) == (2, ("feed",))
    assert await kept(ledger) == [4]
    with pytest.raises(JournalGone):
        await ledger.journal(after=1)
    await ledger.follow("other", 3, worker=False)
    await ledger.unfollow("other")
    assert (await ledger.expire_journal(limits, NOW_NS + 100 * S)).entries == 1


async def test_a_follower_holds_the_journal_to_twice_its_size(ledger: Ledger) -> None:
    await fill(ledger, [0] * 5)
    await ledger.follow("feed", 0, worker=False)
    assert (await ledger.expire_journal(JournalLimits(FOREVER, 2 * SIZE), NOW_NS)).entries == 1
    assert await kept(ledger) == [2, 3, 4, 5]


async def test_a_batch_at_a_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_rules, "BATCH", 2)
    await fill(ledger, [9] * 5)
    gone = [(await ledger.expire_journal(JournalLimits(S, FOREVER), NOW_NS)).entries for _ in range(4)]
    assert gone == [2, 2, 1, 0]


async def test_one_worker_cleans_up_in_a_period(two: tuple[Ledger, Ledger]) -> None:
    one, other = two
    assert await one.claim_cleanup(NOW_NS, 60 * S)
    assert not await other.claim_cleanup(NOW_NS + 59 * S, 60 * S)
    assert await other.claim_cleanup(NOW_NS + 60 * S, 60 * S)
    assert await one.claim_cleanup(NOW_NS, 60 * S), "a clock that was set back must not stop it for ever"


async def test_old_hours_go_and_newer_ones_stay(ledger: Ledger) -> None:
    await fill(ledger, [5 * 3600, 3 * 3600, 0])
    await fill(ledger, [0] * 64)  # so that the hours that are over are rows of their own
    assert await ledger.expire_hours(NOW_NS - 4 * HOUR_NS) == 1
    assert await ledger.expire_hours(NOW_NS - 4 * HOUR_NS) == 0
    (account,) = await ledger.account(0, FOREVER, By.TOTAL)
    assert account.counts.stored == 2 * 66


def block(*readings: Reading) -> pack.Block:
    return pack.to_block(Batch.from_readings(list(readings)))


async def test_an_erasure_reaches_journal_and_quarantine_and_keeps_counts_and_a_record(ledger: Ledger) -> None:
    mine, other = (
        [Reading(device, "weather", NOW_NS + at, {"temperature": 20.0 + at}) for at in range(3)]
        for device in ("mine", "other")
    )
    payload = journal.encode([block(*mine, *other), block(Reading("mine", "rain", NOW_NS, {"rain": 1.0}))])
    held = [
        QuarantinedPayload("t", b"secret", NOW_NS, Reason.NO_VALUES, "", Source("", device))
        for device in ("mine", "other")
    ]
    await ledger.settle(Settlement(NOW_NS, journal=[JournalEntry("", 7, payload)], quarantined=held))
    await ledger.settle(Settlement(NOW_NS, journal=[JournalEntry("", 3, journal.encode([block(*other)]))]))
    asked = Erasure("mine", NOW_NS, FOREVER, "somchai", "asked by the owner")
    number = await ledger.erase(asked)
    (row,) = await ledger.erasures()
    assert (row.asked, row.readings, row.payloads, row.done) == (asked, 4, 1, False)
    await ledger.erased(number)
    assert (await ledger.erasures())[0].done
    first, second = await ledger.journal(after=0)
    assert (first.entry.readings, second.entry.readings) == (7, 3)
    (left,) = journal.decode(first.entry.payload)
    assert left.devices == ["other"]
    assert pack.to_batch(left).readings() == other
    assert b"mine" not in first.entry.payload
    assert [row.quarantined.payload for row in await ledger.quarantine()] == [b"", b"secret"]
    again = await ledger.erase(asked)
    assert [(row.id, row.readings) for row in await ledger.erasures()] == [(number, 4), (again, 0)]


async def test_erased_bytes_leave_the_files_of_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_SQLITE", (*engines._SQLITE, "pragma secure_delete = off"))  # as some builds have it
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    kept = journal.encode([block(Reading("other", "weather", NOW_NS, {"temperature": 1.5}))])
    gone = journal.encode([block(*(Reading("mine", "rain", NOW_NS + at, {"rain": at / 7}) for at in range(900)))])
    held = QuarantinedPayload("t", b"secret " * 99, NOW_NS, Reason.NO_VALUES, "", Source("", "mine"))
    for payload in (kept, gone, kept):
        await ledger.settle(Settlement(NOW_NS, journal=[JournalEntry("", 1, payload)], quarantined=[held]))

    def found() -> list[bool]:
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        return [part in files for part in (kept, gone[:40], gone[-40:], b"secret secret")]

    assert found() == [True] * 4
    await ledger.erased(await ledger.erase(Erasure("mine", 0, FOREVER, "", "")))
    assert found() == [True, False, False, False]
    await ledger.aclose()


readings = st.lists(
    st.builds(
        Reading,
        device=st.sampled_from(["a", "b", "c"]),
        kind=st.just("weather"),
        time_ns=st.integers(NOW_NS, NOW_NS + 9),
        values=st.dictionaries(st.sampled_from(["temperature", "humidity"]), st.floats(0, 40), min_size=1),
    ),
    min_size=1,
)


@given(readings, st.integers(NOW_NS, NOW_NS + 9), st.integers(0, 10))
def test_what_is_left_of_a_block_is_all_that_was_not_asked_for(rows: list[Reading], start: int, length: int) -> None:
    asked = Erasure("b", start, start + length, "", "")
    rest, gone = without(block(*rows), asked)
    wanted = [row for row in rows if row.device != "b" or not start <= row.time_ns < start + length]
    assert gone == len(rows) - len(wanted)
    assert ([] if rest is None else pack.to_batch(rest).readings()) == wanted
    if rest is not None and not any(row.device == "b" for row in wanted):
        assert "b" not in rest.devices


async def test_a_device_that_left_the_registry_is_told_to_those_who_remember_it(
    url: str, opened: Callable[[], Awaitable[Ledger]]
) -> None:
    ledger, registry = await opened(), await open_registry(url)
    new = [NewDevice(device, "weather", "th-30", "", NOW_NS) for device in ("a", "b")]
    await ledger.settle(Settlement(NOW_NS, devices=new))
    since = (await registry.changes()).revision
    assert await registry.unclaimed(NOW_NS) == []
    assert await registry.unclaimed(NOW_NS + 1) == ["a", "b"]
    await registry.remove(["a"])
    changes = await registry.changes(since)
    assert (changes.removed, changes.places) == ({"a"}, {})
    assert await registry.device("a") is None
    await ledger.settle(Settlement(NOW_NS, devices=new[:1]))
    again = await registry.changes(since)
    assert (again.removed, set(again.places)) == ({"a"}, {"a"})
    await registry.aclose()


async def test_gaps_are_named_with_the_times_around_them(
    ledger: Ledger, opened: Callable[[], Awaitable[Ledger]]
) -> None:
    for at_s, seqs in ((0, (2, 3)), (10, (4, 9)), (20, (10, 5))):
        claims = [PackClaim(PackId("gw", "s", seq), (seq - 1) * 5, 5) for seq in seqs]
        await ledger.settle(Settlement(NOW_NS + at_s * S, claims))
    assert await ledger.gaps() == [
        Gap("gw", "s", 1, 1, 5, 0, NOW_NS),
        Gap("gw", "s", 6, 8, 15, NOW_NS + 20 * S, NOW_NS + 10 * S),
    ]
    other = await opened()
    await other.settle(Settlement(NOW_NS + 30 * S, [PackClaim(PackId("gw", "s", 6), 25, 5)]))
    await ledger.settle(Settlement(NOW_NS + 40 * S, [PackClaim(PackId("gw", "s", 8), 35, 5)]))
    assert (await ledger.gaps())[1:] == [Gap("gw", "s", 7, 7, 5, NOW_NS + 30 * S, NOW_NS + 40 * S)]


async def test_a_renewed_epoch_remembers_when_and_forgets_followers(ledger: Ledger) -> None:
    assert await ledger.restores() == []
    await fill(ledger, [100])
    await ledger.follow("feed", 0, worker=False)
    epoch = await ledger.renew_epoch()
    (restore,) = await ledger.restores()
    assert (restore.epoch, restore.commit_ns) == (epoch, NOW_NS - 100 * S)
    assert (await ledger.journal_span()).epoch == epoch
    assert (await ledger.expire_journal(JournalLimits(S, FOREVER), NOW_NS)).entries == 1
