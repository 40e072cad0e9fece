"""Packs on their way to the broker, side by side; what becomes of each is told to the queue."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final

import structlog

from city.mqtt import Disconnected, NotSent, PublishRefused, Session
from gateway.outbox.in_flight import InFlightQueue
from gateway.outbox.spool import Stored

_MAX_WAIT_S: Final = 0.5
"""Parked packs and probes may go by time alone: it is looked as often as this."""

_log = structlog.get_logger(__name__)


class PackPublisher:
    """Publishes packs.

    Args:
        session: Where to.
        topic: On which topic.
        in_flight: Is told what became of each pack.
    """

    def __init__(self, session: Session, topic: str, in_flight: InFlightQueue) -> None:
        self._session = session
        self._topic = topic
        self._in_flight = in_flight
        self._changed = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    async def connected(self) -> None:
        """Wait for the broker."""
        await self._session.connected()
        self._changed.clear()

    def publish(self, packs: Iterable[Stored]) -> None:
        """Begin to send these."""
        for pack in packs:
            task = asyncio.create_task(self._send(pack), name=f"relay sends {pack.seq}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def wake(self) -> None:
        """Something changed: there are new packs, there is new room or a new connection."""
        self._changed.set()

    async def wait(self) -> None:
        """Wait until something changed or a pack is due."""
        until_due_s = max(0.0, self._in_flight.next_due_s() - now_s())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_MAX_WAIT_S, until_due_s)):
                await self._changed.wait()

    def close(self) -> None:
        """Give up what is being sent; it stays in the spool."""
        for task in self._sending:
            task.cancel()

    async def _send(self, pack: Stored) -> None:
        try:
            has_subscribers = await self._session.publish(self._topic, pack.payload)
        except NotSent:
            self._in_flight.unsent(pack.seq)
        except Disconnected:
            if self._in_flight.lost(pack.seq, now_s()):
                _log.warning("pack ends connections", seq=pack.seq, bytes=len(pack.payload))
        except PublishRefused as error:
            _log.warning("pack refused", seq=pack.seq, bytes=len(pack.payload), reason=error.reason)
            self._in_flight.refused(pack.seq, now_s())
        else:
            self._in_flight.taken(pack.seq, now_s(), has_subscribers=has_subscribers)
        self._changed.set()


def now_s() -> float:
    """Tell the loop's time, in seconds."""
    return asyncio.get_running_loop().time()
