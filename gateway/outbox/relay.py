"""The hot path of the gateway: from the inputs to the disk, to the broker, and to the receipt that ends custody.

    accept -> group -> close -> append -> answer          what came in is on disk
    next -> publish -> (receipt) -> forget -> settle      what is on disk is settled by ingest

Both halves know each other only through the spool, so the broker's absence never stops what comes in.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from city import topics
from city.errors import SpoolFull
from city.mqtt import Message, Session
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.outbox.clock_skew import ClockSkew
from gateway.outbox.group_commit import Contents, GroupCommit, PendingWrite, answer, answering, close_packs
from gateway.outbox.publisher import PackPublisher, now_s
from gateway.outbox.receipt_reader import ReceiptReader
from gateway.outbox.send_scheduler import SendScheduler
from gateway.outbox.spool import Spool, SpoolThread
from gateway.outbox.status_publisher import StatusPublisher

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """How the relay gathers and sends.

    Attributes:
        pack_readings: Readings at which a pack is closed.
        pack_age_s: Seconds after which it is closed anyway.
        max_inflight_packs: Packs on their way without a receipt.
        resend_s: Seconds after which a pack without a receipt is sent again; they double each time.
        max_resend_s: Where the doubling ends, and how long a pack rests that the broker refused.
        receipt_key: What ingest signs receipts with; None: every receipt is believed.
    """

    pack_readings: int = 100
    pack_age_s: float = 0.1
    max_inflight_packs: int = 64
    resend_s: float = 5.0
    max_resend_s: float = 60.0
    receipt_key: bytes | None = None


class Relay:
    """Takes custody of readings and hands them on.

    Args:
        spool: Opened; touched by `worker` alone from here on.
        worker: An executor of one thread.
        session: Subscribed to this gateway's receipts, and to nothing else.
        province: Of the topics.
        gateway: Id of this gateway.
        config: How it gathers and sends.

    Attributes:
        status: Publishes how the gateway is.
        skew: What receipts show of the clock.
        receipts: Which receipts are believed.
    """

    def __init__(
        self, spool: Spool, worker: Executor, session: Session, *, province: str, gateway: str, config: RelayConfig
    ) -> None:
        self._session = session
        self._pack_readings = config.pack_readings
        self._spool = SpoolThread(spool, worker)
        self._intake = GroupCommit(config.pack_readings, config.pack_age_s)
        self._scheduler = SendScheduler(self._spool, config.max_inflight_packs, config.resend_s, config.max_resend_s)
        self._publisher = PackPublisher(session, topics.pack(province, gateway), self._scheduler.in_flight)
        self.skew = ClockSkew(spool.last)
        self.receipts = ReceiptReader(gateway, config.receipt_key)
        self.status = StatusPublisher(spool, session, topics.status(province, gateway))

    async def accept(self, readings: list[Reading], undecoded: list[Undecoded]) -> None:
        """Take custody: returns when all of it is on disk.

        Raises:
            SpoolFull: Custody was not taken; try again later.
            Unavailable: Custody was not taken: the gateway stops.
            Broken: The spool is damaged.
        """
        if readings or undecoded:
            await self._intake.write(Contents(readings, undecoded))

    async def run(self) -> None:
        """Work until cancelled; calls that wait for custody then are refused.

        Raises:
            ExceptionGroup: Of `Broken`: the spool is damaged.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_in(), name="relay takes in")
                tasks.create_task(self._hand_on(), name="relay hands on")
                tasks.create_task(self._settle(), name="relay settles")
                tasks.create_task(self._follow_connections(), name="relay follows connections")
                tasks.create_task(self.status.run(), name="relay status")
        finally:
            self._intake.close()
            self._publisher.close()

    async def _take_in(self) -> None:
        """From the inputs to the disk."""
        while True:
            writes = await self._intake.group()
            with answering(writes):
                await self._append_and_answer(writes)
            self._publisher.wake()

    async def _hand_on(self) -> None:
        """From the disk to the broker."""
        while True:
            await self._publisher.connected()
            packs = await self._scheduler.next(now_s())
            self.skew.sent([pack.seq for pack in packs.fresh], time.time_ns())
            self._publisher.publish([*packs.again, *packs.fresh])
            if not packs.again and not packs.fresh:
                await self._publisher.wait()

    async def _settle(self) -> None:
        """From the receipt to the end of custody."""
        while True:
            messages = await self._session.receive()
            await self._forget([settled for message in messages for settled in self._read_receipt(message)])
            self._session.acknowledge(messages)
            self._publisher.wake()

    async def _follow_connections(self) -> None:
        """On a new connection all is due that the last one had, and the retained status may be our own will."""
        connection = 0
        while True:
            connection = await self._session.next_connection(connection)
            self._scheduler.in_flight.reconnected()
            self.status.republish()
            self._publisher.wake()

    async def _append_and_answer(self, writes: list[PendingWrite]) -> None:
        packs = list(close_packs([write.contents for write in writes], self._pack_readings))
        try:
            await self._spool.append(packs)
        except SpoolFull as error:
            if len(writes) > 1:
                # what doesn't fit must not keep out what does
                for write in writes:
                    await self._append_and_answer([write])
                return
            self.status.spool_full(error)
            answer(writes, error)
        else:
            if self.status.is_spool_full:
                self.status.spool_ok()
            answer(writes)

    def _read_receipt(self, message: Message) -> Sequence[tuple[int, int]]:
        settled = self.receipts.read(message)
        if settled is None or settled.spool != self._spool.id:
            return ()
        if self._scheduler.sent_of(settled.done) != settled.done:
            # ingest names only what it was sent, so this is another's word, or another's spool: none of it counts
            _log.warning("receipt of packs that were never sent; all of it refused", named=settled.done[:3])
            return ()
        self.skew.settled(settled.done, settled.at_ns, message.received_ns)
        return settled.done

    async def _forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        if not ranges:
            return
        try:
            await self._spool.forget(ranges)
        except SpoolFull as error:
            # they stay, are sent again, and their next receipt is the next try
            _log.warning("packs settled but not forgotten", reason=str(error))
        else:
            self._scheduler.in_flight.settle(ranges, now_s())
