"""What a decoder is: what it gets beside the bytes, what it gives, and the one way in which it refuses them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Final, NamedTuple, Self, TypeAlias
from urllib.parse import parse_qsl, urlencode

from msgspec import UNSET

from city.catalog import KINDS
from city.errors import Malformed, Reason
from city.names import MakeId, made_id
from city.reading import FIRST_NS, ID_PATTERN, LAST_NS, Flag, Reading, checked_id, checked_quantity
from city.wire.direct import MAX_VALUES, to_position
from gateway.decoders.mapping import JsonMapping


class DecodeError(Malformed):
    """A decoder refuses bytes, or a part of them; `reason` and `detail` say why.

    Attributes:
        good: Readings of what isn't garbage among them.
        rest: The garbage alone, in a form that the same decoder reads; None: it is all of the bytes.
    """

    def __init__(self, reason: Reason, detail: str, good: Sequence[Reading] = (), rest: bytes | None = None) -> None:
        super().__init__(reason, detail)
        self.good = good
        self.rest = rest


class Origin(NamedTuple):
    """Where bytes came from, as one line that survives in quarantine: `http:native?device=a&kind=b`.

    It holds all that a decoder gets beside the bytes, so that they can be decoded again.

    Attributes:
        input: Name of the input.
        decoder: Name of the decoder.
        parameters: What else the input knew: query parameters, the topic.
    """

    input: str
    decoder: str
    parameters: dict[str, str]

    def __str__(self) -> str:
        query = urlencode(self.parameters)
        return f"{self.input}:{self.decoder}{'?' if query else ''}{query}"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line back.

        Raises:
            DecodeError: `no_codec`: no input or no decoder in it, or a query that isn't one.
        """
        name, colon, rest = line.partition(":")
        decoder, _, query = rest.partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict") if query else []
        except ValueError as error:
            raise DecodeError(Reason.NO_CODEC, f"{line[:200]!r} has no readable query: {error}") from None
        if not (name and colon and decoder):
            raise DecodeError(Reason.NO_CODEC, f"{line[:200]!r} is not input:decoder?key=value")
        return cls(name, decoder, dict(pairs))


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the bytes.

    Attributes:
        received_ns: When the gateway got them, nanoseconds UTC.
        device: Device, if the input knows it; as it was given.
        kind: Kind, if the input knows it; as it was given.
        parameters: Whatever else the input knows: query parameters, the topic.
        codecs: Foreign id (`eui-...`) to the name of its device codec, for network servers that send only bytes.
        mappings: Name to mapping, for `mapped`; the parameter `mapping` picks one.
        ids: Gives a device's id by the name that the bytes have for it.
    """

    received_ns: int
    device: str | None = None
    kind: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    codecs: Mapping[str, str] = field(default_factory=dict)
    mappings: Mapping[str, JsonMapping] = field(default_factory=dict)
    ids: MakeId = made_id


Decode: TypeAlias = Callable[[bytes, Context], list[Reading]]
"""Pure: no socket, no clock. `[]` says that there is nothing to say; garbage raises `DecodeError`."""


def decoder(work: Decode) -> Decode:
    """Make a decoder of a function that may also raise the `Malformed` of what it calls in `city`."""

    @wraps(work)
    def decode(payload: bytes, context: Context) -> list[Reading]:
        try:
            return work(payload, context)
        except DecodeError:
            raise
        except Malformed as error:
            raise DecodeError(error.reason, error.detail) from None

    return decode


def given_id(context: Context) -> str | None:
    """Give the device that the input names: an id as it is, another name as its id; None: the input names none.

    Raises:
        Malformed: `bad_device`: the name is empty.
    """
    device = context.device
    return device if device is None or ID_PATTERN.fullmatch(device) else context.ids(device, "")


def checked(readings: list[Reading]) -> list[Reading]:
    """Give back readings that ingest will take; one that it won't would spoil the whole pack that it travels in.

    Raises:
        Malformed: A decoder made something else; under the reason that says what.
    """
    for reading in readings:
        checked_id(reading.device)
        known_kind(reading.kind)
        if not FIRST_NS <= reading.time_ns < LAST_NS:
            raise DecodeError(Reason.BAD_TIME, f"{reading.time_ns} ns is outside 2000 to 2100")
        if not 0 < len(reading.values) <= MAX_VALUES:
            raise DecodeError(Reason.NO_VALUES, f"{len(reading.values)} values; from 1 to {MAX_VALUES} are allowed")
        for key, value in reading.values.items():
            checked_quantity(key)
            if not math.isfinite(value):
                raise DecodeError(Reason.NOT_FINITE, f"{key} is not finite")
        if reading.lat is not None or reading.lon is not None:
            lat, _ = to_position(*(UNSET if degrees is None else degrees for degrees in (reading.lat, reading.lon)))
            if lat is None:
                raise DecodeError(Reason.BAD_POSITION, f"{reading.device} at 0, 0, which is no position")
        if reading.flags and not (
            reading.flags.keys() <= reading.values.keys() and _CODES.issuperset(reading.flags.values())
        ):
            raise DecodeError(Reason.WRONG_TYPE, f"flags of {reading.device} that are none")
    return readings


_CODES: Final = frozenset(map(int, Flag))


def known_kind(kind: str) -> str:
    """Give back a kind of the catalog.

    Raises:
        DecodeError: `unknown_kind`.
    """
    if kind not in KINDS:
        raise DecodeError(Reason.UNKNOWN_KIND, f"no kind {kind[:80]!r}")
    return kind
