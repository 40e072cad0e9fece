"""The answers of the HTTP input that are not 202 (RFC 9457)."""

from http import HTTPStatus

import msgspec
from aiohttp import web


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
