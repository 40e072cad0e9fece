"""One flush is one transaction, counted once, whoever settles it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from city.errors import Conflict, Reason
from city.ledger import Ledger, compaction
from city.ledger.compaction import FLUSHES
from city.ledger.flush_counts import HOUR_NS
from city.ledger.port import (
    DIRECT,
    Account,
    By,
    JournalEntry,
    NewDevice,
    PackClaim,
    PackId,
    QuarantinedPayload,
    Settlement,
    Source,
)
from city.outcomes import Counts

Opened = Callable[[], Awaitable[Ledger]]
Query = Callable[[str], list[tuple[Any, ...]]]

NOON = 1_764_903_600_000_000_000 - 1_764_903_600_000_000_000 % HOUR_NS
ALWAYS = (0, 2**62)


def flush(seq: int = 0, *, message: int = 0, at_ns: int = NOON + 1, readings: int = 10) -> Settlement:
    settlement = Settlement(at_ns)
    if seq:
        settlement.packs.append(PackClaim(PackId("gw", "b1", seq), (seq - 1) * readings, readings))
        settlement.counts[Source("gw", "d1")] = Counts(received=readings, stored=readings)
    if message:
        settlement.fingerprints.append(message)
        settlement.counts[Source(DIRECT, "d2")] = Counts(received=1, stored=1)
    return settlement


async def total(ledger: Ledger) -> Counts:
    (account,) = await ledger.account(*ALWAYS, By.TOTAL)
    return account.counts


async def test_an_empty_ledger_counts_nothing(ledger: Ledger) -> None:
    assert await ledger.account(*ALWAYS, By.TOTAL) == [Account("", Counts())]
    assert await ledger.account(*ALWAYS, By.GATEWAY) == []
    assert await ledger.account(*ALWAYS, By.DEVICE) == []
    await ledger.ping()


async def test_an_account_adds_up_by_total_gateway_and_device(ledger: Ledger) -> None:
    settlement = Settlement(NOON + 5)
    settlement.counts[Source("gw-a", "d1")] = Counts(10, 6, 1, 2, 1)
    settlement.counts[Source("gw-b", "d1")] = Counts(3, 3)
    settlement.counts[Source("gw-b", "")] = Counts(4, 0, 0, 4)
    settlement.counts[Source(DIRECT, "d2")] = Counts(1, 1)
    await ledger.settle(settlement)
    assert await total(ledger) == Counts(18, 10, 1, 6, 1)
    assert await ledger.account(*ALWAYS, By.GATEWAY) == [
        Account("", Counts(1, 1)),
        Account("gw-a", Counts(10, 6, 1, 2, 1)),
        Account("gw-b", Counts(7, 3, 0, 4)),
    ]
    assert await ledger.account(*ALWAYS, By.DEVICE) == [
        Account("", Counts(4, 0, 0, 4)),
        Account("d1", Counts(13, 9, 1, 2, 1)),
        Account("d2", Counts(1, 1)),
    ]


async def test_an_account_takes_the_hours_that_begin_in_its_range(ledger: Ledger) -> None:
    for hour in range(3):
        await ledger.settle(flush(message=hour + 1, at_ns=NOON + hour * HOUR_NS + HOUR_NS - 1))
    for start, end, expected in (
        (NOON, NOON + HOUR_NS, 1),
        (NOON + 1, NOON + HOUR_NS, 0),
        (NOON + 1, NOON + HOUR_NS + 1, 1),
        (NOON, NOON + 3 * HOUR_NS, 3),
    ):
        (account,) = await ledger.account(start, end, By.TOTAL)
        assert account.counts == Counts(expected, expected)


@pytest.mark.parametrize("by", [By.GATEWAY, By.DEVICE])
async def test_pages_of_an_account_hold_each_key_once(ledger: Ledger, by: By) -> None:
    sources = [Source(f"{key}", f"{key}") for key in ("a", "a-b", "a.b", "a_b", "ab", "b", "0", "")]
    for number, source in enumerate(sources):
        # some of the keys are compacted, the others aren't
        settlement = Settlement(NOON + (HOUR_NS // 2 if number == 4 else 1))
        settlement.counts[source] = Counts(1, 1)
        await ledger.settle(settlement)
    keys: list[str] = []
    while page := await ledger.account(*ALWAYS, by, after=keys[-1] if keys else "", limit=3):
        keys += [account.key for account in page]
    assert keys == sorted(source.device for source in sources)


async def test_compaction_changes_no_count(ledger: Ledger, query: Query) -> None:
    for number in range(1, FLUSHES * 2 + 4):
        await ledger.settle(flush(number, message=number))
        if number % FLUSHES in {0, 1, 9, FLUSHES - 1}:
            assert await total(ledger) == Counts(number * 11, number * 11)
    assert query("select hour_ns from open_hour") == [(NOON,)]
    assert query("select count(*) from hourly") == [(0,)]
    (kept,) = query("select count(*) from flush_counts")[0]
    assert kept < FLUSHES


async def test_an_hour_that_is_over_moves_to_its_rows_a_part_in_each_compaction(
    ledger: Ledger, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "MOVED", 4)
    settlement = Settlement(NOON)
    for number in range(10):
        settlement.counts[Source("gw", f"d{number}")] = Counts(number + 2, number, 1, 0, 1)
    await ledger.settle(settlement)
    expected = await ledger.account(*ALWAYS, By.DEVICE)
    for step, moved in enumerate((4, 8, 10, 10)):
        # an hour later, and eleven seconds after each other, so that each one compacts
        await ledger.settle(Settlement(NOON + HOUR_NS + step * 11 * 10**9))
        assert query("select count(*) from hourly") == [(moved,)]
        assert await ledger.account(*ALWAYS, By.DEVICE) == expected
        assert await ledger.account(NOON, NOON + 1, By.DEVICE, after="d3", limit=3) == expected[4:7]
    assert query("select count(*) from open_hour") == [(0,)]


async def test_what_a_flush_brings_is_all_there(ledger: Ledger, query: Query) -> None:
    settlement = flush(1, message=2**64 - 1)
    settlement.journal = [JournalEntry("", 7, b"\0a"), JournalEntry("firm", 4, b"b")]
    settlement.devices = [NewDevice("d1", "weather", "th-30", "gw", 5)]
    settlement.quarantined = [QuarantinedPayload("t", b"\xff\0", 9, Reason.NOT_UTF8, "why", Source(DIRECT, "d9"))]
    await ledger.settle(settlement)
    dedup = await ledger.refresh()
    assert dedup.has_pack(PackId("gw", "b1", 1))
    assert not dedup.has_pack(PackId("gw", "b1", 2))
    assert not dedup.has_pack(PackId("gw", "b2", 1))
    assert dedup.has_fingerprint(2**64 - 1)
    assert [(r[0], r[1], r[2], r[3], bytes(r[4])) for r in query("select * from journal order by id")] == [
        (1, NOON + 1, "", 7, b"\0a"),
        (2, NOON + 1, "firm", 4, b"b"),
    ]
    assert query("select device, status, rev from device") == [("d1", "discovered", 1)]


async def test_the_first_one_to_settle_a_claim_has_it(opened: Opened, query: Query) -> None:
    first, second = await opened(), await opened()
    await first.settle(flush(1, message=1))
    for claimed in (flush(1), flush(message=1), flush(1, message=2), flush(2, message=1)):
        claimed.journal.append(JournalEntry("", 1, b""))
        claimed.devices.append(NewDevice("d9", "weather", "th-30", "", 0))
        claimed.quarantined.append(QuarantinedPayload("t", b"", 0, Reason.EMPTY, "", Source(DIRECT, "")))
        with pytest.raises(Conflict):
            await second.settle(claimed)
    assert await total(second) == Counts(11, 11)
    assert await second.quarantine() == []
    assert query("select flush, journal, quarantine, rev from sequences") == [(1, 0, 0, 0)]
    assert query("select count(*) from device") == [(0,)]
    dedup = await second.refresh()
    assert not dedup.has_pack(PackId("gw", "b1", 2))
    assert not dedup.has_fingerprint(2)
    await second.settle(flush(2, message=2))
    assert (await first.refresh()).has_pack(PackId("gw", "b1", 2))


async def test_a_settlement_that_claims_a_thing_twice_is_an_error(ledger: Ledger) -> None:
    twice = flush(1)
    twice.packs *= 2
    with pytest.raises(ValueError, match="pack 1 of gw"):
        await ledger.settle(twice)
    with pytest.raises(ValueError, match="message twice"):
        await ledger.settle(Settlement(NOON, fingerprints=[5, 5]))
    assert await total(ledger) == Counts()


async def test_a_settled_claim_is_remembered_by_the_next_process(opened: Opened) -> None:
    first = await opened()
    for number in range(1, FLUSHES + 9):
        await first.settle(flush(number, message=number * 2**56 + 3))
    await first.aclose()
    dedup = await (await opened()).refresh()
    for number in range(1, FLUSHES + 9):
        assert dedup.has_pack(PackId("gw", "b1", number))
        assert dedup.has_fingerprint(number * 2**56 + 3)
    assert not dedup.has_fingerprint(4)


async def test_fingerprints_beyond_what_is_remembered_leave_the_database(opened: Opened, query: Query) -> None:
    ledger = await opened()
    each = 30_000
    for number in range(7):
        # eleven seconds apart, so that each flush compacts
        settlement = Settlement(NOON + number * 11 * 10**9)
        settlement.fingerprints = list(range(number * each, (number + 1) * each))
        await ledger.settle(settlement)
    assert query("select min(flush), max(flush) from fingerprints") == [(2, 7)]
    for dedup in (await ledger.refresh(), await (await opened()).refresh()):
        assert dedup.has_fingerprint(7 * each - 1)
        assert dedup.has_fingerprint(7 * each - 131_072)
        assert not dedup.has_fingerprint(each)


async def test_two_workers_lose_no_count_and_leave_no_gap_in_the_journal(opened: Opened, query: Query) -> None:
    workers = [await opened(), await opened()]
    won = [0, 0]

    async def work(me: int) -> None:
        for number in range(1, 61):
            settlement = flush(number)
            settlement.journal = [JournalEntry(str(me), 10, b"x")] * (1 + number % 2)
            try:
                await workers[me].settle(settlement)
                won[me] += 1
            except Conflict:
                await workers[me].refresh()

    await asyncio.gather(work(0), work(1))
    assert sum(won) == 60
    assert await total(workers[0]) == Counts(600, 600)
    assert [row[0] for row in query("select id from journal order by id")] == list(range(1, 91))
    assert query("select first, last, first_offset, end_offset from pack_range") == [(1, 60, 0, 600)]


async def test_a_cancelled_wait_leaves_the_ledger_usable(ledger: Ledger) -> None:
    task = asyncio.create_task(ledger.settle(flush(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ledger.settle(flush(2))
    dedup = await ledger.refresh()
    assert dedup.has_pack(PackId("gw", "b1", 2))
    settled = 1 + dedup.has_pack(PackId("gw", "b1", 1))
    assert await total(ledger) == Counts(10 * settled, 10 * settled)
