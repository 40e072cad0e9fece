"""Packs on their way to the broker: which come next, sent, and sent again."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog

from city.mqtt import Disconnected, NotSent, PublishRefused, Session
from gateway.outbox.in_flight import InFlightQueue
from gateway.outbox.spool import Stored

_LOOK_S: Final = 0.5
"""How often it is looked whether the connection is a new one."""

_log = structlog.get_logger(__name__)


class PackPublisher:
    """Publishes packs side by side, and keeps the window true.

    Args:
        session: Where to.
        topic: On which topic.
        window: Says what is due.
    """

    def __init__(self, session: Session, topic: str, window: InFlightQueue) -> None:
        self._session = session
        self._topic = topic
        self._window = window
        self._changed = asyncio.Event()
        self._connection = 0
        self._sending: set[asyncio.Task[None]] = set()

    async def connected(self) -> bool:
        """Wait for the broker; say whether this is a new connection, on which all that the last one had is due."""
        await self._session.connected()
        self._changed.clear()
        is_new = self._session.connection != self._connection
        if is_new:
            self._connection = self._session.connection
            self._window.reconnected()
        return is_new

    def publish(self, packs: Sequence[Stored]) -> None:
        """Begin to send these, which the window has let out."""
        for pack in packs:
            task = asyncio.create_task(self._send(pack), name=f"relay sends {pack.seq}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def wake(self) -> None:
        """Something changed: there are new packs, or there is new room."""
        self._changed.set()

    async def wait(self) -> None:
        """Wait until something changed or a pack is due."""
        until_due_s = max(0.0, self._window.next_due_s() - now_s())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_LOOK_S, until_due_s)):
                await self._changed.wait()

    def close(self) -> None:
        """Give up what is being sent; it stays in the spool."""
        for task in self._sending:
            task.cancel()

    async def _send(self, pack: Stored) -> None:
        try:
            heard = await self._session.publish(self._topic, pack.payload)
        except NotSent:
            self._window.unsent(pack.seq)
        except Disconnected:
            if self._window.lost(pack.seq, now_s()):
                _log.warning("pack ends connections", seq=pack.seq, bytes=len(pack.payload))
        except PublishRefused as error:
            _log.warning("pack refused", seq=pack.seq, bytes=len(pack.payload), reason=error.reason)
            self._window.refused(pack.seq, now_s())
        else:
            self._window.sent(pack.seq, now_s(), heard=heard)
        self._changed.set()


def now_s() -> float:
    """Tell the loop's time, in seconds."""
    return asyncio.get_running_loop().time()
