"""Trying again what is in quarantine: bounded, and true to what the store took."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from city import topics
from city.batch import Batch
from city.errors import Malformed, Reason
from city.ledger import open_ledger
from city.ledger.port import DIRECT, By, QuarantinedPayload, QuarantineState, Settlement, Source
from city.outcomes import Counts
from city.reading import Reading
from city.registry import open_registry
from city.store.port import WriteOutcome
from city.wire import journal, pack
from ingest import redrive
from ingest.device_cache import DeviceCache
from ingest.load import decode_direct
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


def test_a_bad_row_of_a_direct_array_takes_no_other_along() -> None:
    topic = topics.Direct("th-30", "rain", "r-1")
    rows = [{"ts": NOW_MS, "values": {"rain_rate": 1}}, {"ts": "soon", "values": {"rain_rate": 2}}, [], {"ts": NOW_MS}]
    readings, refused = decode_direct(json.dumps(rows).encode(), topic, 1)
    assert [(reading.time_ns, reading.values) for reading in readings] == [(NOW_MS * 10**6, {"rain_rate": 1.0})]
    assert [(json.loads(item), error.reason) for item, error in refused] == [
        (rows[1], Reason.BAD_TIME),
        (rows[2], Reason.EMPTY),
        (rows[3], Reason.MISSING_FIELD),
    ]
    for item, _ in refused:
        with pytest.raises(Malformed):
            decode_direct(item, topic, 1)


async def test_the_good_rows_of_what_is_held_whole_are_freed_and_the_bad_ones_held_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    ledger, registry = await open_ledger(url), await open_registry(url)
    rows = [{"ts": NOW_MS - 1, "values": {"rain_rate": 1}}, {"ts": NOW_MS - 2, "values": {"rain_rate": "wet"}}]
    item = replace(held("r-1", 1), payload=json.dumps(rows).encode(), reason=Reason.WRONG_TYPE)
    settlement = Settlement(time.time_ns(), quarantined=[item])
    settlement.counts[item.source] = Counts(1, quarantined=1)
    await ledger.settle(settlement)
    await ledger.request_redrive(None, None)
    again = Redrive(Cells(), ledger, DeviceCache(registry), no_decoder, 300)  # type: ignore[arg-type] # a stand-in
    assert await again.once() == 1
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(received=2, stored=1, quarantined=1)
    (left,) = await ledger.quarantine(state=QuarantineState.HELD)
    assert json.loads(left.quarantined.payload) == rows[1]
    await ledger.aclose()
    await registry.aclose()


async def test_what_was_partly_read_stays_until_it_is_read_whole_and_is_counted_as_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    ledger, registry = await open_ledger(url), await open_registry(url)
    item = replace(held("r-1", 1), reason=Reason.PARTLY_READ, origin="http:x", readings=0, source=Source("gw-1", ""))
    await ledger.settle(Settlement(time.time_ns(), quarantined=[item]))
    left = [pack.Undecoded("http:x", item.payload, 1, "partly_read", "nothing reads a")]

    def decode(*_: object) -> tuple[list[Reading], list[pack.Undecoded]]:
        return [Reading("x", "rain", NOW_MS * 10**6, {"rain_rate": 2.0})], list(left)

    again = Redrive(Cells(), ledger, DeviceCache(registry), decode, 300)  # type: ignore[arg-type] # a stand-in
    for stored in (0, 1):
        await ledger.request_redrive(None, None)
        assert await again.once() == 1
        counted = [account.counts for account in await ledger.account(0, 2**62, By.TOTAL)]
        assert sum(counts.stored for counts in counted) == stored
        assert sum(counts.quarantined for counts in counted) == 0
        left.clear()
    assert not await ledger.quarantine(state=QuarantineState.HELD)
    await ledger.aclose()
    await registry.aclose()
