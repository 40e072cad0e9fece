"""Trying again what is in quarantine: bounded, and true to what the store took."""

import json
import time
from pathlib import Path

from city import topics
from city.batch import Batch
from city.errors import Reason
from city.ledger import open_ledger
from city.ledger.port import DIRECT, By, QuarantinedPayload, QuarantineState, Settlement, Source
from city.outcomes import Counts
from city.registry import open_registry
from city.store.port import WriteOutcome
from city.wire import journal, pack
from ingest import redrive
from ingest.device_cache import DeviceCache
from ingest.redrive import Redrive
from support.ingesting import no_decoder
from support.worker import Cells

NOW_MS = time.time_ns() // 10**6


class Picky(Cells):
    """Refuses thirteen."""

    async def write(self, batch: Batch) -> WriteOutcome:
        bad = {row: "no" for row in range(len(batch)) if batch.values["rain_rate"][row] == 13}
        await super().write(batch)
        return WriteOutcome(bad)


def held(device: str, *values: int) -> QuarantinedPayload:
    rows = [{"ts": NOW_MS - value, "values": {"rain_rate": value}} for value in values]
    source = Source(DIRECT, device)
    topic = topics.direct("th-30", "rain", device)
    return QuarantinedPayload(topic, json.dumps(rows).encode(), 1, Reason.BUDGET_MESSAGES, "", source)


async def test_payloads_of_one_instant_are_one_row_of_the_journal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    ledger, registry = await open_ledger(url), await open_registry(url)
    quarantined = [held("r-1", 1, 2), held("r-1", 2, 3)]
    settlement = Settlement(time.time_ns(), quarantined=quarantined)
    settlement.counts[quarantined[0].source] = Counts(2, quarantined=2)
    await ledger.settle(settlement)
    await ledger.request_redrive(None, None)
    again = Redrive(Picky(), ledger, DeviceCache(registry), no_decoder, 300)  # type: ignore[arg-type] # a stand-in
    assert await again.once() == 2
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(received=4, stored=3, merged=1)
    (row,) = await ledger.journal(after=0)
    assert row.entry.readings == 3
    await ledger.aclose()
    await registry.aclose()


async def test_the_journal_holds_only_what_was_released(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    ledger, registry = await open_ledger(url), await open_registry(url)
    quarantined = [held("r-1", 1, 2), held("r-2", 12, 13)]
    settlement = Settlement(time.time_ns(), quarantined=quarantined)
    for item in quarantined:
        settlement.counts[item.source] = Counts(1, quarantined=1)
    await ledger.settle(settlement)
    await ledger.request_redrive(None, None)
    again = Redrive(Picky(), ledger, DeviceCache(registry), no_decoder, 300)  # type: ignore[arg-type] # a stand-in
    assert await again.once() == 2
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(received=3, stored=2, rejected=1)
    (row,) = await ledger.journal(after=0)
    (block,) = journal.decode(row.entry.payload)
    assert [reading.device for reading in pack.to_batch(block).readings()] == ["r-1", "r-1"]
    assert row.entry.readings == 2
    await ledger.aclose()
    await registry.aclose()


async def test_large_payloads_are_tried_a_few_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    ledger, registry = await open_ledger(url), await open_registry(url)
    quarantined = [held(f"r-{number}", *range(1000)) for number in range(8)]
    settlement = Settlement(time.time_ns(), quarantined=quarantined)
    for item in quarantined:
        settlement.counts[item.source] = Counts(1, quarantined=1)
    await ledger.settle(settlement)
    await ledger.request_redrive(None, None)
    again = Redrive(Cells(), ledger, DeviceCache(registry), no_decoder, 300)  # type: ignore[arg-type] # a stand-in
    assert [await again.once() for _ in range(3)] == [redrive.MAX_READINGS // 1000, 3, 0]
    assert not await ledger.quarantine(state=QuarantineState.REQUESTED)
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(received=8000, stored=8000)
    await ledger.aclose()
    await registry.aclose()
