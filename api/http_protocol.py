"""Uvicorn's HTTP/1.1 connection, with the bounds of `city.connections`, and a problem for what is no HTTP."""

import asyncio
from typing import Any, Final

import h11
import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.problems import MEDIA_TYPE, ProblemBody
from city.connections import Connection, Connections, Phase

_QUIET_S: Final = 60.0
_log = structlog.get_logger(__name__)


class EndedConnections:
    """Counts connections that were ended by their reason; each reason is logged once a minute.

    Args:
        metrics: Where the counter goes.
    """

    def __init__(self, metrics: CollectorRegistry) -> None:
        self._ended = Counter(
            "korat_api_connections_ended", "Connections ended by a bound.", ("reason",), registry=metrics
        )
        self._logged: dict[str, float] = {}
        self._times: dict[str, int] = {}

    def __call__(self, reason: str) -> None:
        """Count one."""
        self._ended.labels(reason).inc()
        self._times[reason] = self._times.get(reason, 0) + 1
        now_s = asyncio.get_running_loop().time()
        if now_s - self._logged.get(reason, -_QUIET_S) >= _QUIET_S:
            self._logged[reason] = now_s
            _log.warning("the API ended connections", reason=reason, times=self._times[reason])


class BoundedProtocol(H11Protocol):
    """One connection.

    Args:
        connections: All of this door.
        ended: Counts what was no HTTP.
        **given: What uvicorn gives each connection.
    """

    def __init__(self, *, connections: Connections, ended: EndedConnections, **given: Any) -> None:
        super().__init__(**given)
        self._all = connections
        self._ended = ended
        self._mine: Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Be one of them, or end at once."""
        super().connection_made(transport)
        self._mine = self._all.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Be none of them any more."""
        if self._mine is not None:
            self._all.remove(self._mine)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and note what that makes of the connection."""
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._note()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with a problem (RFC 9457); nothing of it is logged."""
        self._ended("no_http")
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()
            return
        body = msgspec.json.encode(ProblemBody("about:blank", "Bad Request", 400, msg))
        headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(body))), ("connection", "close")]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _note(self) -> None:
        if self._mine is None:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            phase = Phase.REQUEST
        elif self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]:
            phase = Phase.HEAD
        else:
            phase = Phase.IDLE
        self._all.turn(self._mine, phase)
