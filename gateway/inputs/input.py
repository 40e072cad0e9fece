"""What every input has: one protocol, one context that is handed to it, one base of its table, and its counters."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Protocol, TypeAlias

import structlog
from pydantic import AfterValidator, Field

from city.arrival_clock import arrival_ns
from city.backoff import Backoff
from city.errors import ConfigurationError, KoratError, SpoolFull, Unavailable
from city.mqtt import Address
from city.reading import Reading
from city.tables import Id, Table
from city.wire.pack import Undecoded
from gateway.decoders import DECODERS, Origin
from gateway.naming import Decoding

_FIRST_PAUSE_S: Final = 0.5
_MAX_PAUSE_S: Final = 5.0
_QUIET_S: Final = 60.0
"""Seconds for which one class of trouble is not logged again."""

_log = structlog.get_logger(__name__)

Accept: TypeAlias = Callable[[list[Reading], list[Undecoded]], Awaitable[None]]
"""Takes custody: returns when all is on disk, raises `SpoolFull` or `Unavailable` when custody isn't taken."""


def _decoder(value: str) -> str:
    if value not in DECODERS:
        raise ValueError(f"there is no decoder {value!r}, only {', '.join(DECODERS)}")
    return value


DecoderName: TypeAlias = Annotated[str, AfterValidator(_decoder)]


class DecoderChoice(Table):
    """A part of a table that says who reads what comes.

    Attributes:
        decoder: Name of the decoder.
        parameters: What it is told: `mapping`, `device`, `kind`.
    """

    decoder: DecoderName = "mapped"
    parameters: dict[str, str] = Field(default_factory=dict)


class InputTable(Table):
    """The base of all `[[input.*]]` tables.

    Attributes:
        name: Name of the input, for counters and logs; no two inputs have the same.
    """

    name: Id

    def is_on(self) -> bool:
        """Whether it is to be opened."""
        return True

    def choices(self) -> Iterator[tuple[str, DecoderChoice]]:
        """Give where its table chooses a decoder: a name for sentences, and what is chosen."""
        if isinstance(self, DecoderChoice):
            yield self.name, self


class Input(Protocol):
    """One way by which bytes arrive. It answers its sender only when the spool has what was sent."""

    async def open(self) -> None:
        """Listen, or whatever must work before the gateway is said to run.

        Raises:
            ConfigurationError: It can't: the port is taken, the folder can't be made.
        """

    async def run(self) -> None:
        """Work until cancelled."""

    async def close(self) -> None:
        """Give back what `open` took; also after an `open` that failed."""


class InputCounters:
    """Counts of one input since its start.

    Args:
        name: Name of the input; a device id may be made of it.
        clock: Seconds that only rise; a test hands in its own.

    Attributes:
        name: Name of the input.
        received: Messages, frames, answers or files' chunks that came in whole.
        readings: Readings that were made of them and are on disk.
        undecoded: Payloads that went to quarantine and are on disk.
        failed: What went wrong, by reason; the reasons are words of the inputs' code and of `city.errors.Reason`, so
            there is a bounded number of them.
        failed_of: The same, by device, where an input polls devices that its settings name.
        last_ns: When something last reached the disk, nanoseconds UTC; 0: never.
    """

    __slots__ = ("_clock", "_logged", "failed", "failed_of", "last_ns", "name", "readings", "received", "undecoded")

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.received = 0
        self.readings = 0
        self.undecoded = 0
        self.failed: Counter[str] = Counter()
        self.failed_of: Counter[str] = Counter()
        self.last_ns = 0
        self._logged: dict[str, float] = {}
        self._clock = clock

    def kept(self, readings: int, undecoded: Sequence[Undecoded] = (), messages: int = 1) -> None:
        """Count what is on disk now."""
        self.received += messages
        self.readings += readings
        self.undecoded += len(undecoded)
        self.last_ns = time.time_ns()
        for item in undecoded:
            self.fail(item.reason, detail=item.detail)

    def fail(self, reason: str, device: str = "", **what: object) -> None:
        """Count a failure, and log the first of its class; later ones once a minute, with their number.

        Args:
            reason: Its class.
            device: The polled device that failed, if it is one; `device` of the settings, never of a message.
            **what: What else the log line says.
        """
        self.failed[reason] += 1
        if device:
            self.failed_of[device] += 1
            what["device"] = device
        now_s = self._clock()
        if now_s - self._logged.get(reason, -_QUIET_S) >= _QUIET_S:
            self._logged[reason] = now_s
            _log.warning("input trouble", input=self.name, reason=reason, times=self.failed[reason], **what)


