"""Every error as a problem document (RFC 9457), whatever raised it."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from city.errors import QueryRefused, Unavailable

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final = {
    "unknown-parameter": "There is no such parameter",
    "repeated-parameter": "A parameter is given more than once",
    "bad-cursor": "This cursor can't be followed",
    "invalid": "The request isn't understood",
    "refused": "The request makes no sense",
    "too-large": "The request asks for too much at once",
    "not-found": "There is no such thing",
    "no-key": "This needs a key",
    "foreign-page": "Another site's page may not ask here",
    "packed": "A body may not be packed",
    "busy": "Too many requests of one client at once",
    "unavailable": "A part of the platform is down for now",
    "internal": "Something broke here",
}
"""Kind of problem to its title; the `type` is `urn:korat:problem:<kind>`. All others are `about:blank`."""

_SENTENCES: Final = {
    404: "there is nothing at this address; /openapi.json lists what there is",
    405: "this address doesn't know that method; Allow says which it knows",
}
"""What the framework's own errors mean here."""


class Mistake(msgspec.Struct, rename={"where": "in"}, frozen=True):
    """One thing that is wrong with a request: in its `query`, `path` or `body`, and under which name."""

    where: str
    name: str
    detail: str


class ProblemBody(msgspec.Struct, rename={"kind": "type"}, omit_defaults=True, frozen=True):
    """What went wrong (RFC 9457).

    `errors` names each wrong parameter, `parts` each part of the platform with its state (up, down), `id` finds an
    internal error in the log.
    """

    kind: str
    title: str
    status: int
    detail: str
    errors: Sequence[Mistake] = ()
    parts: Mapping[str, str] | None = None
    id: str | None = None


class Problem(HTTPException):
    """An error that a route answers with.

    Args:
        status: HTTP status, 4xx or 5xx.
        kind: Key of `TITLES`.
        detail: One sentence for a person: what to change.
        headers: Further headers.
        members: Further members of `ProblemBody`.
    """

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.body = ProblemBody(f"urn:korat:problem:{kind}", TITLES[kind], status, detail, **members)

    def response(self) -> Response:
        """Give the HTTP answer, `application/problem+json`."""
        return _response(self.body, self.headers)


def unknown(what: str, key: str) -> Problem:
    """Make the 404 for a key that names nothing, such as a device."""
    return Problem(404, "not-found", f"there is no {what} {key!r}")


def install(app: FastAPI) -> None:
    """Make an app answer its errors as problems."""
    app.add_exception_handler(StarletteHTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(QueryRefused, _of_refusal)
    app.add_exception_handler(Unavailable, _of_outage)


async def _of_http(_: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return error.response()
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - registered for nothing else
    title = HTTPStatus(error.status_code).phrase
    detail = _SENTENCES.get(error.status_code, str(error.detail))
    return _response(ProblemBody("about:blank", title, error.status_code, detail), error.headers)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    said = request.headers.get("content-type", "")
    if said and not said.partition(";")[0].strip().endswith("json"):
        return Problem(415, "invalid", f"a body is JSON: say Content-Type: application/json, not {said!r}").response()
    mistakes = [_mistake(one) for one in error.errors()]
    detail = "; ".join(f"{one.name}: {one.detail}" for one in mistakes)
    return Problem(422, "invalid", detail, errors=mistakes).response()


async def _of_refusal(_: Request, error: Exception) -> Response:
    return Problem(422, "refused", str(error)).response()


async def _of_outage(_: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)  # noqa: S101 - registered for nothing else
    # the message may name servers and files, which is nobody's business outside
    wait = str(max(1, math.ceil(error.retry_after_s)))
    return Problem(503, "unavailable", f"try again in {wait} s", {"Retry-After": wait}).response()


def _mistake(error: Mapping[str, Any]) -> Mistake:
    where, *path = error["loc"]
    name = ".".join(str(step) for step in path) or str(where)
    return Mistake(str(where), name, str(error["msg"]).removeprefix("Value error, "))


def _response(body: ProblemBody, headers: Mapping[str, str] | None) -> Response:
    return Response(msgspec.json.encode(body), body.status, dict(headers or {}), MEDIA_TYPE)
