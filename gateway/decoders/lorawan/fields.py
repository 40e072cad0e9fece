"""From a maker's object to values and a position: flat, without what says "none", in the catalog's names and units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from city.errors import Reason
from city.reading import RESERVED, RESERVED_ENDINGS
from city.wire.direct import to_position
from gateway.decoders.dallas import may_have_failed, probe_flags
from gateway.decoders.decoder import DecodeError
from gateway.decoders.fields import NUMBER, Meaning, Names, to_key, to_values
from gateway.decoders.json_fields import position_fix
from gateway.decoders.leaves import NOTHING_KNOWN, is_measured
from gateway.decoders.leaves import unread as find_unread
from gateway.decoders.lorawan.codecs.codec import HISTORY, Codec

_LONGEST_NAME: Final = 200
"""Characters, joints of nested keys included; so it bounds the depth as well."""

_TAKEN: Final = RESERVED - {"lat", "lon"}
_LARGEST: Final = 1e18
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_PLACE: Final = ("lat", "lon")
_VALUE_KEYS: Final = ("value", "data")
_ABOUT_A_VALUE: Final = frozenset(
    {"value", "data", "unit", "units", "displayName", "name", "type", "id", "index", "label"}
)
"""What may stand beside a number in its own object."""


GENERIC: Final[Names] = MappingProxyType(
    {
        "Latitude": Meaning("lat"),
        "latitude": Meaning("lat"),
        "lat": Meaning("lat"),
        "Longitude": Meaning("lon"),
        "longitude": Meaning("lon"),
        "lon": Meaning("lon"),
        "lng": Meaning("lon"),
        "long": Meaning("lon"),
        "BatV": Meaning("battery_voltage"),
        "batV": Meaning("battery_voltage"),
        "pm25": Meaning("pm2_5"),
        "pm2.5": Meaning("pm2_5"),
        "illumination": Meaning("illuminance"),
    }
)
"""Names that mean the same to all who use them; for objects that a network server decoded for a device unknown here."""

UNKNOWN: Final = Codec(lambda _port, _payload: {}, GENERIC, "")


class Measured(NamedTuple):
    """What a maker's object says: values in the catalog's units, flags, degrees (WGS 84), the device's time if any."""

    values: dict[str, float]
    flags: dict[str, int]
    lat: float | None
    lon: float | None
    time_ns: int | None


@dataclass(slots=True)
class Budget:
    """How many fields may still be looked at, in all objects of a payload: what bounds the time that any bytes cost."""

    fields: int = 1_000

    def spend(self, fields: int) -> None:
        """Count fields.

        Raises:
            DecodeError: `too_large`: more than a payload may have.
        """
        self.fields -= fields
        if self.fields < 0:
            raise DecodeError(Reason.TOO_LARGE, "more fields than all measurements of a payload have")


def measured(fields: Mapping[str, object], codec: Codec, server_ns: int, budget: Budget, unread: list[str]) -> Measured:
    """Take the measurements out of a maker's object.

    Args:
        fields: By the codec, or by the network server.
        codec: Whose names it speaks.
        server_ns: The network server's time, nanoseconds UTC.
        budget: Of the payload.
        unread: Where the names of numbers are added that are no values.

    Raises:
        Malformed: `too_large`, `not_finite`, `bad_position`, or a unit that can't be.
    """
    flat: dict[str, object] = {}
    _flatten(flat, fields, "", codec, budget, unread)
    tidied = codec.tidy(flat, codec.names) if codec.tidy else flat
    time_ns = codec.clock(tidied, server_ns) if codec.clock else None
    values = to_values(tidied, codec.names)
    if len(values) < len(tidied):
        unread += [name for name in tidied if to_key(name) is None]
    if not all(map(_keeps_its_name, values)):
        values = {_renamed(key): value for key, value in values.items()}
    flags: dict[str, int] = {}
    if codec.dallas and may_have_failed(values):
        flags = probe_flags(values, (_quantity(name, codec.names) for name in codec.dallas))
    lat, lon = values.pop("lat", None), values.pop("lon", None)
    if lat is None or lon is None:
        if lat is not lon:  # half of a position
            unread += [name for name in tidied if (row := codec.names.get(name)) and row.quantity in _PLACE]
        return Measured(values, flags, None, None, time_ns)
    place = to_position(lat, lon)
    # a place alone is worth a reading too
    return Measured(values or position_fix(place), flags, place[0], place[1], time_ns)


