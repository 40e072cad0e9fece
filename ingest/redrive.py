"""Re-drive: quarantined payloads are tried again on request, after a decoder, the catalog or a budget was mended."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import structlog

from city import topics
from city.backoff import Backoff
from city.batch import NOWHERE, Batch, Place, merge_instants
from city.errors import Conflict, Malformed, Reason, Unavailable
from city.ledger.port import Ledger, NewDevice, QuarantineRow, QuarantineState, Redriven, Settlement, Source
from city.outcomes import Counts
from city.reading import FIRST_NS, Reading
from city.store.port import Store
from city.wire import pack
from ingest.check import judge_ranges
from ingest.city_clock import CityClock
from ingest.device_cache import DeviceCache
from ingest.load import Decode, decode_direct, undecoded
from ingest.settle import journal

log = structlog.get_logger("redrive")

POLL_S: Final = 1.0
MAX_PAYLOADS: Final = 50
"""Payloads tried in one transaction."""

MAX_READINGS: Final = 5_000
"""Readings after which no further payload is opened: 50 packs may hold five million."""


@dataclass(slots=True)
class _Row:
    """One reading of a payload that can be decoded now."""

    held: QuarantineRow
    province: str
    reading: Reading

    @property
    def source(self) -> Source:
        return Source(self.held.quarantined.source.gateway, self.reading.device)


@dataclass(slots=True)
class Redrive:
    """Tries requested payloads every `POLL_S`; `run` goes on until it is cancelled."""

    store: Store
    ledger: Ledger
    devices: DeviceCache
    decode: Decode
    max_future_skew_s: int
    clock: CityClock = field(default_factory=CityClock)
    _backoff: Backoff = field(default_factory=Backoff)

    async def run(self) -> None:
        """Try what was requested; wait while store or ledger are down."""
        while True:
            try:
                tried = await self.once()
            except Unavailable as error:
                log.info("redrive waits", error=str(error))
                await asyncio.sleep(self._backoff.next())
                continue
            except Conflict:
                continue
            self._backoff.reset()
            if not tried:
                await asyncio.sleep(POLL_S)

    async def once(self) -> int:
        """Try up to `MAX_PAYLOADS` payloads in one settlement; how many.

        Raises:
            StoreUnavailable: Nothing was settled.
            LedgerUnavailable: Nothing was settled.
            ClockWrong: Nothing was settled.
            Conflict: Another worker took one of them; nothing was settled.
        """
        requested = await self.ledger.quarantine(state=QuarantineState.REQUESTED, limit=MAX_PAYLOADS)
        if not requested:
            return 0
        await self.devices.refresh()
        settlement = Settlement(at_ns=self.clock.now_ns())
        rows: list[_Row] = []
        for held in requested:
            if len(rows) >= MAX_READINGS:
                break
            outcome = settlement.redriven[held.id] = Redriven()
            try:
                rows += self._decode(held, outcome, settlement.at_ns)
            except Malformed as error:
                settlement.redriven[held.id] = Redriven(reason=error.reason, detail=error.detail[:500])
        await self._write(rows, settlement)
        await self.ledger.settle(settlement)
        self.devices.add(settlement.devices)
        log.info("redriven", payloads=len(settlement.redriven), readings=len(rows))
        return len(settlement.redriven)

    def _decode(self, held: QuarantineRow, outcome: Redriven, now_ns: int) -> list[_Row]:
        """Decode a payload as its way in was; parts that still can't be used stay, as rows of their own.

        Raises:
            Malformed: It still can't be used.
        """
        item = held.quarantined
        topic = topics.parse(item.topic)
        if item.origin:
            readings, left = self.decode(item.origin, item.payload, item.received_ns)
            if item.reason is Reason.PARTLY_READ and any(row.reason == Reason.PARTLY_READ for row in left):
                raise Malformed(Reason.PARTLY_READ, left[-1].detail)
            outcome.quarantined = undecoded(item.topic, item.source.gateway, left)
        elif isinstance(topic, topics.Direct):
            readings, refused = decode_direct(item.payload, topic, item.received_ns)
            outcome.quarantined = [
                replace(item, payload=part, reason=error.reason, detail=error.detail[:500], readings=1)
                for part, error in refused
            ]
        else:
            frame = pack.decode(item.payload, topic.gateway)
            readings = [reading for block in frame.readings for reading in pack.to_batch(block).readings()]
            outcome.quarantined = undecoded(item.topic, frame.gateway, frame.undecoded)
        if any(reading.time_ns > now_ns + self.max_future_skew_s * 10**9 for reading in readings):
            raise Malformed(Reason.CLOCK_AHEAD, "still ahead of our clock")
        if any(reading.time_ns < FIRST_NS for reading in readings):
            raise Malformed(Reason.BAD_TIME, "a time before 2000: a clock that was never set")
        for part in outcome.quarantined:
            counts = outcome.counts.setdefault(part.source, Counts())
            counts.received += part.readings
            counts.quarantined += part.readings
        return [_Row(held, topic.province, reading) for reading in readings]

    async def _write(self, rows: list[_Row], settlement: Settlement) -> None:
        kinds: defaultdict[str, list[_Row]] = defaultdict(list)
        for row in rows:
            kinds[row.reading.kind].append(row)
        written: list[tuple[Batch, list[_Row]]] = []
        for kind in kinds.values():
            batch = Batch.from_readings([row.reading for row in kind])
            batch.rx_ns = settlement.at_ns
            batch.places = self._find_places(batch, kind, settlement)
            judge_ranges(batch)
            outcome = await self.store.write(batch)
            for number, why in outcome.rejected.items():
                failed = Redriven(reason=Reason.STORE_REFUSED, detail=why[:500])
                settlement.redriven[kind[number].held.id] = failed
            written.append((batch, kind))
        settlement.journal = journal([_count(batch, kind, settlement) for batch, kind in written])

    def _find_places(self, batch: Batch, rows: list[_Row], settlement: Settlement) -> list[Place]:
        row_of = {row.reading.device: row for row in rows}
        found = []
        for device in batch.devices:
            place = self.devices.places.get(device, NOWHERE)
            if place is NOWHERE or device not in self.devices.by_kind[batch.kind]:
                row = row_of[device]
                place = Place(row.province) if place is NOWHERE else place
                new = NewDevice(device, batch.kind, row.province, row.source.gateway, settlement.at_ns)
                settlement.devices.append(new)
            found.append(place)
        return found


def _count(batch: Batch, rows: list[_Row], settlement: Settlement) -> Batch:
    """Count the rows of payloads that the store took whole, and give them, each instant once, for the journal.

    The others stay in the quarantine as they were.
    """
    released = np.flatnonzero([settlement.redriven[row.held.id].reason is None for row in rows])
    merge = merge_instants(batch.take(released))
    kept = set(released[merge.kept].tolist())
    for number in released.tolist():
        row = rows[number]
        counts = settlement.redriven[row.held.id].counts.setdefault(row.source, Counts())
        counts.received += 1
        if number in kept:
            counts.stored += 1
        else:
            counts.merged += 1
    return merge.batch
