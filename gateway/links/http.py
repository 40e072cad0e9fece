"""The HTTP link: `POST /ingest/{decoder}?device=...&kind=...`, answered 202 when the spool has it.

Errors are RFC 9457 problems. A body that the decoder refuses is taken into custody all the same and answered 202 with
its reason, because asking the sender to send garbage again helps nobody.
"""

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from city.errors import Full, KoratError
from gateway.decoders import DECODERS, Origin, understand
from gateway.links import Accept

_BODY_S: Final = 15.0
"""Seconds in which a body must arrive."""

_FAREWELL_S: Final = 1.0
"""Seconds that requests under way have when the gateway stops."""

_CHUNK: Final = 64 * 1024
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_GZIP: Final = 16 + zlib.MAX_WBITS


class Problem(Exception):
    """An answer that is not 202 (RFC 9457)."""

    def __init__(self, status: HTTPStatus, detail: str, retry_after_s: int = 0) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s

    def response(self) -> web.Response:
        """Write it."""
        headers = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}
        body = {"type": "about:blank", "title": self.status.phrase, "status": self.status, "detail": self.detail}
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(body),
            content_type="application/problem+json",
            headers=headers,
        )


class HttpLink:
    """The server.

    Args:
        accept: Takes custody.
        ready: Why custody can't be taken at the moment; None if it can.
        host: Address to listen on.
        port: TCP port; 0 lets the system choose.
        most_bytes: Largest body, in bytes, packed or unpacked.
        most_waiting: Requests under way at once; with `most_bytes` it bounds the memory.

    Attributes:
        port: TCP port that it listens on.
    """

    def __init__(
        self,
        accept: Accept,
        ready: Callable[[], KoratError | None],
        *,
        host: str,
        port: int,
        most_bytes: int,
        most_waiting: int,
    ) -> None:
        self._accept = accept
        self._ready = ready
        self._host = host
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._under_way = 0
        self.port = port
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken, or the address isn't ours.
        """
        app = web.Application(middlewares=[_problems])
        app.router.add_post("/ingest/{decoder}", self._ingest)
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._report_ready)
        # bodies are unpacked here, where the unpacked size is bounded
        self._runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, handle_signals=False, shutdown_timeout=_FAREWELL_S
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Take no more requests and finish those under way."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _ingest(self, request: web.Request) -> web.Response:
        decoder = request.match_info["decoder"]
        if decoder not in DECODERS:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no decoder {decoder[:80]!r}, only {', '.join(DECODERS)}")
        if self._under_way >= self._most_waiting:
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, f"{self._under_way} requests wait for the disk already", 1)
        self._under_way += 1
        try:
            return await self._take(request, decoder)
        finally:
            self._under_way -= 1

    async def _take(self, request: web.Request, decoder: str) -> web.Response:
        payload = await self._body(request)
        readings, undecoded = understand(Origin("http", decoder, dict(request.query)), payload, time.time_ns())
        try:
            await self._accept(readings, undecoded)
        except Full as error:
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, str(error), 10) from None
        answer: dict[str, int | str] = {"readings": len(readings), "undecoded": len(undecoded)}
        for item in undecoded:
            answer |= {"reason": item.reason, "detail": item.detail}
        return _json(HTTPStatus.ACCEPTED, answer)

    async def _body(self, request: web.Request) -> bytes:
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if encoding not in {"identity", "gzip"}:
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a body may be packed with gzip, not {encoding[:80]!r}")
        if (request.content_length or 0) > self._most_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_S):
                async for chunk in request.content.iter_chunked(_CHUNK):
                    body += chunk
                    if len(body) > self._most_bytes:
                        raise self._too_large()
        except TimeoutError:
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {_BODY_S:g} s") from None
        return self._unpacked(body) if encoding == "gzip" else bytes(body)

    def _unpacked(self, body: bytearray) -> bytes:
        unpacker = zlib.decompressobj(_GZIP)
        try:
            plain = unpacker.decompress(body, self._most_bytes + 1)
        except zlib.error as error:
            raise Problem(HTTPStatus.BAD_REQUEST, f"the body is no gzip: {error}; it was not taken") from None
        if len(plain) > self._most_bytes:
            raise self._too_large()
        if not unpacker.eof or unpacker.unused_data:
            raise Problem(HTTPStatus.BAD_REQUEST, "the body is not one whole gzip member; it was not taken")
        return plain

    def _too_large(self) -> Problem:
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {self._most_bytes} bytes")

    async def _live(self, _: web.Request) -> web.Response:
        return _json(HTTPStatus.OK, {"status": "ok"})

    async def _report_ready(self, _: web.Request) -> web.Response:
        refusal = self._ready()
        if refusal is not None:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(refusal), 10)
        return _json(HTTPStatus.OK, {"status": "ok"})


def _json(status: HTTPStatus, answer: dict[str, int | str]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(answer), content_type="application/json")


@web.middleware
async def _problems(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        response = Problem(HTTPStatus(error.status), error.text or error.reason).response()
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except KoratError as error:
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), 10).response()
