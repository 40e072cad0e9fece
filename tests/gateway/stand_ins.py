"""What the inputs' tests stand on: a spool that does as a test wants, and the smallest tracker protocol there is."""

import asyncio
import json
from pathlib import Path
from typing import Any, Protocol

from city.errors import KoratError, Reason
from city.mqtt import Address
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders.tracker import Bad, Event, Login, Records, Reply, TrackerProtocol
from gateway.inputs.input import InputContext, InputCounters
from gateway.naming import Decoding


class Custody(Protocol):
    """Something that takes custody."""

    async def accept(self, readings: list[Reading], undecoded: list[Undecoded]) -> None:
        """Take custody, or don't."""


class FakeSpool:
    """Takes custody, keeps all and counts how often it was asked."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.undecoded: list[Undecoded] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0
        self.most = 0
        self.error: KoratError | None = None

    async def accept(self, readings: list[Reading], undecoded: list[Undecoded]) -> None:
        """Take custody, or don't."""
        self.asked += 1
        self.most = max(self.most, len(readings) + len(undecoded))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.readings += readings
        self.undecoded += undecoded

    def numbers(self, quantity: str = "temperature") -> list[float]:
        """Give one quantity of all readings, in order."""
        return [reading.values[quantity] for reading in self.readings if quantity in reading.values]


class LineSession:
    """Lines: `name` logs in, `ping` is answered, a JSON object is a record, `boom` breaks, all else is bad."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""

    @property
    def held(self) -> int:
        """Bytes of the unfinished line."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Event]:
        """Cut lines."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [self._event(line) for line in lines]

    def _event(self, line: bytes) -> Event:
        if not self._name:
            self._name = line.decode()
            return Login(self._name, b"hello\n")
        return _event(line, self._name)


def datagram(data: bytes) -> list[Event]:
    """Understand `name line`."""
    name, _, line = data.partition(b" ")
    return [_event(line, name.decode())]


def _event(line: bytes, name: str) -> Event:
    if line == b"ping":
        return Reply(b"pong\n")
    if line == b"boom":
        raise RuntimeError("a bug")
    if not line.startswith(b"{"):
        return Bad(Reason.UNDECODED, "this is no record", line, b"no\n", {"device": name})
    return Records(line, {"device": name, "kind": "weather"}, b"ok\n")


LINES = TrackerProtocol("native", LineSession, datagram)


def line(number: int) -> bytes:
    """Give a record that is told from others by its number."""
    return json.dumps({"ts": 1_764_900_000_000 + number, "values": {"temperature": number}}).encode()


def context(custody: Custody, /, name: str = "input", **given: Any) -> InputContext:
    """Give an input its context: what is not given is the simplest there is."""
    parts: dict[str, Any] = {
        "counters": InputCounters(name),
        "decoding": Decoding(),
        "accept": custody.accept,
        "refusal": lambda: None,
        "data": Path(),
        "config": Path(),
        "spool": Path("gateway.spool"),
        "broker": Address("127.0.0.1", 1883),
        "client_id": "input",
    }
    return InputContext(**parts | given)
