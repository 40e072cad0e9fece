"""Which coding of an answer a client takes (RFC 9110, 12.5.3), in one place for answers and files."""

from collections.abc import Iterable
from typing import Final

from fastapi.middleware.gzip import GZipMiddleware
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GZIP: Final = ("gzip", "x-gzip", "*")
"""Names of it; what stands first here decides where several are given."""


def accepts_gzip(lines: Iterable[str]) -> bool:
    """Say whether `Accept-Encoding` takes gzip: a weight of 0 refuses it, and `*` stands for what isn't named."""
    weights: dict[str, float] = {}
    for part in ",".join(lines).split(","):
        coding, _, parameter = part.partition(";")
        weights[coding.strip().lower()] = _weight(parameter)
    return next((weights[name] > 0 for name in _GZIP if name in weights), False)


class Compressed:
    """Middleware: gzip where the client takes it; every answer says that it depends on `Accept-Encoding`."""

    def __init__(self, app: ASGIApp, *, minimum_size: int, compresslevel: int) -> None:
        self._plain = app
        self._packing = GZipMiddleware(app, minimum_size=minimum_size, compresslevel=compresslevel)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the coding that was asked for."""
        if scope["type"] != "http":
            await self._plain(scope, receive, send)
            return
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-encoding"]
        # the library looks for the word alone, so it is told the outcome
        others = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        coding = b"gzip" if accepts_gzip(lines) else b"identity"
        scope["headers"] = [*others, (b"accept-encoding", coding)]

        async def varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                if "accept-encoding" not in headers.get("vary", "").lower():
                    headers.add_vary_header("Accept-Encoding")
            await send(message)

        await self._packing(scope, receive, varying)


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value.strip())
    except ValueError:
        return 0.0
