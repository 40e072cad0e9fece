"""What the gateway says about itself: its retained status, and one log line when the spool fills or empties."""

import asyncio
import contextlib
import math
import time
from typing import Final

import msgspec
import structlog

from city.errors import SpoolFull
from city.mqtt import Disconnected, MqttError, NotSent, PublishRefused, Session, Will
from city.wire import status
from city.wire.status import Health, Status
from gateway.outbox.spool import Spool

_CHECK_INTERVAL_S: Final = 2.0
"""Seconds between two checks; a status that changed is published then."""

_REPEAT_INTERVAL_S: Final = 30.0
"""Seconds after which it is published though nothing changed."""

_RETAIN_RETRY_S: Final = 300.0
"""Seconds after which a broker that would not retain the status is asked to once more."""

_MAX_LOSSES: Final = 2
"""Connections that end while the status is unanswered, one after the other, before packs go first for a while."""

_OFFLINE_TIMEOUT_S: Final = 0.5
_REFUSAL_S: Final = 10.0
"""How long a refusal counts: an input that readiness turns away must get the chance to try again."""

_log = structlog.get_logger(__name__)


def will(topic: str) -> Will:
    """What the broker says for a gateway that has vanished; its pending readings are not known then."""
    return Will(topic, status.encode(Status(online=False)), retain=True)


class StatusPublisher:
    """Keeps the retained status true.

    Args:
        spool: Only its numbers are read.
        session: Where it is published.
        topic: On which topic.

    Attributes:
        is_spool_full: The spool refused the last thing that it was given.
    """

    def __init__(self, spool: Spool, session: Session, topic: str) -> None:
        self._spool = spool
        self._session = session
        self._topic = topic
        self._published: Status | None = None
        self._published_s = -math.inf
        self._losses = 0
        self._lost_s = -math.inf
        self._retain = True
        self._retain_refused_s = -math.inf
        self._wanted = asyncio.Event()
        self.is_spool_full = False
        self._refusal: SpoolFull | None = None
        self._spool_full_s = -math.inf
        self._health: Health | None = None

    async def run(self) -> None:
        """Publish the status when it changes, and now and then, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_INTERVAL_S):
                    await self._wanted.wait()
            self._wanted.clear()
            fresh, now_s = self._status(online=True), _now_s()
            if self._losses >= _MAX_LOSSES and now_s - self._lost_s < _REPEAT_INTERVAL_S:
                # it may be the status that ends connections, and packs shall get through
                continue
            if fresh != self._published or now_s - self._published_s >= _REPEAT_INTERVAL_S:
                await self._publish(fresh)

    async def publish_offline(self) -> None:
        """Publish that the gateway goes, with what it still holds; give up soon."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OFFLINE_TIMEOUT_S):
                await self._publish(self._status(online=False))

    def republish(self) -> None:
        """Publish it at once: after a reconnect the retained status may be our own will."""
        self._published = None
        self._retain = True
        self._wanted.set()

    def set_health(self, health: Health) -> None:
        """Publish this from now on as well."""
        self._health = health

    def spool_full(self, error: SpoolFull) -> None:
        """Note that the spool refused; nothing is lost, but an operator should look."""
        if self.refusal is None:
            _log.warning("spool full", reason=str(error))
        self.is_spool_full = True
        self._refusal, self._spool_full_s = error, _now_s()

    def spool_ok(self) -> None:
        """Note that the spool took something after it had refused."""
        _log.info("spool takes readings again")
        self.is_spool_full = False
        self._refusal = None

    @property
    def refusal(self) -> SpoolFull | None:
        """Why the spool took nothing, if that was a moment ago; None if it does or may do so again."""
        return self._refusal if _now_s() - self._spool_full_s < _REFUSAL_S else None

    def _status(self, *, online: bool) -> Status:
        pending = self._spool.pending
        return Status(online, self._spool.id, pending.readings, pending.packs, pending.bytes, health=self._health)

    async def _publish(self, fresh: Status) -> None:
        payload = status.encode(msgspec.structs.replace(fresh, at_ns=time.time_ns()))
        began_s = _now_s()
        if began_s - self._retain_refused_s >= _RETAIN_RETRY_S:
            self._retain = True
        try:
            await self._session.publish(self._topic, payload, retain=self._retain)
        except MqttError as error:
            _log.debug("status not published", reason=str(error))
            # a broker that retains nothing may take it all the same
            if isinstance(error, PublishRefused):
                self._retain, self._retain_refused_s = False, began_s
            if isinstance(error, Disconnected) and not isinstance(error, NotSent):
                self._losses, self._lost_s = self._losses + 1, _now_s()
            return
        self._losses = 0
        self._published, self._published_s = fresh, _now_s()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