def _quantity(name: str, names: Names) -> str:
    meaning = names.get(name)
    return (meaning.quantity if meaning else to_key(name)) or name


def _flatten(
    flat: dict[str, object],
    fields: Mapping[str, object],
    prefix: str,
    codec: Codec,
    budget: Budget,
    unread: list[str],
) -> None:
    """Add an object's numbers; nested keys are joined, but `{"value": 21.5, "unit": "Cel"}` is one number."""
    budget.spend(len(fields))
    names, absent = codec.names, codec.absent
    for key, value in fields.items():
        name = prefix + key
        if len(name) > _LONGEST_NAME:
            raise DecodeError(Reason.BAD_QUANTITY, f"{name[:80]!r}... is too long a name")
        number = value if isinstance(value, NUMBER) else _number_in(value, name, codec)
        if isinstance(number, NUMBER):
            none = absent.get(name)
            if none is not None and number in none:
                continue
            if not -_LARGEST <= number <= _LARGEST:
                raise DecodeError(Reason.NOT_FINITE, f"{name[:80]!r} is out of any range")
            # `{"a": {"b": 1}, "a_b": 2}`: two fields whose joined names are one
            flat[name if name not in flat else f"{name}#{len(prefix)}"] = number
            if number is not value and isinstance(value, dict):
                find_unread(value, _ABOUT_A_VALUE, unread, f"{name}.")
        elif value is not None and not _passed_over(name, names):
            _flatten_nested(flat, value, name, codec, budget, unread)


def _number_in(value: object, name: str, codec: Codec) -> object:
    """Give the number that a text or an object says; what it isn't in, as it is."""
    if isinstance(value, str):
        return _number(value, codec.states.get(name), known=name in codec.names)
    if isinstance(value, dict):
        return next((value[inner] for inner in _VALUE_KEYS if inner in value), None)
    return value


def _flatten_nested(
    flat: dict[str, object], value: object, name: str, codec: Codec, budget: Budget, unread: list[str]
) -> None:
    if isinstance(value, dict):
        _flatten(flat, value, f"{name}_", codec, budget, unread)
    elif isinstance(value, list):
        # a list's items are counted from 1
        nested = {str(at): item for at, item in _numbers(value, budget)}
        _flatten(flat, nested, f"{name}_", codec, budget, unread)
        find_unread([item for item in value if not isinstance(item, NUMBER)], NOTHING_KNOWN, unread, f"{name}.")
    elif is_measured(value):
        unread.append(name)


def _numbers(items: list[object], budget: Budget) -> list[tuple[int, object]]:
    budget.spend(len(items))
    return [(at, item) for at, item in enumerate(items, 1) if isinstance(item, NUMBER)]


def _passed_over(name: str, names: Names) -> bool:
    meaning = names.get(name)
    return name == HISTORY or (meaning is not None and meaning.quantity is None)


def _number(text: str, states: Mapping[str, float] | None, *, known: bool) -> float | None:
    """Read a text that is a state of the table, or, in a field that the table knows, a number."""
    if states is not None:
        return states.get(text)
    return float(text) if known and _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=4096)
def _keeps_its_name(key: str) -> bool:
    return key not in _TAKEN and not key.endswith(RESERVED_ENDINGS)


def _renamed(key: str) -> str:
    return key if _keeps_its_name(key) else f"{key[:42]}_value"
