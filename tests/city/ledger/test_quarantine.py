"""Bytes that wait for a fix, and the books when they are tried again."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from city.errors import Conflict, Reason
from city.ledger import Ledger
from city.ledger.flush_counts import HOUR_NS
from city.ledger.port import DIRECT, Account, By, QuarantinedPayload, QuarantineState, Redriven, Settlement, Source
from city.outcomes import Counts

Opened = Callable[[], Awaitable[Ledger]]
Query = Callable[[str], list[tuple[Any, ...]]]

NINE = 490_000 * HOUR_NS
TEN = NINE + HOUR_NS


def quarantined(
    number: int = 1, reason: Reason = Reason.MALFORMED_JSON, device: str = "d1", readings: int = 1
) -> QuarantinedPayload:
    return QuarantinedPayload(
        topic=f"city/th-30/x/{number}",
        payload=bytes([number, 0, 255]),
        received_ns=NINE - 7,
        reason=reason,
        detail="at byte 1",
        source=Source(DIRECT, device),
        origin="udp:x?device=1",
        readings=readings,
    )


async def hold(ledger: Ledger, *quarantined: QuarantinedPayload, at_ns: int = NINE + 3) -> None:
    settlement = Settlement(at_ns, quarantined=list(quarantined))
    for held in quarantined:
        settlement.counts[held.source].received += held.readings
        settlement.counts[held.source].quarantined += held.readings
    await ledger.settle(settlement)


async def test_a_quarantined_payload_comes_back_as_it_was_put(ledger: Ledger) -> None:
    await hold(ledger, quarantined())
    (held,) = await ledger.quarantine()
    assert (held.id, held.quarantined, held.state, held.tries) == (1, quarantined(), QuarantineState.HELD, 0)


async def test_pages_rise_and_can_be_narrowed(ledger: Ledger) -> None:
    for number in range(1, 8):
        await hold(ledger, quarantined(number, Reason.EMPTY if number % 2 else Reason.BAD_TIME))
    ids: list[int] = []
    while page := await ledger.quarantine(after=ids[-1] if ids else 0, limit=3):
        ids += [held.id for held in page]
    assert ids == list(range(1, 8))
    assert [held.id for held in await ledger.quarantine(reason="bad_time")] == [2, 4, 6]
    assert await ledger.request_redrive([2, 3], None) == 2
    assert [held.id for held in await ledger.quarantine(state=QuarantineState.REQUESTED)] == [2, 3]
    assert [held.id for held in await ledger.quarantine(state=QuarantineState.HELD, reason="bad_time")] == [4, 6]
    assert await ledger.quarantine(reason="no such thing") == []


async def test_a_redrive_is_asked_for_by_ids_by_reason_or_for_all(ledger: Ledger) -> None:
    await hold(ledger, *(quarantined(n, Reason.EMPTY if n % 2 else Reason.BAD_TIME) for n in range(1, 7)))
    assert await ledger.request_redrive([], None) == 0
    assert await ledger.request_redrive([1, 99], None) == 1
    assert await ledger.request_redrive([1], None) == 0
    assert await ledger.request_redrive([3, 4], "bad_time") == 1
    assert await ledger.request_redrive(None, "empty") == 2
    assert await ledger.request_redrive(None, None) == 2


async def test_a_released_payload_moves_its_counts_in_its_own_hour(ledger: Ledger) -> None:
    await hold(ledger, quarantined(device="", readings=3), quarantined(2))
    await ledger.request_redrive([1], None)
    counts = {Source(DIRECT, "d1"): Counts(2, 2), Source(DIRECT, "d2"): Counts(3, 1, 1, 0, 1)}
    await ledger.settle(Settlement(TEN, redriven={1: Redriven(counts)}))
    first, second = await ledger.quarantine()
    assert (first.state, second.state) == (QuarantineState.RELEASED, QuarantineState.HELD)
    assert await ledger.account(NINE, TEN, By.DEVICE) == [
        Account("", Counts()),
        Account("d1", Counts(3, 2, 0, 1)),
        Account("d2", Counts(3, 1, 1, 0, 1)),
    ]
    assert await ledger.account(TEN, TEN + HOUR_NS, By.TOTAL) == [Account("", Counts())]


async def test_parts_of_a_redrive_that_go_back_are_counted_in_the_same_hour(ledger: Ledger) -> None:
    await hold(ledger, quarantined(readings=3))
    await ledger.request_redrive(None, None)
    outcome = Redriven({Source(DIRECT, "d1"): Counts(3, 2, 0, 1)}, quarantined=[quarantined(2)])
    other = quarantined(3, device="d3")
    settlement = Settlement(TEN, quarantined=[other], redriven={1: outcome})
    settlement.counts[other.source] = Counts(1, 0, 0, 1)
    await ledger.settle(settlement)
    assert [(held.id, held.quarantined.payload[0]) for held in await ledger.quarantine()] == [(1, 1), (2, 2), (3, 3)]
    await ledger.request_redrive([2, 3], None)
    again = {2: Redriven({Source(DIRECT, "d1"): Counts(1, 1)}), 3: Redriven({Source(DIRECT, "d3"): Counts(1, 1)})}
    await ledger.settle(Settlement(TEN, redriven=again))
    assert await ledger.account(NINE, TEN, By.DEVICE) == [Account("d1", Counts(3, 3))]
    assert await ledger.account(TEN, TEN + 1, By.DEVICE) == [Account("d3", Counts(1, 1))]


async def test_a_redrive_that_fails_again_is_held_with_its_new_reason(ledger: Ledger) -> None:
    await hold(ledger, quarantined())
    for tries in (1, 2):
        assert await ledger.request_redrive(None, None) == 1
        failed = Redriven(reason=Reason.BAD_TIME, detail=f"try {tries}")
        await ledger.settle(Settlement(TEN, redriven={1: failed}))
        (held,) = await ledger.quarantine()
        assert (held.state, held.tries) == (QuarantineState.HELD, tries)
        assert (held.quarantined.reason, held.quarantined.detail) == (Reason.BAD_TIME, f"try {tries}")
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(1, 0, 0, 1)


async def test_of_two_redrives_of_one_payload_the_first_one_counts(two: tuple[Ledger, Ledger], query: Query) -> None:
    await hold(two[0], quarantined(), quarantined(2))
    await two[1].request_redrive([1], None)
    released = Redriven({Source(DIRECT, "d1"): Counts(1, 1)})
    await two[0].settle(Settlement(TEN, redriven={1: released}))
    for ids in ([1], [2], [1, 2], [77]):
        with pytest.raises(Conflict):
            await two[1].settle(Settlement(TEN, redriven=dict.fromkeys(ids, released)))
    (account,) = await two[1].account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(2, 1, 0, 1)
    assert query("select flush from sequences") == [(2,)]


async def test_text_that_no_database_takes_does_not_stop_a_flush(ledger: Ledger) -> None:
    odd = QuarantinedPayload(
        "t\0", b"\0", 2**70, Reason.NOT_UTF8, "half a \ud83d pair \0", Source(DIRECT, ""), "o\0\udcff"
    )
    await hold(ledger, odd)
    (held,) = await ledger.quarantine()
    assert held.quarantined.payload == b"\0"
    assert held.quarantined.detail.startswith("half a ")
    assert held.quarantined.received_ns == 2**63 - 1
    await ledger.request_redrive(None, None)
    await ledger.settle(Settlement(TEN, redriven={1: Redriven(reason=Reason.EMPTY, detail="\0\ud800")}))


async def test_what_the_store_refused_leaves_the_rejected_when_it_is_released(ledger: Ledger) -> None:
    refused = quarantined(1, Reason.STORE_REFUSED)
    settlement = Settlement(NINE, quarantined=[refused, quarantined(2)])
    settlement.counts[refused.source] = Counts(2, 0, 0, 1, 1)
    await ledger.settle(settlement)
    await ledger.request_redrive(None, None)
    failed = Redriven(reason=Reason.STORE_REFUSED)
    await ledger.settle(Settlement(TEN, redriven={1: Redriven({refused.source: Counts(1, 1)}), 2: failed}))
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(2, 1, 0, 0, 1)
    await ledger.request_redrive(None, None)
    await ledger.settle(Settlement(TEN, redriven={2: Redriven(reason=Reason.CLOCK_AHEAD)}))
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(2, 1, 0, 1)
