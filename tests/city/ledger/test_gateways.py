"""Statuses of gateways, what they hold, and what never came."""

from dataclasses import replace

import pytest

from city.ledger import Ledger
from city.ledger.port import DIRECT, Account, By, GatewayRow, PackClaim, PackId, Settlement, Source
from city.outcomes import Counts

ROW = GatewayRow("gw", "th-30", online=True, spool="b1", pending=40, packs=4, spool_bytes=900, at_ns=50)
WILL = GatewayRow("gw", "th-30", online=False, spool="", pending=None, packs=0, spool_bytes=0, at_ns=60)


def packs(*claims: tuple[int, int, int], gateway: str = "gw", spool: str = "b1") -> Settlement:
    """Claim packs, each `(seq, readings before it, readings in it)`."""
    settlement = Settlement(1)
    for seq, offset, readings in claims:
        settlement.packs.append(PackClaim(PackId(gateway, spool, seq), offset, readings))
    return settlement


async def gaps(ledger: Ledger) -> int:
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    return account.gaps


async def test_the_last_status_is_kept(ledger: Ledger) -> None:
    assert await ledger.gateways() == []
    await ledger.note_status(ROW)
    later = replace(ROW, spool="b2", pending=0, packs=0, spool_bytes=0, at_ns=51)
    await ledger.note_status(later)
    await ledger.note_status(replace(ROW, gateway="gw-a", at_ns=1))
    assert await ledger.gateways() == [later, replace(ROW, gateway="gw-a", at_ns=1)]


async def test_an_older_status_never_replaces_a_newer_one(ledger: Ledger) -> None:
    await ledger.note_status(ROW)
    await ledger.note_status(replace(ROW, online=False, pending=1, at_ns=49))
    assert await ledger.gateways() == [ROW]


async def test_a_will_says_offline_and_keeps_what_was_known(ledger: Ledger) -> None:
    await ledger.note_status(ROW)
    await ledger.note_status(WILL)
    assert await ledger.gateways() == [replace(ROW, online=False, at_ns=60)]


async def test_a_will_of_an_unknown_gateway_knows_no_pending(ledger: Ledger) -> None:
    await ledger.note_status(WILL)
    assert await ledger.gateways() == [WILL]
    assert await ledger.account(0, 1, By.TOTAL) == [Account("", Counts())]


async def test_numbers_beyond_64_bits_do_not_stop_a_status(ledger: Ledger) -> None:
    await ledger.note_status(replace(ROW, pending=2**80, packs=-1, spool_bytes=2**64))
    await ledger.note_status(replace(ROW, gateway="other", pending=2**80))
    assert [row.packs for row in await ledger.gateways()] == [0, 4]
    (account,) = await ledger.account(0, 1, By.TOTAL)
    assert account.pending == 2 * (2**63 - 1)


async def test_pending_belongs_to_the_gateway_and_the_total(ledger: Ledger) -> None:
    await ledger.note_status(ROW)
    await ledger.note_status(replace(ROW, gateway="quiet", pending=2))
    settlement = packs((1, 0, 5))
    settlement.counts[Source("gw", "d1")] = Counts(5, 5)
    settlement.counts[Source(DIRECT, "d2")] = Counts(1, 1)
    await ledger.settle(settlement)
    assert await ledger.account(0, 9, By.TOTAL) == [Account("", Counts(6, 6), pending=42)]
    assert await ledger.account(0, 9, By.GATEWAY) == [
        Account("", Counts(1, 1)),
        Account("gw", Counts(5, 5), pending=40),
        Account("quiet", Counts(), pending=2),
    ]
    assert await ledger.account(0, 9, By.DEVICE) == [Account("d1", Counts(5, 5)), Account("d2", Counts(1, 1))]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_gap_counts_its_readings_until_it_fills(ledger: Ledger, *, at_once: bool) -> None:
    came = [(3, 12, 5), (7, 30, 5), (6, 25, 5)]
    for settlement in [packs(*came)] if at_once else [packs(claim) for claim in came]:
        await ledger.settle(settlement)
    assert await gaps(ledger) == 12 + (25 - 17)
    await ledger.settle(packs((1, 0, 4)))
    assert await gaps(ledger) == (12 - 4) + 8
    await ledger.settle(packs((4, 17, 8), (2, 4, 8)))
    assert await gaps(ledger) == 0
    await ledger.settle(packs((5, 25, 0)))
    assert await gaps(ledger) == 0


async def test_gaps_are_counted_for_each_spool_and_gateway(ledger: Ledger) -> None:
    await ledger.settle(packs((2, 3, 1)))
    await ledger.settle(packs((2, 5, 1), spool="b2"))
    await ledger.settle(packs((9, 70, 1), gateway="gw-2"))
    await ledger.settle(packs((1, 0, 1), gateway="gw-3"))
    accounts = await ledger.account(0, 9, By.GATEWAY)
    assert {account.key: account.gaps for account in accounts} == {"gw": 8, "gw-2": 70, "gw-3": 0}


async def test_packs_that_contradict_each_other_make_no_negative_gap(ledger: Ledger) -> None:
    await ledger.settle(packs((1, 50, 10), (3, 5, 1), (5, 2**63, 1), (7, 2**64, 1)))
    assert await gaps(ledger) == 10**12
