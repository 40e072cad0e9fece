"""The HTTP link: `POST /ingest/{decoder}?device=...&kind=...` and webhooks, answered 202 when the spool has it.

Telephones that speak OsmAnd's protocol say everything in the address, and some of them ask with GET.

Errors are RFC 9457 problems. A body that the decoder refuses is taken into custody all the same and answered 202 with
its reason, because asking the sender to send garbage again helps nobody.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from city.errors import Full, KoratError
from gateway.decoders import DECODERS, Origin
from gateway.inputs import Accept
from gateway.inputs.bodies import Bodies, Places, Problem
from gateway.inputs.counters import InputCounters
from gateway.inputs.credentials import Hook, Tokens, TokenTable
from gateway.naming import Decoding, snippet

_FAREWELL_S: Final = 1.0
"""Seconds that requests under way have when the gateway stops."""

_CREDENTIAL: Final = "access_token"
"""Parameter of those who can't send a header (RFC 6750, section 2.3); it never goes further than the check."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class HttpAuth:
    """Who may come in.

    Attributes:
        tokens: For `/ingest`.
        open: Whether `/ingest` needs no token; only where there is none, and only on loopback.
        hooks: Name to check, for `/hooks`.
    """

    tokens: Tokens = field(default_factory=lambda: Tokens((), Path()))
    open: bool = True
    hooks: Mapping[str, Hook] = field(default_factory=dict)


class HttpInput:
    """The server.

    Args:
        accept: Takes custody.
        decoding: Decodes, and lists what was heard.
        ready: Why custody can't be taken at the moment; None if it can.
        host: Address to listen on.
        port: TCP port; 0 lets the system choose.
        most_bytes: Largest body, in bytes, packed or unpacked.
        most_waiting: Requests under way at once, and a quarter as many webhooks, which must be read before they are
            believed; with `most_bytes` it bounds the memory.
        doors: Who may come in.
        counters: Of this link; None: its own.

    Attributes:
        port: TCP port that it listens on.
    """

    def __init__(
        self,
        accept: Accept,
        decoding: Decoding,
        ready: Callable[[], KoratError | None],
        *,
        host: str,
        port: int,
        most_bytes: int,
        most_waiting: int,
        doors: HttpAuth | None = None,
        counters: InputCounters | None = None,
    ) -> None:
        self._accept = accept
        self._ready = ready
        self._host = host
        self._bodies = Bodies(most_bytes)
        self._places = Places(most_waiting)
        self._places_of_hooks = Places(max(1, most_waiting // 4))
        self._doors = doors or HttpAuth()
        self._decoding = decoding
        self._counters = counters or InputCounters("http")
        self.port = port
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken, or the address isn't ours.
        """
        app = web.Application(middlewares=[self._problems])
        app.router.add_post("/ingest/{decoder}", self._ingest)
        app.router.add_get("/ingest/{decoder:osmand}", self._ingest, allow_head=False)
        app.router.add_post("/hooks/{name}", self._hook)
        app.router.add_get("/sources", self._sources)
        app.router.add_get("/sources.toml", self._unnamed)
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
        token = self._admit(request)
        if token is not None and token.decoders and decoder not in token.decoders:
            self._counters.fail("forbidden", token=token.name)
            raise Problem(HTTPStatus.FORBIDDEN, f"this token is good for {', '.join(token.decoders)} only")
        if decoder not in DECODERS:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no decoder {decoder[:80]!r}, only {', '.join(DECODERS)}")
        with self._places.one():
            payload = self._bodies.unpack(request, await self._bodies.read(request))
            parameters = {name: text for name, text in request.query.items() if name != _CREDENTIAL}
            return await self._take(Origin("http", decoder, parameters), payload)

    async def _hook(self, request: web.Request) -> web.Response:
        hook = self._doors.hooks.get(request.match_info["name"])
        if hook is None:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no webhook of this name")
        self._check(hook, hook.early_refusal(request.headers, time.time()))
        with self._places_of_hooks.one():
            body = await self._bodies.read(request)
            self._check(hook, hook.refusal(request.headers, body, time.time()))
            origin = Origin("http", hook.table.decoder, {"hook": hook.table.name} | hook.table.parameters)
            return await self._take(origin, self._bodies.unpack(request, body))

    def _admit(self, request: web.Request) -> TokenTable | None:
        """Refuse who has no token, before anything else is told or read."""
        if self._doors.open:
            return None
        told = request.headers.get("Authorization") or f"Bearer {request.query.get(_CREDENTIAL, '')}"
        token = self._doors.tokens.find(told)
        if token is None:
            self._counters.fail("unauthorized")
            raise Problem(HTTPStatus.UNAUTHORIZED, "a bearer token is needed, and it must be right", challenge="Bearer")
        return token

    def _check(self, hook: Hook, refusal: str) -> None:
        if refusal:
            self._counters.fail("unauthorized", hook=hook.table.name, detail=refusal)
            raise Problem(HTTPStatus.UNAUTHORIZED, refusal, challenge=f"Webhook scheme={hook.table.scheme}")

    async def _take(self, origin: Origin, payload: bytes) -> web.Response:
        readings, undecoded = self._decoding.decode(origin, payload, time.time_ns())
        try:
            await self._accept(readings, undecoded)
        except Full as error:
            self._counters.fail("spool", detail=str(error))
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, str(error), 10) from None
        self._counters.kept(len(readings), undecoded)
        answer: dict[str, int | str] = {"readings": len(readings), "undecoded": len(undecoded)}
        for item in undecoded:
            answer |= {"reason": item.reason, "detail": item.detail}
        return _json(HTTPStatus.ACCEPTED, answer)

    async def _sources(self, request: web.Request) -> web.Response:
        """List what was heard."""
        self._admit(request)
        heard = self._decoding.sources
        return _json(HTTPStatus.OK, {"sources": [each.plain() for each in heard.all()], "forgotten": heard.forgotten})

    async def _unnamed(self, request: web.Request) -> web.Response:
        """Write what nobody named as tables for `gateway.toml`."""
        self._admit(request)
        return web.Response(text=snippet(self._decoding.sources.all()), content_type="application/toml")

    async def _live(self, _: web.Request) -> web.Response:
        return _json(HTTPStatus.OK, {"status": "ok"})

    async def _report_ready(self, _: web.Request) -> web.Response:
        refusal = self._ready()
        if refusal is not None:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(refusal), 10)
        return _json(HTTPStatus.OK, {"status": "ok"})

    @web.middleware
    async def _problems(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as problem:
            if problem.reason:
                self._counters.fail(problem.reason, detail=problem.detail)
            return problem.response()
        except web.HTTPException as error:
            response = Problem(HTTPStatus(error.status), error.text or error.reason).response()
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response
        except KoratError as error:
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), 10).response()


def _json(status: HTTPStatus, answer: Mapping[str, object]) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(answer),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
