"""What a decoder is told beside the bytes, and how it refuses them."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from msgspec import UNSET

from city.catalog import KINDS
from city.errors import Malformed, Reason
from city.reading import FIRST_NS, LAST_NS, Flag, Reading, checked_id, checked_quantity
from city.wire.direct import MOST_VALUES, to_position
from gateway.decoders.fields import checksum
from gateway.decoders.mapping import JsonMapping


class DecodeError(Malformed):
    """These bytes are garbage to this decoder; `reason` and `detail` say why.

    Attributes:
        good: Readings of what isn't garbage among them.
        rest: The garbage alone, in a form that the same decoder reads; None: it is all of the bytes.
    """

    def __init__(self, reason: Reason, detail: str, good: Sequence[Reading] = (), rest: bytes | None = None) -> None:
        super().__init__(reason, detail)
        self.good = good
        self.rest = rest


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the bytes.

    Attributes:
        received_ns: When the gateway got them, nanoseconds UTC.
        device: Device, if the link knows it; as it was given.
        kind: Kind, if the link knows it; as it was given.
        parameters: Whatever else the link knows: query parameters, the topic.
        codecs: Foreign id (`eui-...`) to the name of its device codec, for network servers that send only bytes.
        mappings: Name to mapping, for `mapped`; the parameter `mapping` picks one.
    """

    received_ns: int
    device: str | None = None
    kind: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    codecs: Mapping[str, str] = field(default_factory=dict)
    mappings: Mapping[str, JsonMapping] = field(default_factory=dict)


Decode: TypeAlias = Callable[[bytes, Context], list[Reading]]
"""Pure: no socket, no clock. `[]` says that there is nothing to say; garbage raises `DecodeError`."""


def device_id(name: str) -> str:
    """Make a device id of a foreign name: lower case, other characters become `-`, and none of them leads.

    `urn:dev:ow:10e2073a01080063` becomes `urn-dev-ow-10e2073a01080063`. Letters beyond ASCII can't stand in an id; so
    that two names don't become one, such a name ends with its CRC-32: `ถัง 1` becomes `1-f9f28e73`.

    Raises:
        Malformed: `bad_device`: nothing is left, or more than 64 characters are.
    """
    if not name.isascii():
        left = name.encode("ascii", "ignore").decode().strip(" -_/")
        name = "-".join(filter(None, (left, checksum(name))))
    return checked_id(re.sub(r"[^a-z0-9._-]", "-", name.lower()).lstrip("._-"))


def checked(readings: list[Reading]) -> list[Reading]:
    """Give back readings that ingest will take; one that it won't would spoil the whole pack that it travels in.

    Raises:
        Malformed: A decoder made something else; under the reason that says what.
    """
    for reading in readings:
        checked_id(reading.device)
        known_kind(reading.kind)
        if not FIRST_NS <= reading.time_ns < LAST_NS:
            raise Malformed(Reason.BAD_TIME, f"{reading.time_ns} ns is outside 1970 to 2100")
        if not 0 < len(reading.values) <= MOST_VALUES:
            raise Malformed(Reason.NO_VALUES, f"{len(reading.values)} values; from 1 to {MOST_VALUES} are allowed")
        for key, value in reading.values.items():
            checked_quantity(key)
            if not math.isfinite(value):
                raise Malformed(Reason.NOT_FINITE, f"{key} is not finite")
        if reading.lat is not None or reading.lon is not None:
            to_position(*(UNSET if degrees is None else degrees for degrees in (reading.lat, reading.lon)))
        if reading.flags and not (
            reading.flags.keys() <= reading.values.keys() and _CODES.issuperset(reading.flags.values())
        ):
            raise Malformed(Reason.WRONG_TYPE, f"flags of {reading.device} that are none")
    return readings


_CODES: Final = frozenset(map(int, Flag))


def known_kind(kind: str) -> str:
    """Give back a kind of the catalog.

    Raises:
        Malformed: `unknown_kind`.
    """
    if kind not in KINDS:
        raise Malformed(Reason.UNKNOWN_KIND, f"no kind {kind[:80]!r}")
    return kind
