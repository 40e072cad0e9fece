"""One flush through ingest: receive, load, check, write, settle, acknowledge, send receipts.

Store first, then one ledger transaction, then acknowledge and send receipts. Whatever dies in between, the broker or
the gateway still holds the messages, and they come again: the store overwrites, the ledger knows its packs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from city.backoff import Backoff
from city.errors import Conflict, Unavailable
from city.ledger.port import Ledger
from city.mqtt import Session
from city.store.port import Store
from ingest.check import check
from ingest.device_cache import DeviceCache
from ingest.load import FlushInput, Loader
from ingest.metrics import Metrics
from ingest.receipts import ReceiptSender
from ingest.receive import receive
from ingest.settings import IngestSettings
from ingest.settle import latest_statuses, settlement
from ingest.write import restore, write

log = structlog.get_logger("ingest")


@dataclass(slots=True)
class Pipeline:
    """One worker of the ingest service; `run` goes on until it is cancelled.

    Attributes:
        trouble: Why store or ledger can't be reached at present; empty when they can.
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
    trouble: str = ""
    position: int | None = None
    _flushing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Flush after flush."""
        await self.until_available(self.devices.refresh)
        await self.until_available(self.learn_quantities)
        while True:
            taken = await receive(self.session, self.loader, self.settings)
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
            Unavailable: Store or ledger is down; `taken` can be settled again.
        """
        while True:
            await self.devices.refresh()
            settled = await self.ledger.refresh()
            if settled.has_fingerprint(taken.token):
                return  # a commit whose answer got lost
            await restore(taken, settled.journal, self.ledger, self.store, self.devices.places)
            checked = check(taken, settled, self.devices.places, time.time_ns(), self.settings.max_future_skew_s)
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
