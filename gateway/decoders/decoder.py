"""What a decoder is: what it gets beside the bytes, its answer in three parts, and how it refuses bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import NamedTuple, Self, TypeAlias
from urllib.parse import parse_qsl, urlencode

import msgspec

from city.catalog import KINDS
from city.errors import Malformed, Reason
from city.names import MakeId, made_id
from city.reading import ID_PATTERN, Reading
from gateway.decoders.mapping import JsonMapping


class DecodeError(Malformed):
    """A decoder refuses bytes; `reason` and `detail` say why."""


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


class Refused(NamedTuple):
    """An item that was refused while its neighbours were read.

    Attributes:
        payload: It alone, in a form that the same decoder reads.
        error: Why.
    """

    payload: bytes
    error: Malformed


class Rest(msgspec.Struct):
    """What a decoder did not turn into readings, and does not know to be no measurement; filled on its way.

    Attributes:
        unread: Paths of numbers that nothing read; places in lists are left out of them.
        refused: Items that were refused alone.
    """

    unread: list[str] = []
    refused: list[Refused] = []

    def refuse(self, payload: bytes, error: Malformed) -> None:
        """Keep an item that was refused."""
        self.refused.append(Refused(payload, error))


class Decoded(msgspec.Struct):
    """A decoder's answer; what it knows to be no measurement is in neither, for each family names those keys in a list.

    Attributes:
        readings: What it read.
        rest: What it didn't.
    """

    readings: list[Reading]
    rest: Rest


Work: TypeAlias = Callable[[bytes, Context, Rest], list[Reading]]
"""What a family writes. Pure: no socket, no clock. `[]` and an empty rest say that there is nothing to say; where none
of the bytes is good, it raises `Malformed`."""

Decode: TypeAlias = Callable[[bytes, Context], Decoded]
"""What is made of it: garbage raises `DecodeError` alone."""


def decoder(work: Work) -> Decode:
    """Make a decoder of a family's function, which may also raise the `Malformed` of what it calls in `city`.

    Where all items were refused, the bytes are refused whole, under the reason of the first.
    """

    @wraps(work)
    def decode(payload: bytes, context: Context) -> Decoded:
        rest = Rest()
        try:
            readings = work(payload, context, rest)
        except DecodeError:
            raise
        except Malformed as error:
            raise DecodeError(error.reason, error.detail) from None
        if rest.refused and not readings:
            first = rest.refused[0].error
            raise DecodeError(first.reason, first.detail)
        return Decoded(readings, rest)

    return decode


def given_id(context: Context) -> str | None:
    """Give the device that the input names: an id as it is, another name as its id; None: the input names none.

    Raises:
        Malformed: `bad_device`: the name is empty.
    """
    device = context.device
    return device if device is None or ID_PATTERN.fullmatch(device) else context.ids(device, "")


def known_kind(kind: str) -> str:
    """Give back a kind of the catalog.

    Raises:
        DecodeError: `unknown_kind`.
    """
    if kind not in KINDS:
        raise DecodeError(Reason.UNKNOWN_KIND, f"no kind {kind[:80]!r}")
    return kind
