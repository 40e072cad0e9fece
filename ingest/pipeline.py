"""The way of a reading through ingest: receive, load, check, write, settle.

Store first, then one ledger transaction, then acknowledge and send receipts. Whatever dies in between, the broker or
the gateway still holds the messages, and they come again: the store overwrites, the ledger knows its packs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from city import topics
from city.backoff import Backoff
from city.batch import NOWHERE
from city.errors import Malformed, Reason, SettledMeanwhile, Unavailable
from city.ledger.port import GatewayRow, Ledger, QuarantinedPayload
from city.mqtt import MqttError, Session
from city.store.port import Store
from city.wire import receipt
from ingest.check import Checked, check
from ingest.load import Load, Loader, StatusLoad
from ingest.metrics import Metrics
from ingest.places import Places
from ingest.restore import overwritten
from ingest.settings import IngestSettings
from ingest.settle import receipts, settlement

log = structlog.get_logger("ingest")

MOST_MESSAGES: Final = 256
"""Taken in one go: arrays of a thousand may follow single readings, and a backlog of them must not fill the memory."""

RESTORED: Final = 20
"""Entries of the journal read in one go; each may hold a whole flush."""

FIRST_MESSAGES: Final = 16
"""Taken before it is known how many readings a message holds."""


@dataclass(slots=True)
class Pipeline:
    """One worker of the ingest service; `run` goes on until it is cancelled."""

    settings: IngestSettings
    session: Session
    store: Store
    ledger: Ledger
    places: Places
    loader: Loader
    metrics: Metrics
    trouble: str = ""
    _sending: set[asyncio.Task[None]] = field(default_factory=set)
    _flushing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Flush after flush."""
        await self.until_available(self.places.refresh)
        while True:
            load = await self.receive()
            self._flushing = asyncio.create_task(self.flush(load), name="ingest flush")
            await asyncio.shield(self._flushing)

    async def finish(self, within_s: float) -> None:
        """After the end of `run`: let the flush that has begun end too, or give it up: its messages come again."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=within_s)
            self._flushing.cancel()
            await asyncio.wait([self._flushing])
        if self._sending:
            await asyncio.wait(self._sending, timeout=within_s)

    async def flush(self, load: Load) -> None:
        """Take one load all the way; returns when it is durable and acknowledged."""
        started = time.process_time(), time.monotonic()
        await self.until_available(partial(self.settle, load))
        await self.note(load.statuses)
        self.session.acknowledge(load.messages)
        self.send_receipts(load)
        self.metrics.flushed(started)

    async def receive(self) -> Load:
        """Gather messages until they are enough or the oldest has waited long enough."""
        load = Load()
        self.loader.budgets.turn(time.time_ns())
        self.loader.load(await self.session.receive(FIRST_MESSAGES), load)
        deadline = time.monotonic() + self.settings.flush_ms / 1000
        while (room := self._room(load)) > 0:
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    messages = await self.session.receive(_messages_for(room, load))
            except TimeoutError:
                break
            self.loader.load(messages, load)
        return load

    def _room(self, load: Load) -> int:
        """Readings that this flush still takes: twice as many from a backlog, for each flush has a price of its own."""
        size = self.settings.flush_readings
        return (2 * size if self.session.waiting else size) - load.readings

    async def settle(self, load: Load) -> None:
        """Check, write, and commit to the ledger; again from the check when another worker was first."""
        while True:
            await self.places.refresh()
            memory = await self.ledger.refresh()
            if memory.has_fingerprint(load.token):
                return  # a commit whose answer got lost
            await self.restore(load, memory.journal)
            checked = check(load, memory, self.places.known, time.time_ns(), self.settings.max_future_skew_s)
            load.written, load.journal = [sheet.batch for sheet in checked.sheets], memory.journal
            rejected = await self.write(checked)
            try:
                flush = settlement(checked, rejected, self.places.heard)
                await self.ledger.settle(flush)
            except SettledMeanwhile:
                self.metrics.conflicted()
                continue
            self.places.learn(flush.devices)
            self.loader.met.clear()
            self.metrics.settled(flush)
            return

    async def restore(self, load: Load, journal: int) -> None:
        """Write again what others settled since our last try, where that may have put older values over theirs.

        A worker that stood still holds messages which another one has settled meanwhile, and corrections after them.
        """
        while load.written and load.journal < journal:
            rows = await self.ledger.journal(after=load.journal, most=RESTORED)
            for batch in overwritten(rows, load.written):
                batch.places = [self.places.known.get(device, NOWHERE) for device in batch.devices]
                await self.store.write(batch)
            load.journal = rows[-1].id if rows else journal

    async def write(self, checked: Checked) -> list[QuarantinedPayload]:
        """Write every sheet to the store; what it refuses for ever goes to quarantine and leaves its sheet."""
        refused: list[QuarantinedPayload] = []
        began_s = time.monotonic()
        for number, sheet in enumerate(checked.sheets):
            if len(sheet.batch) == 0:
                continue
            outcome = await self.store.write(sheet.batch)
            if outcome.rejected:
                refused += [
                    sheet.quarantined(row, Malformed(Reason.STORE_REFUSED, why))
                    for row, why in outcome.rejected.items()
                ]
                checked.sheets[number] = sheet.without(outcome.rejected)
        self.metrics.stored(checked.sheets, checked.now_ns, began_s)
        return refused

    async def note(self, statuses: list[StatusLoad]) -> None:
        """Keep the last that each gateway says of itself, and of its spool, which a will knows nothing of."""
        last: dict[tuple[str, bool], StatusLoad] = {}
        for said in statuses:
            key = said.gateway, said.status.pending is None
            last.pop(key, None)
            last[key] = said
        for said in last.values():
            await self.until_available(partial(self.ledger.note_status, _row(said)))

    async def until_available(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step, waiting as long as store or ledger are down: nothing is acknowledged meanwhile."""
        backoff = Backoff()
        while True:
            try:
                await step()
            except Unavailable as error:
                if str(error) != self.trouble:
                    log.warning("waiting", error=str(error))
                self.trouble = str(error)
                self.metrics.retried()
                await asyncio.sleep(max(backoff.next(), min(error.retry_after_s, 5.0)))
            else:
                if self.trouble:
                    log.info("going on")
                self.trouble = ""
                return

    def send_receipts(self, load: Load) -> None:
        """Tell gateways what they may forget; a receipt that is lost is asked for by sending the pack again."""
        for province, gateway, done in receipts(load):
            done.at_ns = time.time_ns()
            topic = topics.receipt(province, gateway)
            task = asyncio.create_task(self._send(topic, receipt.encode(done)), name=f"receipt to {gateway}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, topic: str, payload: bytes) -> None:
        try:
            await self.session.publish(topic, payload)
        except MqttError as error:
            log.info("receipt not sent", topic=topic, error=str(error))


def _messages_for(room: int, load: Load) -> int:
    """How many messages to take for so many readings, if they are like those before: a pack holds a hundred."""
    return max(1, min(MOST_MESSAGES, room * len(load.messages) // max(1, load.readings)))


def _row(said: StatusLoad) -> GatewayRow:
    status = said.status
    return GatewayRow(
        gateway=said.gateway,
        province=said.province,
        online=status.online,
        spool=status.spool,
        pending=status.pending,
        packs=status.packs,
        spool_bytes=status.spool_bytes,
        at_ns=said.at_ns,
    )
