"""The poll input: asks an HTTP API again and again, and hands on what is new.

```toml
[[input.poll]]
name = "air4thai"
url = "http://air4thai.example/stations.json"
interval_s = 600
parameters = { mapping = "air4thai" }       # and [mappings.air4thai]: gateway/decoders/mapping.py
```

A server that knows `ETag` or `Last-Modified` is asked conditionally (RFC 9110, section 13). What it says again, same
device, time, values and place, is not handed on again. The document itself is read by a decoder, as any payload.
"""

import asyncio
import hashlib
from http import HTTPStatus
from typing import Final

import aiohttp
from pydantic import Field, field_validator

from city.backoff import Backoff
from city.reading import Reading
from city.tables import Seconds
from gateway.decoders import Origin
from gateway.decoders.mapped import MAX_BYTES
from gateway.inputs.input import DecoderChoice, InputContext, InputTable

_CHUNK: Final = 64 * 1024
_MAX_REDIRECTS: Final = 3
_MAX_REST_S: Final = 900.0
"""Seconds to which the pause after repeated failures grows, unless the interval is longer."""

_AT_ONCE: Final = 1_000
_AGENT: Final = "korat-gateway"


class PollTable(InputTable, DecoderChoice):
    """One `[[input.poll]]`.

    Attributes:
        name: Name of the input.
        url: What is asked, with GET.
        headers: Of the request.
        interval_s: Seconds between two requests.
        timeout_s: Seconds in which the whole answer must be here.
        max_bytes: Largest answer, in bytes, unpacked.
    """

    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    interval_s: Seconds = 600.0
    timeout_s: float = Field(30.0, gt=0, le=600)
    max_bytes: int = Field(MAX_BYTES, ge=1024, le=MAX_BYTES)

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        return value


class _FailedError(Exception):
    """An answer that is none; with the pause that the server asks for, in seconds."""

    def __init__(self, reason: str, detail: str = "", pause_s: float = 0.0) -> None:
        super().__init__(detail)
        self.reason = reason
        self.pause_s = pause_s


class PollInput:
    """Asks one address.

    Args:
        table: Its settings.
        context: What every input is given.
    """

    def __init__(self, table: PollTable, context: InputContext) -> None:
        self._table = table
        self._context = context
        self._conditions: dict[str, str] = {}
        self._known: dict[tuple[str, str, int], Reading] = {}
        self._refused = b""

    async def open(self) -> None:
        """Nothing: a server that is away is asked again in `run`."""

    async def close(self) -> None:
        """Nothing: the client ends with `run`."""

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        interval_s = self._table.interval_s
        backoff = Backoff(first_s=min(interval_s, 10.0), max_s=max(interval_s, _MAX_REST_S))
        limits = aiohttp.ClientTimeout(total=self._table.timeout_s)
        headers = {"User-Agent": _AGENT, "Accept": "application/json, */*;q=0.1"} | self._table.headers
        async with aiohttp.ClientSession(timeout=limits, headers=headers) as client:
            while True:
                due_s = loop.time() + interval_s
                try:
                    await self._ask(client)
                except _FailedError as error:
                    self._context.counters.fail(error.reason, detail=str(error))
                    due_s = loop.time() + max(error.pause_s, min(1.0, interval_s) + backoff.next())
                else:
                    backoff.reset()
                await asyncio.sleep(due_s - loop.time())

    async def _ask(self, client: aiohttp.ClientSession) -> None:
        """Ask once and hand over what is new.

        Raises:
            _FailedError: The server can't be reached, refuses, or says too much.
        """
        try:
            async with client.get(self._table.url, headers=self._conditions, max_redirects=_MAX_REDIRECTS) as answer:
                if answer.status == HTTPStatus.NOT_MODIFIED:
                    return
                if answer.status != HTTPStatus.OK:
                    raise _FailedError("refused", f"it answered {answer.status}", _pause_s(answer))
                body = await self._body(answer)
                conditions = _conditions(answer)
        except TimeoutError:
            raise _FailedError("no_answer", f"nothing whole came within {self._table.timeout_s:g} s") from None
        except aiohttp.ClientError as error:
            raise _FailedError("no_answer", f"{type(error).__name__}: {error}") from None
        await self._take(body)
        # only now: what the spool doesn't have must be asked for again
        self._conditions = conditions

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._table.max_bytes:
                raise _FailedError("too_large", f"an answer has at most {self._table.max_bytes} bytes")
        return bytes(body)

    async def _take(self, body: bytes) -> None:
        origin = Origin("poll", self._table.decoder, {"poll": self._table.name} | self._table.parameters)
        readings, undecoded = self._context.decode(origin, body)
        if undecoded:
            # the same refused document need not fill the quarantine once an interval
            digest = hashlib.sha256(body).digest()
            undecoded = [] if digest == self._refused else undecoded
            self._refused = digest
        # of two that a document has of one instant the last one counts, as in the store
        known = {_key(reading): reading for reading in readings}
        fresh = [reading for key, reading in known.items() if self._known.get(key) != reading]
        for first in range(0, len(fresh), _AT_ONCE):
            await self._context.deliver_at_last(fresh[first : first + _AT_ONCE], [])
        if undecoded:
            await self._context.deliver_at_last([], undecoded)
        if readings:
            self._known = known


def _key(reading: Reading) -> tuple[str, str, int]:
    return reading.device, reading.kind, reading.time_ns


def _conditions(answer: aiohttp.ClientResponse) -> dict[str, str]:
    given = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}
    return {ours: answer.headers[theirs] for ours, theirs in given.items() if theirs in answer.headers}


def _pause_s(answer: aiohttp.ClientResponse) -> float:
    """Read `Retry-After` where it is a number of seconds (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("Retry-After", "")
    return min(float(text), 86_400.0) if text.isascii() and text.isdigit() else 0.0
