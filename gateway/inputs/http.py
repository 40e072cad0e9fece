"""The HTTP input: `POST /ingest/{decoder}?device=...&kind=...` and webhooks, answered 202 when the spool has it.

Telephones that speak OsmAnd's protocol say everything in the address, and some of them ask with GET.

Errors are RFC 9457 problems. A body that the decoder refuses is taken into custody all the same and answered 202 with
its reason, because asking the sender to send garbage again helps nobody.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from aiohttp import web
from pydantic import AfterValidator, Field

from city.connections import ConnectionLimits, Connections
from city.errors import KoratError, SpoolFull
from city.proxies import TrustedProxies, checked_proxies
from city.site import OpenSite
from city.tables import Id, Port
from gateway.decoders import DECODERS, Origin
from gateway.inputs.bodies import Bodies, ConcurrencyLimit, Problem
from gateway.inputs.credentials import Hook, HookTable, HttpAuth, TokenTable
from gateway.inputs.http_server import BoundedHandler, BoundedSite, unsigned
from gateway.inputs.input import DecoderChoice, InputContext, InputTable, listening
from gateway.naming import snippet

_FAREWELL_S: Final = 1.0
"""Seconds that requests under way have when the gateway stops."""

_CREDENTIAL: Final = "access_token"
"""Parameter of those who can't send a header (RFC 6750, section 2.3); it never goes further than the check."""

_SITE_HEADERS: Final = ("host", "origin", "referer", "sec-fetch-site", "sec-fetch-mode")

