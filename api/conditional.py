"""ETag and 304 (RFC 9110, 8.8.3 and 13.1.2) for everything that is polled, in one place."""

import re
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from xxhash import xxh3_128_hexdigest

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')
_OK: Final = 200
_KEPT: Final = {"etag", "cache-control", "vary"}


class Conditional:
    """Middleware: gives whole answers to GET under `/v1/` a validator, and leaves out what the client has already.

    The tag is the hash of the body, because neither store tells cheaply whether anything changed: the store
    is asked again, but nothing is sent. It is weak, since gzip may still change the bytes behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a polled GET its validator; everything else passes untouched."""
        polled = scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith("/v1/")
        if not polled:
            await self._app(scope, receive, send)
            return
        known = _tags(value for name, value in scope["headers"] if name == b"if-none-match")
        held: Message | None = None

        async def tagged(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and message["status"] == _OK:
                held = message
                return
            if held is not None:
                start, held = held, None
                if not message.get("more_body"):
                    start, message = _checked(start, message, known)
                await send(start)
            await send(message)

        await self._app(scope, receive, tagged)


def _checked(start: Message, body: Message, known: frozenset[str]) -> tuple[Message, Message]:
    headers = MutableHeaders(raw=start["headers"])
    opaque = f'"{xxh3_128_hexdigest(body.get("body", b""))}"'
    headers["ETag"] = f"W/{opaque}"
    headers.setdefault("Cache-Control", "no-cache")
    if opaque not in known and "*" not in known:
        return start, body
    kept = [(name, value) for name, value in headers.raw if name.decode() in _KEPT]
    return {**start, "status": 304, "headers": kept}, {**body, "body": b""}


def _tags(lines: Iterable[bytes]) -> frozenset[str]:
    text = ", ".join(line.decode("latin-1") for line in lines)
    return frozenset({"*"}) if text.strip() == "*" else frozenset(_TAG.findall(text))
