"""A flood of what can't be used takes a bounded space, and every payload of it stays counted."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from city.errors import Conflict, Reason
from city.ledger import Ledger, open_ledger
from city.ledger.condensing import MAX_SAMPLE
from city.ledger.flush_counts import HOUR_NS
from city.ledger.port import (
    DIRECT,
    By,
    QuarantineBounds,
    QuarantinedPayload,
    QuarantineRow,
    QuarantineState,
    Redriven,
    Settlement,
    Source,
)
from city.outcomes import Counts

NINE = 490_000 * HOUR_NS
DAY = 24 * HOUR_NS
Bounded = Callable[..., Awaitable[Ledger]]


@pytest.fixture
async def bounded(url: str) -> AsyncIterator[Bounded]:
    """Open ledgers that keep little."""
    ledgers: list[Ledger] = []

    async def open_one(**bounds: int) -> Ledger:
        ledgers.append(await open_ledger(url, QuarantineBounds(**bounds)))
        return ledgers[-1]

    yield open_one
    for ledger in ledgers:
        await ledger.aclose()


def garbage(text: str, device: str = "d1", gateway: str = DIRECT, size: int = 1_000) -> QuarantinedPayload:
    payload = text.encode().ljust(size, b".")
    return QuarantinedPayload("city/x", payload, NINE, Reason.MALFORMED_JSON, "odd", Source(gateway, device))


async def hold(ledger: Ledger, *quarantined: QuarantinedPayload, at_ns: int = NINE) -> None:
    settlement = Settlement(at_ns, quarantined=list(quarantined))
    for held in quarantined:
        settlement.counts[held.source].received += held.readings
        settlement.counts[held.source].quarantined += held.readings
    await ledger.settle(settlement)


async def rows(ledger: Ledger) -> dict[QuarantineState, list[QuarantineRow]]:
    found: dict[QuarantineState, list[QuarantineRow]] = {}
    for row in await ledger.quarantine(limit=10_000):
        found.setdefault(row.state, []).append(row)
    return found


async def balance(ledger: Ledger) -> int:
    """Readings that the ledger calls quarantined, which the rows must stand for."""
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    standing = sum(row.quarantined.readings for row in await ledger.quarantine(limit=10_000))
    assert account.counts.quarantined == standing
    return standing


async def test_beyond_its_bound_a_source_has_one_row_that_counts(bounded: Bounded) -> None:
    ledger = await bounded(source_hour_bytes=5_000)
    for start in range(0, 40, 8):
        await hold(ledger, *(garbage(f"{n}") for n in range(start, start + 8)))
    await hold(ledger, garbage("innocent", "d2"))
    found = await rows(ledger)
    assert [row.quarantined.payload[:8] for row in found[QuarantineState.HELD]][-1] == b"innocent"
    assert len(found[QuarantineState.HELD]) == 3 + 1
    (condensed,) = found[QuarantineState.CONDENSED]
    assert (condensed.payloads, condensed.bytes, condensed.quarantined.readings) == (37, 37_000, 37)
    assert condensed.quarantined.payload == garbage("3").payload[:MAX_SAMPLE]
    digest = b""
    for number in range(3, 40):
        digest = hashlib.sha256(digest + hashlib.sha256(garbage(f"{number}").payload).digest()).digest()
    assert condensed.digest == digest.hex()
    assert await balance(ledger) == 41
    ids = [row.id for row in await ledger.quarantine(limit=100)]
    assert ids == list(range(1, 6))


async def test_the_bound_is_by_the_hour_and_outlives_a_restart(bounded: Bounded) -> None:
    for _ in range(3):
        ledger = await bounded(source_hour_bytes=5_000)
        await hold(ledger, *(garbage("x") for _ in range(3)))
    assert len((await rows(ledger))[QuarantineState.HELD]) == 3
    await hold(ledger, garbage("x"), at_ns=NINE + HOUR_NS)
    assert len((await rows(ledger))[QuarantineState.HELD]) == 4


async def test_invented_names_do_not_make_a_row_each(bounded: Bounded) -> None:
    ledger = await bounded(source_hour_bytes=5_000, hour_bytes=20_000)
    for start in range(0, 300, 50):
        await hold(ledger, *(garbage("x", f"d{n}", f"gw-{n % 60}") for n in range(start, start + 50)))
    found = await rows(ledger)
    assert len(found[QuarantineState.HELD]) == 15
    kept = sum(len(row.quarantined.payload) for state in found.values() for row in state)
    assert kept < 3 * 20_000
    assert sum(map(len, found.values())) < 60
    assert await balance(ledger) == 300


async def test_what_is_condensed_is_not_tried_again(bounded: Bounded) -> None:
    ledger = await bounded(source_hour_bytes=2_000)
    await hold(ledger, *(garbage("x") for _ in range(5)))
    assert await ledger.request_redrive(None, None) == 1
    assert await ledger.request_redrive([1, 2], None) == 0
    await ledger.settle(Settlement(NINE, redriven={1: Redriven({Source(DIRECT, "d1"): Counts(1, 1)})}))
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(received=5, stored=1, quarantined=4)


async def test_the_oldest_hour_expires_into_a_count(bounded: Bounded) -> None:
    ledger = await bounded(source_hour_bytes=3_000, bytes=8_000)
    for hour in range(3):
        await hold(ledger, *(garbage(f"{hour}", readings) for readings in ("d1", "d1", "d1", "d2")), at_ns=NINE + hour)
    await hold(ledger, *(garbage("x", f"e{n}") for n in range(4)), at_ns=NINE + 2 * HOUR_NS)
    # the last flush did it: more than ten seconds lie between
    assert await ledger.expire_quarantine(NINE + 2 * HOUR_NS) == 0
    found = await rows(ledger)
    expired = {row.quarantined.source.device: row for row in found[QuarantineState.EXPIRED]}
    assert {device: (row.payloads, row.quarantined.readings, row.bytes) for device, row in expired.items()} == {
        "d1": (9, 9, 9_000),
        "d2": (3, 3, 3_000),
    }
    assert len(found[QuarantineState.HELD]) == 4
    assert await balance(ledger) == 16


async def test_invented_names_do_not_make_an_expired_row_each(bounded: Bounded) -> None:
    ledger = await bounded(days=1)
    await hold(ledger, *(garbage("x", f"d{n}") for n in range(100)), garbage("y", "d1", "gw-1"))
    await ledger.expire_quarantine(NINE + 2 * DAY)
    expired = [(row.quarantined.source, row.payloads) for row in (await rows(ledger))[QuarantineState.EXPIRED]]
    assert sorted(expired) == [(Source(DIRECT, ""), 100), (Source("gw-1", "d1"), 1)]


async def test_age_expires_and_what_was_released_just_goes(bounded: Bounded) -> None:
    ledger = await bounded(days=7)
    await hold(ledger, garbage("a"), garbage("b"), garbage("c"))
    await ledger.request_redrive([1, 2], None)
    released = Redriven({Source(DIRECT, "d1"): Counts(1, 1)})
    await ledger.settle(Settlement(NINE, redriven={1: released}))
    assert await ledger.expire_quarantine(NINE + 7 * DAY) == 0
    assert await ledger.expire_quarantine(NINE + 7 * DAY + 1) == 3
    (expired,) = await ledger.quarantine()
    assert (expired.state, expired.payloads) == (QuarantineState.EXPIRED, 2)
    assert await balance(ledger) == 2
    with pytest.raises(Conflict):
        await ledger.settle(Settlement(NINE, redriven={2: released}))


async def test_a_flush_expires_what_is_due(bounded: Bounded) -> None:
    ledger = await bounded(days=7)
    await hold(ledger, garbage("a"))
    await hold(ledger, at_ns=NINE + 8 * DAY)
    assert [row.state for row in await ledger.quarantine()] == [QuarantineState.EXPIRED]


async def test_the_list_is_newest_first_and_without_payloads(bounded: Bounded) -> None:
    ledger = await bounded()
    await hold(ledger, *(garbage(f"{n}") for n in range(5)))
    page = await ledger.quarantine_list(before=None, limit=3)
    assert [row.id for row in page] == [5, 4, 3]
    assert {(row.quarantined.payload, row.bytes, row.payloads) for row in page} == {(b"", 1_000, 1)}
    assert [row.id for row in await ledger.quarantine_list(before=3, limit=3)] == [2, 1]
    row = await ledger.quarantine_row(2)
    assert row is not None
    assert row.quarantined == garbage("1")
    assert await ledger.quarantine_row(9) is None