class NotTakenError(Exception):
    """Custody was not taken, and the sender need not be waited for any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputContext:
    """What every input is given.

    Attributes:
        counters: Its own.
        decoding: Decodes and names; it knows the mappings, and lists the sources.
        accept: Takes custody.
        refusal: Why custody can't be taken at the moment; None if it can.
        data: Folder that relative paths of data begin in.
        config: Folder that relative paths of secrets begin in: that of `gateway.toml`.
        spool: The spool's file; what an input must remember stands beside it.
        broker: The city's own broker.
        client_id: Begins the name of a session at a broker.
        clock: Gives the time of receipt of what is at hand, nanoseconds UTC.
    """

    counters: InputCounters
    decoding: Decoding
    accept: Accept
    refusal: Callable[[], KoratError | None]
    data: Path
    config: Path
    spool: Path
    broker: Address
    client_id: str
    clock: Callable[[], int] = arrival_ns

    def decode(
        self, origin: Origin, payload: bytes, received_ns: int | None = None
    ) -> tuple[list[Reading], list[Undecoded]]:
        """Give what bytes mean; what no decoder understands comes back as `Undecoded`."""
        return self.decoding.decode(origin, payload, self.clock() if received_ns is None else received_ns)

    async def deliver(self, readings: list[Reading], undecoded: list[Undecoded], *, messages: int = 1) -> None:
        """Return when the spool has all of it, and count it.

        Raises:
            SpoolFull: Custody was not taken; later it may be.
            Unavailable: Custody was not taken, because the gateway stops.
            Broken: The spool is damaged.
        """
        try:
            await self.accept(readings, undecoded)
        except (SpoolFull, Unavailable) as error:
            self.counters.fail("spool", detail=str(error))
            raise
        self.counters.kept(len(readings), undecoded, messages)

    async def deliver_at_last(
        self,
        readings: list[Reading],
        undecoded: list[Undecoded],
        *,
        messages: int = 1,
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Deliver, however long that takes: nothing of what an input holds is let go while the spool is full.

        Args:
            readings: What was understood.
            undecoded: What was not.
            messages: How many messages brought it.
            give_up: Asked before each further try, whether there is still a sender to answer.

        Raises:
            NotTakenError: `give_up` said so.
            Broken: The spool is damaged.
        """
        backoff = Backoff(first_s=_FIRST_PAUSE_S, max_s=_MAX_PAUSE_S)
        while True:
            try:
                await self.deliver(readings, undecoded, messages=messages)
            except (SpoolFull, Unavailable) as error:
                await asyncio.sleep(backoff.next())
                if give_up():
                    raise NotTakenError(str(error)) from None
            else:
                return


@contextmanager
def listening(where: str) -> Iterator[None]:
    """Turn what the system says of a port into a sentence.

    Raises:
        ConfigurationError: The port is taken, or the address isn't ours.
    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"the gateway can't listen on {where}: {error.strerror}") from None


async def until_cancelled() -> None:
    """Wait: a server's work is done by its callbacks."""
    await asyncio.Event().wait()


def refuse_unknown_mappings(tables: Sequence[InputTable], mappings: Mapping[str, object]) -> None:
    """Look whether every mapping that an input names is there.

    Raises:
        ValueError: One isn't.
    """
    for name, choice in (each for table in tables for each in table.choices()):
        mapping = choice.parameters.get("mapping")
        if choice.decoder == "mapped" and mapping not in mappings:
            there = ", ".join(sorted(mappings)) or "none"
            raise ValueError(
                f"{name!r}: there is no [mappings.{mapping}], only {there}"
                if mapping
                else f'{name!r}: the decoder mapped needs a mapping, as in parameters = {{ mapping = "..." }}'
            )
