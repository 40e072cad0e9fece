"""One flush through ingest: receive, load, check, write, settle, acknowledge, send receipts.

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

from city.backoff import Backoff
from city.errors import Conflict, Unavailable
from city.ledger.port import Ledger
from city.mqtt import Session
from city.mqtt.inbox import restamp
from city.store.port import Store
from ingest.check import check
from ingest.city_clock import STEP_NS, CityClock
from ingest.device_cache import DeviceCache
from ingest.load import FlushInput, Loader
from ingest.metrics import Metrics
from ingest.receipts import ReceiptSender
from ingest.receive import receive
from ingest.settings import IngestSettings
from ingest.settle import latest_statuses, settlement
from ingest.write import restore, write

_NOTICED_NS: Final = 10 * 10**9
"""Longer than a flush that waits sleeps between two tries."""

log = structlog.get_logger("ingest")


@dataclass(slots=True)
class Pipeline:
    """One worker of the ingest service; `run` goes on until it is cancelled.

    Attributes:
        clock: Ours, as long as it is not known to be wrong.
        trouble: Why nothing is settled at present: store or ledger are down, or our clock is wrong; else empty.
        position: Entry of the journal after which a flush that is tried again asks for more; None: no flush is tried.
    """

    settings: IngestSettings
    session: Session
    store: Store
    ledger: Ledger
    devices: DeviceCache
    loader: Loader
    receipts: ReceiptSender
    metrics: Metrics
    clock: CityClock = field(default_factory=CityClock)
    trouble: str = ""
    position: int | None = None
    _flushing: asyncio.Task[None] | None = None
    _base_ns: int = field(init=False)

    def __post_init__(self) -> None:
        """Remember how our clock is set."""
        self._base_ns = self.clock.base_ns()

    async def run(self) -> None:
        """Flush after flush."""
        await self.until_available(self.devices.refresh)
        await self.until_available(self.learn_quantities)
        while True:
            taken = await receive(self.session, self.loader, self.settings, self.clock)
            self._flushing = asyncio.create_task(self.flush(taken), name="ingest flush")
            await asyncio.shield(self._flushing)

    async def learn_quantities(self) -> None:
        """Learn which quantities the store has already, so that a restart charges nobody for them again.

        Raises:
            StoreUnavailable: The store can't answer now.
        """
        self.loader.budgets.learn_quantities(await self.store.quantities())

    async def flush(self, taken: FlushInput) -> None:
        """Take one flush all the way; returns when it is durable and acknowledged."""
        started = time.process_time(), time.monotonic()
        await self.until_available(partial(self.settle, taken))
        self.position = None
        for row in latest_statuses(taken.statuses):
            await self.until_available(partial(self.ledger.note_status, row))
        self.session.acknowledge(taken.messages)
        self.metrics.not_received(taken.undated)
        self.receipts.send(taken)
        self.metrics.flushed(started)

    async def settle(self, taken: FlushInput) -> None:
        """Check, write, and commit to the ledger; again from the check when another worker was first.

        Raises:
            Unavailable: Store or ledger is down, or our clock is wrong; `taken` can be settled again.
        """
        while True:
            self._restamp(taken)
            self.clock.check()
            await self.devices.refresh()
            settled = await self.ledger.refresh()
            if settled.has_fingerprint(taken.token):
                return  # a commit whose answer got lost
            await restore(taken, settled.journal, self.ledger, self.store, self.devices.places)
            now_ns = self.clock.now_ns()
            checked = check(taken, settled, self.devices.places, now_ns, self.settings.max_future_skew_s)
            taken.written, taken.journal = [traced.batch for traced in checked.batches], settled.journal
            self.position = taken.journal
            began_s = time.monotonic()
            refused = await write(checked, self.store)
            self.metrics.stored(checked.batches, checked.now_ns, began_s)
            flush = settlement(checked, refused, self.devices.by_kind)
            try:
                await self.ledger.settle(flush)
            except Conflict:
                self.metrics.conflicted()
                continue
            self.devices.add(flush.devices)
            self.metrics.settled(flush, checked.inexact)
            return

    def _restamp(self, taken: FlushInput) -> None:
        """Once our clock was set, mend the receive time of what came before: some readings have no time but that.

        A step is seen within `_NOTICED_NS`, so what is dated between then and now came by the clock as it is.
        """
        step_ns = self.clock.base_ns() - self._base_ns
        if abs(step_ns) <= STEP_NS:
            return
        self._base_ns += step_ns
        now_ns = self.clock.read()
        log.info("the clock was set", by_s=round(step_ns / 1e9, 3))
        since = range(now_ns - _NOTICED_NS, now_ns + 1)
        self.session.restamp(step_ns, unless=since)
        if taken.written:
            return  # it may be in the store: a second time would make two readings of each
        restamp(taken.messages, step_ns, unless=since)
        messages, taken.messages = taken.messages, []
        taken.reset()
        self.loader.load(messages, taken)

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

    async def finish(self, within_s: float) -> None:
        """After the end of `run`: let the flush that has begun end too, or give it up: its messages come again."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing], timeout=within_s)
            self._flushing.cancel()
            await asyncio.wait([self._flushing])
        await self.receipts.finish(within_s)
