"""The bodies of requests, in bounded memory and time, and the answers that are not 202 (RFC 9457)."""

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.http import HttpProcessingError

from city.proxies import ClientShares

_BODY_S: Final = 15.0
"""Seconds in which a body must arrive."""

_CHUNK: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS

_PIECE: Final = 4 * 1024
"""Packed bytes that are unpacked at once: what follows a gzip member's end is copied each time."""

_BROKEN_OFF: Final = (OSError, web.RequestPayloadError, HttpProcessingError)
"""What aiohttp raises when a client leaves in the middle of a body, or cuts it into chunks that are none."""


class Problem(Exception):
    """An answer that is not 202 (RFC 9457).

    Args:
        status: Of the answer.
        detail: One sentence for a person.
        retry_after_s: Seconds after which the sender may try again; 0: it isn't told.
        challenge: How it may prove itself.
        reason: Under which it is counted; a word of this code. Empty: not, or by whoever raises it.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, retry_after_s: int = 0, challenge: str = "", *, reason: str = ""
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.challenge = challenge
        self.reason = reason

    def response(self) -> web.Response:
        """Give it as `application/problem+json`, with its headers."""
        headers = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}
        if self.challenge:
            headers["WWW-Authenticate"] = self.challenge
        body = {"type": "about:blank", "title": self.status.phrase, "status": self.status, "detail": self.detail}
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(body),
            content_type="application/problem+json",
            headers=headers,
        )


class ConcurrencyLimit:
    """Bounds the requests under way; of one client behind a proxy at most half of them.

    Args:
        limit: How many there are at once.
    """

    def __init__(self, limit: int) -> None:
        self._most = limit
        self._taken = 0
        self._shares = ClientShares(limit // 2)

    @contextmanager
    def one(self, client: str | None) -> Iterator[None]:
        """Be one of them.

        Args:
            client: Whose it is, where a trusted proxy told; else None.

        Raises:
            Problem: There are as many already.
        """
        if client is None:
            with self._any():
                yield
            return
        with self._shares.one(client) as is_one:
            if not is_one:
                raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too many of this address are under way", 1, reason="busy")
            with self._any():
                yield

    @contextmanager
    def _any(self) -> Iterator[None]:
        if self._taken >= self._most:
            detail = f"{self._taken} requests are under way already"
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, 1, reason="busy")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


class Bodies:
    """Reads bodies.

    Args:
        max_bytes: Largest body, in bytes, packed or unpacked.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    async def read(self, request: web.Request) -> bytes:
        """Take a body as it comes.

        Raises:
            Problem: It is too large, too slow, broken off or packed by something other than gzip.
        """
        encoding = _encoding(request)
        if encoding not in {"identity", "gzip"}:
            detail = f"a body may be packed with gzip, not {encoding[:80]!r}"
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, reason="packing")
        if (request.content_length or 0) > self._max_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_S):
                async for chunk in request.content.iter_chunked(_CHUNK):
                    body += chunk
                    if len(body) > self._max_bytes:
                        raise self._too_large()
        except TimeoutError:
            detail = f"the body did not arrive within {_BODY_S:g} s"
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, detail, reason="slow_body") from None
        except _BROKEN_OFF:
            detail = "the body broke off, or its chunks are none; it was not taken"
            raise Problem(HTTPStatus.BAD_REQUEST, detail, reason="broken_off") from None
        return bytes(body)

    def unpack(self, request: web.Request, body: bytes) -> bytes:
        """Unpack what `read` took, if it is packed.

        Raises:
            Problem: It is no series of whole gzip members (RFC 1952, section 2.2), or too large.
        """
        if _encoding(request) != "gzip":
            return body
        try:
            return self._members(body)
        except zlib.error as error:
            detail = f"the body is no gzip: {error}; it was not taken"
            raise Problem(HTTPStatus.BAD_REQUEST, detail, reason="bad_gzip") from None

    def _members(self, body: bytes) -> bytes:
        plain, at = bytearray(), 0
        unpacker = zlib.decompressobj(_GZIP)
        while not unpacker.eof or at < len(body):
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP)
            piece = body[at : at + _PIECE]
            if not piece:
                raise zlib.error("it ends in the middle of a member")
            plain += unpacker.decompress(piece, self._max_bytes + 1 - len(plain))
            if len(plain) > self._max_bytes:
                raise self._too_large()
            at += len(piece) - len(unpacker.unused_data)
        return bytes(plain)

    def _too_large(self) -> Problem:
        detail = f"a body has at most {self._max_bytes} bytes"
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, reason="too_large")


def _encoding(request: web.Request) -> str:
    """Give the coding of a body; several are one name that nobody knows. `x-gzip` is gzip (RFC 9110, 8.4.1.3)."""
    given = ", ".join(request.headers.getall("Content-Encoding", [])).strip().lower()
    return {"": "identity", "x-gzip": "gzip"}.get(given, given)
