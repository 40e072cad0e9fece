"""Garbage leaves a tenth of a small disk to good readings: while less is free, the quarantine only counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from city.errors import Reason
from city.ledger import Ledger, open_ledger
from city.ledger.port import DIRECT, By, QuarantinedPayload, QuarantineState, Settlement, Source
from support.small_disk import fill, small_disk

NOW_NS = 1_764_900_000 * 10**9
HELD, CONDENSED = QuarantineState.HELD, QuarantineState.CONDENSED
MB = 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 24) as folder:
        yield folder


async def hold(ledger: Ledger, payloads: int) -> Settlement:
    settlement = Settlement(NOW_NS)
    for number in range(payloads):
        source = Source(DIRECT, f"d{number}")
        payload = b"x" * 10_000
        settlement.quarantined.append(
            QuarantinedPayload("city/x", payload, NOW_NS, Reason.MALFORMED_JSON, "odd", source)
        )
        settlement.counts[source].received += 1
        settlement.counts[source].quarantined += 1
    await ledger.settle(settlement)
    return settlement


async def states(ledger: Ledger) -> list[tuple[QuarantineState, int]]:
    return [(row.state, row.payloads) for row in await ledger.quarantine(limit=1_000)]


async def test_while_the_disk_is_short_garbage_is_counted_and_good_readings_have_the_rest(disk: Path) -> None:
    ledger = await open_ledger(f"sqlite:///{disk / 'ledger.sqlite'}")
    ballast = disk / "ballast"
    try:
        await hold(ledger, 1)
        fill(ballast)
        with ballast.open("ab") as file:
            file.truncate(ballast.stat().st_size - MB)  # one of 24 MB is free: less than a tenth
        for _ in range(4):
            settlement = await hold(ledger, 100)
            assert settlement.condensed == {Reason.MALFORMED_JSON: 100}
        assert await states(ledger) == [(HELD, 1), (CONDENSED, 400)]
        ballast.unlink()
        assert (await hold(ledger, 1)).condensed == {}
        assert await states(ledger) == [(HELD, 1), (CONDENSED, 400), (HELD, 1)]
        (total,) = await ledger.account(0, 2**62, By.TOTAL)
        assert total.counts.quarantined == 402
    finally:
        await ledger.aclose()
