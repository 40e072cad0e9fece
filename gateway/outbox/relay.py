"""The hot path of the gateway: from the links' hands to the disk, to the broker, and to the receipt that ends custody.

    accept -> collect -> close -> spool -> answer          what came in is on disk
    fetch -> publish -> (receipt) -> forget                what is on disk is settled by ingest

Both halves know each other only through the spool, so the broker's absence never stops the intake.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import structlog

from city import topics
from city.errors import Full, Malformed
from city.mqtt import Message, Session
from city.reading import Reading
from city.wire import receipt
from city.wire.pack import Undecoded
from gateway.outbox import packing
from gateway.outbox.clock_skew import ClockSkew
from gateway.outbox.group_commit import GroupCommit, PendingWrite, answer, answering
from gateway.outbox.in_flight import InFlightQueue
from gateway.outbox.packing import Contents
from gateway.outbox.publisher import PackPublisher, now_s
from gateway.outbox.send_scheduler import SendScheduler
from gateway.outbox.spool import Spool, Stored
from gateway.outbox.status_publisher import StatusPublisher

_AT_ONCE: Final = 16
"""Packs read from the spool in one go: it bounds the memory."""

P = ParamSpec("P")
T = TypeVar("T")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """How the relay gathers and sends.

    Attributes:
        pack_readings: Readings at which a pack is closed.
        pack_age_s: Seconds after which it is closed anyway.
        window: Packs on their way without a receipt.
        resend_s: Seconds after which a pack without a receipt is sent again; they double each time.
        most_resend_s: Where the doubling ends, and how long a pack rests that the broker refused.
    """

    pack_readings: int = 100
    pack_age_s: float = 0.1
    window: int = 64
    resend_s: float = 5.0
    most_resend_s: float = 60.0


class Relay:
    """Takes custody of readings and hands them on.

    Args:
        spool: Opened; touched by `worker` alone from here on.
        worker: An executor of one thread.
        session: Subscribed to this gateway's receipts, and to nothing else.
        province: Of the topics.
        gateway: Id of this gateway.
        pace: How it gathers and sends.

    Attributes:
        reporter: Says how the gateway is.
        skew: What receipts show of the clock.
    """

    def __init__(
        self, spool: Spool, worker: Executor, session: Session, *, province: str, gateway: str, pace: RelayConfig
    ) -> None:
        self._spool = spool
        self._worker = worker
        self._session = session
        self._enough = pace.pack_readings
        self._intake = GroupCommit(pace.pack_readings, pace.pack_age_s)
        self._window = InFlightQueue(pace.window, pace.resend_s, pace.most_resend_s)
        self._lanes = SendScheduler(pace.window, spool.last)
        self._sender = PackPublisher(session, topics.pack(province, gateway), self._window)
        self.skew = ClockSkew(spool.last)
        self.reporter = StatusPublisher(spool, session, topics.status(province, gateway))

    async def accept(self, readings: list[Reading], undecoded: list[Undecoded]) -> None:
        """Take custody: returns when all of it is on disk.

        Raises:
            Full: Custody was not taken; try again later.
            Unavailable: Custody was not taken: the gateway stops.
            Broken: The spool is damaged.
        """
        if readings or undecoded:
            await self._intake.hand_over(Contents(readings, undecoded))

    async def run(self) -> None:
        """Work until cancelled; then whoever waits for custody is refused.

        Raises:
            ExceptionGroup: Of `Broken`: the spool is damaged.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep(), name="relay keeps")
                tasks.create_task(self._hand_on(), name="relay hands on")
                tasks.create_task(self._settle(), name="relay settles")
                tasks.create_task(self.reporter.run(), name="relay reports")
        finally:
            self._intake.close()
            self._sender.close()

    async def _keep(self) -> None:
        """From the links to the disk."""
        while True:
            calls = await self._intake.group()
            with answering(calls):
                await self._spool_and_answer(calls)
            self._sender.wake()

    async def _hand_on(self) -> None:
        """From the disk to the broker."""
        while True:
            if await self._sender.connected():
                self.reporter.speak()
            packs = await self._fetch_due() + await self._fetch_fresh()
            self._sender.publish(packs)
            if not packs:
                await self._sender.wait()

    async def _settle(self) -> None:
        """From the receipt to oblivion."""
        while True:
            messages = await self._session.receive()
            await self._forget([part for message in messages for part in self._understand(message)])
            self._session.acknowledge(messages)
            self._sender.wake()

    async def _spool_and_answer(self, calls: list[PendingWrite]) -> None:
        packs = list(packing.close([call.contents for call in calls], self._enough))
        try:
            await self._on_worker(self._spool.append, packs)
        except Full as error:
            if len(calls) > 1:
                # what doesn't fit must not keep out what does
                for call in calls:
                    await self._spool_and_answer([call])
                return
            self.reporter.full(error)
            answer(calls, error)
        else:
            self.reporter.kept()
            answer(calls)

    async def _fetch_due(self) -> list[Stored]:
        numbers = self._window.take_due(now_s(), _AT_ONCE)
        if not numbers:
            return []
        packs = await self._on_worker(self._spool.pick, numbers)
        self._window.drop(set(numbers) - {pack.seq for pack in packs})
        return packs

    async def _fetch_fresh(self) -> list[Stored]:
        self._lanes.notice(self._spool.last)
        packs: list[Stored] = []
        for stretch in self._lanes.next(self._window.room, *self._window.above(self._lanes.boundary), _AT_ONCE):
            found = await self._on_worker(self._spool.oldest, stretch.after, stretch.most, stretch.until)
            self._lanes.took(stretch, [pack.seq for pack in found])
            for pack in found:
                self._window.admit(pack.seq)
            self.skew.sent([pack.seq for pack in found], time.time_ns())
            packs += found
        return packs

    def _understand(self, message: Message) -> Sequence[tuple[int, int]]:
        try:
            settled = receipt.decode(message.payload)
        except Malformed as error:
            _log.warning("receipt not understood", topic=message.topic, reason=error.reason, detail=error.detail)
            return ()
        if settled.spool != self._spool.id:
            return ()
        done = self._lanes.sent(settled.done)
        if done != settled.done:
            _log.warning("receipt of packs that were never sent", said=settled.done[:3], kept=done[:3])
        self.skew.heard(done, settled.at_ns, message.received_ns)
        return done

    async def _forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        if not ranges:
            return
        try:
            await self._on_worker(self._spool.forget, ranges)
        except Full as error:
            # they stay, are sent again, and their next receipt is the next try
            _log.warning("packs settled but not forgotten", reason=str(error))
        else:
            self._window.settle(ranges, now_s())

    async def _on_worker(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work, *args)
