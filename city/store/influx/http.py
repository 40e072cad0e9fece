"""HTTP to InfluxDB: every answer and failure becomes what the caller should do next."""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import structlog

from city.errors import QueryRefused, StoreUnavailable
from city.store.influx.address import Address
from city.store.influx.influxql import name

_log = structlog.get_logger(__name__)

_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=10)
_LONG_S: Final = 30.0
_MINUS_ZERO: Final = re.compile(rb"-0[,\]]")
_REFUSED: Final = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_FORBIDDEN: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@dataclass(frozen=True, slots=True)
class ResultSeries:
    """One series of an answer: rows that share their tags."""

    measurement: str
    tags: dict[str, str]
    columns: list[str]
    rows: list[list[Any]]


class StatementRefused(StoreUnavailable):
    """The server answers, but not this."""


class Connection:
    """A session with one database.

    Args:
        address: Where it is.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        headers = {"Accept": "application/json"}
        if address.token:
            headers["Authorization"] = f"Token {address.token}"
        elif address.user:
            headers["Authorization"] = aiohttp.encode_basic_auth(address.user, address.password)
        self._session = aiohttp.ClientSession(address.base, headers=headers, timeout=_TIMEOUT)

    async def aclose(self) -> None:
        """Close its sockets."""
        await self._session.close()

    async def ping(self) -> None:
        """Return when the server answers.

        Raises:
            StoreUnavailable: It doesn't.
        """
        await self._request("GET", "/ping")

    async def create_database(self) -> None:
        """Make the database where that can be done by a query; elsewhere it must be there.

        Raises:
            StoreUnavailable: The server doesn't answer.
        """
        statement = f"CREATE DATABASE {name(self.address.database)}"
        status, body, _ = await self._request("POST", "/query", data={"q": statement})
        if status in _FORBIDDEN or b'"error"' in body:
            _log.info("database_not_created", database=self.address.database, answer=_short(body))

    async def write(self, body: bytes) -> str | None:
        """Hand over compressed lines.

        Returns:
            None when all are durable; else why at least one was refused.

        Raises:
            StoreUnavailable: Nothing is known.
        """
        answer = b""
        for attempt in range(2):
            status, answer, retry_s = await self._request(
                "POST",
                "/write",
                params={"db": self.address.database},
                data=body,
                headers={"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"},
            )
            if status in {HTTPStatus.NO_CONTENT, HTTPStatus.OK}:
                return None
            if status in _REFUSED:
                return _short(answer)
            self._complain(status, answer, retry_s)
            if attempt == 0:
                await self.create_database()
        raise StoreUnavailable(f"InfluxDB has no database {self.address.database}: {_short(answer)}", _LONG_S)

    async def query(self, statements: list[str]) -> list[list[ResultSeries]]:
        """Ask; each statement gets its tables, times in nanoseconds.

        Raises:
            QueryRefused: The server's own limits refuse the question.
            StoreUnavailable: It didn't answer.
        """
        if not statements:
            return []
        results = await self._results(statements)
        if not results:
            raise StatementRefused("InfluxDB answered a query with nothing", _LONG_S)
        return [_tables(result) for result in results]

    async def delete(self, statement: str) -> None:
        """Run a DELETE, which 1.x confirms by an empty result and 2.x by `{}`.

        Raises:
            StoreUnavailable: It is not known to be done.
        """
        await self._results([statement])

    async def _results(self, statements: list[str]) -> list[dict[str, Any]]:
        form = {"q": ";".join(statements), "db": self.address.database, "epoch": "ns"}
        for _ in range(2):
            status, body, retry_s = await self._request("POST", "/query", data=form)
            if status not in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
                self._complain(status, body, retry_s)
            # errors come with 200 as well, and with it there is a result for each statement
            answer = _decoded(body) if status != HTTPStatus.NOT_FOUND else {}
            results: list[dict[str, Any]] = answer.get("results", [])
            errors = [part["error"] for part in [answer, *results] if "error" in part]
            if status == HTTPStatus.OK and not errors:
                return results
            if errors and not errors[0].startswith("database not found"):
                raise _error(errors[0])
            await self.create_database()
        raise StoreUnavailable(f"InfluxDB has no database {self.address.database}", _LONG_S)

    async def _request(self, method: str, path: str, **request: Any) -> tuple[int, bytes, float]:
        """Give status, body and the seconds after which to come back."""
        try:
            async with self._session.request(method, path, **request) as response:
                body = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise StoreUnavailable(f"InfluxDB at {self.address.base}: {error or type(error).__name__}") from error
        after = response.headers.get("Retry-After", "")
        retry_s = float(after) if after.isdigit() else 1.0
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise StoreUnavailable(f"InfluxDB at {self.address.base}: {response.status} {_short(body)}", retry_s)
        return response.status, body, retry_s

    def _complain(self, status: int, body: bytes, retry_s: float) -> None:
        """Raise for all that a new database won't cure."""
        if status in _FORBIDDEN:
            _log.warning("influxdb_forbids", base=self.address.base, status=status, answer=_short(body))
            raise StoreUnavailable(f"InfluxDB forbids it ({status}): check user, password or token", _LONG_S)
        if status != HTTPStatus.NOT_FOUND:
            raise StoreUnavailable(f"InfluxDB at {self.address.base}: {status} {_short(body)}", retry_s)


def _error(message: str) -> Exception:
    if message.startswith("max-select"):
        return QueryRefused(f"InfluxDB's own limits refuse this: {message}")
    return StatementRefused(f"InfluxDB refused a query: {message}", _LONG_S)


def _tables(result: dict[str, Any]) -> list[ResultSeries]:
    return [
        ResultSeries(series.get("name", ""), series.get("tags", {}), series["columns"], series.get("values", []))
        for series in result.get("series", [])
    ]


def _decoded(body: bytes) -> Any:
    """Read JSON; -0 is a whole number there, whose sign Python would lose."""
    try:
        if _MINUS_ZERO.search(body):
            return json.loads(body, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))
        return json.loads(body)
    except ValueError as error:
        raise StatementRefused(f"this isn't InfluxDB's answer: {_short(body)}", _LONG_S) from error


def _short(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    try:
        answer = json.loads(text)
        text = answer.get("error") or answer.get("message") or text
    except (ValueError, AttributeError):
        pass
    return " ".join(text.split())[:300]
