"""What families of foreign JSON have in common: reading it, naming its device, and dating it."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from city.errors import Reason
from city.mapping import TimeFormat, unix_ns
from city.names import Name
from city.reading import Reading
from city.wire.direct import MAX_BYTES, MAX_VALUES, Position, load, to_position
from gateway.decoders.decoder import Context, DecodeError, given_id
from gateway.decoders.fields import NUMBER

_decoder: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Any)
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
ISO: Final = TimeFormat()
ISO_UTC: Final = TimeFormat(zone="UTC")


def load_json(payload: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Read JSON of any shape.

    Raises:
        Malformed: It is none; with the reason.
    """
    return load(payload, _decoder, max_bytes)


def load_object(payload: bytes, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read one JSON object.

    Args:
        payload: The bytes.
        max_bytes: What no device of the family exceeds; it bounds the work.

    Raises:
        DecodeError: It is none; with the reason.
    """
    if len(payload) > max_bytes:
        raise DecodeError(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {max_bytes}")
    return as_object(load_json(payload), "the payload")


def as_object(thing: object, what: str) -> dict[str, Any]:
    """Give back a JSON object.

    Raises:
        DecodeError: `wrong_type`; the sentence names `what`.
    """
    if not isinstance(thing, dict):
        raise DecodeError(Reason.WRONG_TYPE, f"{what} is no JSON object")
    return thing


def number(thing: object) -> float | None:
    """Read a finite number, a truth, or a text that spells a decimal number; None for anything else."""
    if type(thing) is float:
        return thing if math.isfinite(thing) else None
    if isinstance(thing, str):
        thing = float(thing) if _NUMBER.fullmatch(thing.strip()) else None
    if not isinstance(thing, NUMBER):
        return None
    try:
        value = float(thing)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def numbers(fields: Mapping[str, object]) -> dict[str, object]:
    """Take the fields that are numbers, also where they are spelled as texts."""
    return {name: value for name, field in fields.items() if (value := number(field)) is not None}


def foreign_device(context: Context, family: str, name: Name | None) -> str:
    """Name a device: as the input does, else `<family>-` and the id of its name (`city.names`).

    Raises:
        DecodeError: `missing_field`: it has no name.
        Malformed: `bad_device`: its name is empty.
    """
    device = given_id(context)
    if device is not None:
        return device
    if not name:
        raise DecodeError(Reason.MISSING_FIELD, "neither the payload nor the input names the device")
    return context.ids(name, f"{family}-")


def from_number(value: float, per_second: int) -> int:
    """Read a Unix time as nanoseconds UTC.

    Args:
        value: The number.
        per_second: How many of its units are a second: 1 or 1000.

    Raises:
        DecodeError: `bad_time`: outside 2000 to 2100.
    """
    try:
        return unix_ns(value, per_second)
    except ValueError as error:
        raise DecodeError(Reason.BAD_TIME, str(error)) from None


def from_iso(text: str, otherwise: TimeFormat = ISO) -> int:
    """Read an ISO 8601 time as nanoseconds UTC; digits beyond microseconds are cut.

    Args:
        text: Date and time.
        otherwise: What a text without an offset is; it must have one unless this is `ISO_UTC`.

    Raises:
        DecodeError: `bad_time`.
    """
    try:
        return otherwise.from_text(text)
    except ValueError as error:
        raise DecodeError(Reason.BAD_TIME, str(error)) from None


def position(lat: object, lon: object) -> Position | None:
    """Read a position in degrees (WGS 84), numbers or texts; None if there is neither of the two.

    Raises:
        DecodeError: `bad_position`.
    """
    if lat is None and lon is None:
        return None
    north, east = number(lat), number(lon)
    if north is None or east is None:
        raise DecodeError(Reason.BAD_POSITION, f"lat {str(lat)[:40]!r} and lon {str(lon)[:40]!r} are no position")
    return to_position(north, east)


def position_fix(place: Position) -> dict[str, float]:
    """Give what a report of nothing but a position says: whether there is one."""
    return {"position_fix": float(place[0] is not None)}


def portions(
    device: str,
    kind: str,
    time_ns: int,
    values: Mapping[str, float],
    lat: float | None = None,
    lon: float | None = None,
) -> Iterator[Reading]:
    """Make readings of any number of values: none for none, several where one would hold too many."""
    items = list(values.items())
    for first in range(0, len(items), MAX_VALUES):
        yield Reading(device, kind, time_ns, dict(items[first : first + MAX_VALUES]), lat, lon)