_SECRETS: Final = frozenset({"token", "password", "passwd", "pwd", "secret", "api_key", "apikey", "authorization"})
"""Parameters whose text goes no further either: what came from where is kept, and shown, in the quarantine."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpTable(InputTable):
    """One `[[input.http]]`; a key that it lacks is that of the settings, `KORAT_GATEWAY_HTTP_*`.

    Attributes:
        name: Name of the input.
        host: Address to listen on; any other than loopback needs a token or a hook.
        port: TCP port; 0 lets the system choose.
        body_bytes: Largest body, in bytes, packed or unpacked.
        max_concurrent: Requests under way at once, and a quarter as many webhooks, which must be read before they are
            believed; with `body_bytes` it bounds the memory.
        allowed_hosts: Names, separated by commas, by which an input without tokens may be asked beside the loopback's.
        trusted_proxies: Addresses or networks of proxies, separated by commas, whose `X-Forwarded-For` or `Forwarded`
            says who sends.
        max_connections: Connections at once, half of them of one address; those that ask nothing make room.
        token: Who may push to `/ingest`.
        hook: Who may push to `/hooks`.
    """

    name: Id = "http"
    host: str = "127.0.0.1"
    port: Port = 8080
    body_bytes: int = Field(default=256 * 1024, ge=1024, le=4 * 2**20)
    max_concurrent: int = Field(default=256, ge=1, le=10_000)
    max_connections: int = Field(default=2000, ge=8, le=50_000)
    allowed_hosts: str = Field(default="", max_length=1000)
    trusted_proxies: Annotated[str, Field(max_length=1000), AfterValidator(checked_proxies)] = ""
    token: tuple[TokenTable, ...] = ()
    hook: tuple[HookTable, ...] = ()

    def choices(self) -> Iterator[tuple[str, DecoderChoice]]:
        """Give what its hooks choose."""
        yield from ((hook.name, hook) for hook in self.hook)


class HttpInput:
    """The server.

    Args:
        table: Its settings.
        context: What every input is given.

    Attributes:
        port: TCP port that it listens on.

    Raises:
        ConfigurationError: Anybody could send, or a secret can't be read.
    """

    def __init__(self, table: HttpTable, context: InputContext) -> None:
        self._host = table.host
        self._context = context
        self._counters = context.counters
        self._auth = HttpAuth.from_tables(table.host, table.token, table.hook, context.config)
        self._site = OpenSite.parse(table.allowed_hosts)
        self._bodies = Bodies(table.body_bytes)
        self._limit = ConcurrencyLimit(table.max_concurrent)
        self._limit_of_hooks = ConcurrencyLimit(max(1, table.max_concurrent // 4))
        self._proxies = TrustedProxies.parse(table.trusted_proxies)
        self._connections = Connections(
            ConnectionLimits(table.max_connections), self._counters.fail, proxies=self._proxies
        )
        self.port = table.port
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: The port is taken, or the address isn't ours.
        """
        app = web.Application(middlewares=[self._problems])
        app.on_response_prepare.append(unsigned)
        app.router.add_post("/ingest/{decoder}", self._ingest)
        app.router.add_get("/ingest/{decoder:osmand}", self._ingest, allow_head=False)
        app.router.add_post("/hooks/{name}", self._hook)
        app.router.add_get("/sources", self._sources)
        app.router.add_get("/sources.toml", self._unnamed)
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._report_ready)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_FAREWELL_S)
        await self._runner.setup()
        server = self._runner.server

        def connection() -> BoundedHandler:
            return BoundedHandler(
                self._connections,
                self._counters.fail,
                server,
                loop=asyncio.get_running_loop(),
                access_log=None,
                auto_decompress=False,  # bodies are unpacked here, where the unpacked size is bounded
            )

        with listening(f"{self._host}:{self.port}"):
            await BoundedSite(self._runner, self._host, self.port, connection).start()
        self.port = self._runner.addresses[0][1]

    async def run(self) -> None:
        """Serve until cancelled, and end connections that do nothing."""
        await self._connections.run()

    async def close(self) -> None:
        """Take no more requests and finish those under way."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _ingest(self, request: web.Request) -> web.Response:
        decoder = request.match_info["decoder"]
        token = self._admit(request)
        if token is not None and token.decoders and decoder not in token.decoders:
            self._counters.fail("forbidden", sender=token.name, client=self._client(request))
            raise Problem(HTTPStatus.FORBIDDEN, f"this token is good for {', '.join(token.decoders)} only")
        if decoder not in DECODERS:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no decoder {decoder[:80]!r}, only {', '.join(DECODERS)}")
        with self._limit.one(self._proxied(request)):
            payload = self._bodies.unpack(request, await self._bodies.read(request))
            parameters = {
                name: "***" if name.lower() in _SECRETS else text
                for name, text in request.query.items()
                if name != _CREDENTIAL
            }
            return await self._take(Origin("http", decoder, parameters), payload)

    async def _hook(self, request: web.Request) -> web.Response:
        hook = self._auth.hooks.get(request.match_info["name"])
        if hook is None:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no webhook of this name")
        self._check(request, hook, hook.early_refusal(request.headers, time.time()))
        with self._limit_of_hooks.one(self._proxied(request)):
            body = await self._bodies.read(request)
            self._check(request, hook, hook.refusal(request.headers, body, time.time()))
            origin = Origin("http", hook.table.decoder, {"hook": hook.table.name} | hook.table.parameters)
            return await self._take(origin, self._bodies.unpack(request, body))

    def _admit(self, request: web.Request) -> TokenTable | None:
        """Refuse who has no token, or, where none is asked for, pages of other sites, before anything else is read."""
        if self._auth.is_open:
            headers = {name: request.headers.getall(name, []) for name in _SITE_HEADERS}
            if sentence := self._site.refusal(headers, only_looks=False):
                self._counters.fail("foreign_page", detail=sentence, client=self._client(request))
                raise Problem(HTTPStatus.FORBIDDEN, sentence)
            return None
        told = request.headers.get("Authorization") or f"Bearer {request.query.get(_CREDENTIAL, '')}"
        token = self._auth.tokens.find(told)
        if token is None:
            self._counters.fail("unauthorized", client=self._client(request))
            raise Problem(HTTPStatus.UNAUTHORIZED, "a bearer token is needed, and it must be right", challenge="Bearer")
        return token

    def _client(self, request: web.Request) -> str:
        """Give the address of who sends; behind a proxy that is trusted, as the proxy says."""
        peer = request.remote or ""
        if not self._proxies.networks:
            return peer
        told = (request.headers.getall(name, []) for name in ("X-Forwarded-For", "Forwarded"))
        return self._proxies.client(peer, *told)

    def _proxied(self, request: web.Request) -> str | None:
        return self._client(request) if self._proxies.networks else None

    def _check(self, request: web.Request, hook: Hook, refusal: str) -> None:
        if refusal:
            client = self._client(request)
            self._counters.fail("unauthorized", hook=hook.table.name, detail=refusal, client=client)
            raise Problem(HTTPStatus.UNAUTHORIZED, refusal, challenge=f"Webhook scheme={hook.table.scheme}")

    async def _take(self, origin: Origin, payload: bytes) -> web.Response:
        readings, undecoded = self._context.decode(origin, payload)
        try:
            await self._context.deliver(readings, undecoded)
        except SpoolFull as error:
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, str(error), 10) from None
        answer: dict[str, int | str] = {"readings": len(readings), "undecoded": len(undecoded)}
        for item in undecoded:
            answer |= {"reason": item.reason, "detail": item.detail}
        return _json(HTTPStatus.ACCEPTED, answer)

    async def _sources(self, request: web.Request) -> web.Response:
        """List what was heard."""
        self._admit(request)
        heard = self._context.decoding.sources
        return _json(HTTPStatus.OK, {"sources": [each.plain() for each in heard.all()], "forgotten": heard.forgotten})

    async def _unnamed(self, request: web.Request) -> web.Response:
        """Write what nobody named as tables for `gateway.toml`."""
        self._admit(request)
        return web.Response(text=snippet(self._context.decoding.sources.all()), content_type="application/toml")

    async def _live(self, _: web.Request) -> web.Response:
        return _json(HTTPStatus.OK, {"status": "ok"})

    async def _report_ready(self, _: web.Request) -> web.Response:
        refusal = self._context.refusal()
        if refusal is not None:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(refusal), 10)
        return _json(HTTPStatus.OK, {"status": "ok"})

    @web.middleware
    async def _problems(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as problem:
            if problem.reason:
                self._counters.fail(problem.reason, detail=problem.detail, client=self._client(request))
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
