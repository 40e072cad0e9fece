"""What holds for every request: who asks, sizes, a deadline, safe headers, HEAD, and no exception goes out."""

import asyncio
from collections.abc import MutableMapping
from typing import Any, Final
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Problem
from city.proxies import ClientShares, TrustedProxies

MAX_QUERY_BYTES: Final = 16 * 1024
MAX_BODY_BYTES: Final = 64 * 1024

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_log = structlog.get_logger(__name__)


class Guard:
    """Middleware around all routes: bounds what comes in, adds safe headers, answers HEAD, turns errors to problems.

    Args:
        app: What is inside.
        deadline_s: Seconds for one request.
        proxies: Whom to believe who asks.
        of_client: Requests under way for one client, where there are proxies.
    """

    def __init__(self, app: ASGIApp, *, deadline_s: float, proxies: TrustedProxies, of_client: int) -> None:
        self._app = app
        self._deadline_s = deadline_s
        self._proxies = proxies
        self._shares = ClientShares(of_client)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold a request to the bounds; what breaks before an answer begins is answered as a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def safe(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            _refuse(scope)
            async with asyncio.timeout(self._deadline_s):
                if self._proxies.networks:
                    await self._pass_on_shared(scope, _Bounded(receive), safe)
                else:
                    await self._pass_on(scope, _Bounded(receive), safe)
        except (Exception, asyncio.CancelledError) as error:
            if started:
                raise
            await _problem(error, scope).response()(scope, receive, safe)

    async def _pass_on_shared(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note who asks, behind proxies, and hold it to its share."""
        told: dict[bytes, list[str]] = {b"x-forwarded-for": [], b"forwarded": []}
        for name, value in scope["headers"]:
            if name in told:
                told[name].append(value.decode("latin-1"))
        peer = scope["client"][0] if scope["client"] else ""
        client = self._proxies.client(peer, told[b"x-forwarded-for"], told[b"forwarded"])
        scope["client"] = (client, 0)
        with self._shares.one(client) as is_one:
            if not is_one:
                detail = "too many requests of this address are under way: try again in 1 s"
                raise Problem(429, "busy", detail, {"Retry-After": "1"})
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # the server looks at its own scope to leave out the body, so the routes get a copy that says GET
        inner: MutableMapping[str, Any] = {**scope, "method": "GET"}
        try:
            await self._app(inner, receive, send)
        finally:
            scope["route"] = inner.get("route")


class _Bounded:
    """Receives a body until it becomes too large."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > MAX_BODY_BYTES:
            raise _too_large(413, "body", MAX_BODY_BYTES)
        return message


def _problem(error: BaseException, scope: Scope) -> Problem:
    match error:
        case Problem():
            return error
        case TimeoutError():
            detail = "a part of the platform did not answer in time: try again in 5 s"
            return Problem(503, "unavailable", detail, {"Retry-After": "5", "Connection": "close"})
        case asyncio.CancelledError():
            # only the server cancels a request: when it stops and the request took too long for that
            return Problem(503, "unavailable", "this process is stopping: try again in 5 s", {"Retry-After": "5"})
        case _:
            number = uuid4().hex
            client = scope["client"][0] if scope["client"] else ""
            method, path = scope["method"], scope["path"]
            _log.warning("a request broke", id=number, client=client, method=method, path=path, exc_info=error)
            return Problem(500, "internal", f"the log knows more under {number}", id=number)


def _refuse(scope: Scope) -> None:
    if len(scope["query_string"]) > MAX_QUERY_BYTES:
        raise _too_large(414, "query", MAX_QUERY_BYTES)
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > MAX_BODY_BYTES:
            raise _too_large(413, "body", MAX_BODY_BYTES)
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            detail = "bodies are read as they are: send it without a Content-Encoding"
            raise Problem(415, "packed", detail, {"Accept-Encoding": "identity", "Connection": "close"})


def _too_large(status: int, what: str, limit: int) -> Problem:
    return Problem(status, "too-large", f"the {what} may hold at most {limit} bytes", {"Connection": "close"})
