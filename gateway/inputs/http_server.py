"""aiohttp's server, with the bounds of `city.connections`; what is no HTTP is counted, and nothing of it is logged."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError

from city.connections import Connection, Connections, Phase
from gateway.inputs.bodies import Problem

_BACKLOG: Final = 1024


class BoundedHandler(web.RequestHandler):
    """One connection.

    Args:
        connections: All of this door.
        count: Told the reason of what is no HTTP.
        *given: What aiohttp gives each connection.
        **named: Likewise.
    """

    __slots__ = ("_all", "_count", "_mine")

    def __init__(self, connections: Connections, count: Callable[[str], None], *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._all = connections
        self._count = count
        self._mine: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be one of them, or end at once."""
        super().connection_made(transport)
        self._mine = self._all.add(cast("asyncio.Transport", transport))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Be none of them any more."""
        if self._mine is not None:
            self._all.remove(self._mine)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and note what that makes of the connection."""
        super().data_received(data)
        if self._mine is not None:
            self._all.turn(self._mine, Phase.REQUEST if self._messages or self._request_in_progress else Phase.HEAD)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer, and wait for the next request."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            if self._mine is not None:
                self._all.turn(self._mine, Phase.REQUEST if self._messages else Phase.IDLE)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP; the library would log its bytes, with tokens among them."""
        if not isinstance(exc, HttpProcessingError) or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        self._count("no_http")
        problem = Problem(HTTPStatus.BAD_REQUEST, "this is no HTTP request that can be read")
        response = _Unsigned(body=problem.response().body, status=status, content_type="application/problem+json")
        response.force_close()
        return response


class BoundedSite(web.BaseSite):
    """Where a runner's server listens.

    Args:
        runner: Whose server it is; set up.
        host: Address to listen on.
        port: TCP port.
        make: Makes the handler of one connection.
    """

    def __init__(self, runner: web.AppRunner, host: str, port: int, make: Callable[[], BoundedHandler]) -> None:
        super().__init__(runner, backlog=_BACKLOG)
        self._host = host
        self._port = port
        self._make = make

    @property
    def name(self) -> str:
        """Give its address."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._make, self._host, self._port, backlog=self._backlog, reuse_address=True
        )


async def unsigned(_: web.Request, response: web.StreamResponse) -> None:
    """Leave out which library answers."""
    response.headers.pop(hdrs.SERVER, None)


class _Unsigned(web.Response):
    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop(hdrs.SERVER, None)
