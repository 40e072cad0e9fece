"""The bodies of requests, in bounded memory and time, and the answers that are not 202 (RFC 9457)."""

import asyncio
import zlib
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

_BODY_S: Final = 15.0
"""Seconds in which a body must arrive."""

_CHUNK: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


class Problem(Exception):
    """An answer that is not 202 (RFC 9457)."""

    def __init__(self, status: HTTPStatus, detail: str, retry_after_s: int = 0, challenge: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.challenge = challenge

    def response(self) -> web.Response:
        """Write it."""
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


class Bodies:
    """Reads bodies.

    Args:
        most_bytes: Largest body, in bytes, packed or unpacked.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    async def read(self, request: web.Request) -> bytes:
        """Take a body as it comes.

        Raises:
            Problem: It is too large, too slow or packed by something other than gzip.
        """
        encoding = _encoding(request)
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
        return bytes(body)

    def unpack(self, request: web.Request, body: bytes) -> bytes:
        """Unpack what `read` took, if it is packed.

        Raises:
            Problem: It is no whole gzip member, or too large.
        """
        if _encoding(request) != "gzip":
            return body
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


def _encoding(request: web.Request) -> str:
    return request.headers.get("Content-Encoding", "identity").lower()
