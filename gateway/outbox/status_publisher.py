"""What the gateway says about itself: its retained status, and one log line when the spool fills or empties."""

import asyncio
import contextlib
import time
from typing import Final

import msgspec
import structlog

from city.errors import Full
from city.mqtt import Disconnected, MqttError, NotSent, PublishRefused, Session, Will
from city.wire import status
from city.wire.status import Health, Status
from gateway.outbox.spool import Spool

_CHANGED_S: Final = 2.0
"""Seconds between two looks; a status that changed is said then."""

_ALWAYS_S: Final = 30.0
"""Seconds after which it is said though nothing changed."""

_AGAIN_S: Final = 300.0
"""Seconds after which a broker that would not retain the status is asked to once more."""

_MOST_CUT: Final = 2
"""Connections that end while the status is unanswered, one after the other, before packs go first for `_ALWAYS_S`."""

_FAREWELL_S: Final = 0.5
_REFUSAL_S: Final = 10.0
"""How long a refusal counts: whoever is turned away by readiness must get the chance to try again."""


_log = structlog.get_logger(__name__)


def will(topic: str) -> Will:
    """What the broker says for a gateway that has vanished; its pending readings are not known then."""
    return Will(topic, status.encode(Status(online=False)), retain=True)


class StatusPublisher:
    """Keeps the retained status true.

    Args:
        spool: Only its numbers are read.
        session: Where it is said.
        topic: On which topic.
    """

    def __init__(self, spool: Spool, session: Session, topic: str) -> None:
        self._spool = spool
        self._session = session
        self._topic = topic
        self._said: Status | None = None
        self._said_s = 0.0
        self._cut = 0
        self._cut_s = 0.0
        self._retain = True
        self._refused_s = 0.0
        self._now = asyncio.Event()
        self._refusal: Full | None = None
        self._refused_s = 0.0
        self._health: Health | None = None

    async def run(self) -> None:
        """Say the status when it changes, and now and then, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHANGED_S):
                    await self._now.wait()
            self._now.clear()
            fresh, now_s = self._status(online=True), asyncio.get_running_loop().time()
            if self._cut >= _MOST_CUT and now_s - self._cut_s < _ALWAYS_S:
                # it may be the status that ends connections, and packs shall get through
                continue
            if fresh != self._said or now_s - self._said_s >= _ALWAYS_S:
                await self._say(fresh)

    async def farewell(self) -> None:
        """Say that the gateway goes, with what it still holds; give up soon."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._say(self._status(online=False))

    def speak(self) -> None:
        """Say it at once: after a reconnect the retained status may be our own will."""
        self._said = None
        self._retain = True
        self._now.set()

    def note(self, health: Health) -> None:
        """Say this from now on as well."""
        self._health = health

    def full(self, error: Full) -> None:
        """Note that the spool refused; nothing is lost, but somebody should look."""
        if self.refusal is None:
            _log.warning("spool full", reason=str(error))
        self._refusal, self._refused_s = error, asyncio.get_running_loop().time()

    def kept(self) -> None:
        """Note that the spool took something."""
        if self._refusal is not None:
            _log.info("spool takes readings again")
        self._refusal = None

    @property
    def refusal(self) -> Full | None:
        """Why the spool took nothing, if that was a moment ago; None if it does or may do so again."""
        is_fresh = asyncio.get_running_loop().time() - self._refused_s < _REFUSAL_S
        return self._refusal if is_fresh else None

    def _status(self, *, online: bool) -> Status:
        pending = self._spool.pending
        return Status(online, self._spool.id, pending.readings, pending.packs, pending.bytes, health=self._health)

    async def _say(self, fresh: Status) -> None:
        said, now_s = msgspec.structs.replace(fresh, at_ns=time.time_ns()), asyncio.get_running_loop().time()
        if not self._retain and now_s - self._refused_s >= _AGAIN_S:
            self._retain = True
        try:
            await self._session.publish(self._topic, status.encode(said), retain=self._retain)
        except MqttError as error:
            _log.debug("status not said", reason=str(error))
            # a broker that retains nothing may take it all the same
            if isinstance(error, PublishRefused):
                self._retain, self._refused_s = False, now_s
            if isinstance(error, Disconnected) and not isinstance(error, NotSent):
                self._cut, self._cut_s = self._cut + 1, asyncio.get_running_loop().time()
            return
        self._cut = 0
        self._said, self._said_s = fresh, asyncio.get_running_loop().time()
