"""From a maker's object to values and a position: flat, without what says "none", in the catalog's names and units."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from city.errors import Reason
from city.reading import RESERVED, RESERVED_ENDINGS
from city.wire.direct import to_position
from gateway.decoders.context import DecodeError
from gateway.decoders.lorawan.codecs.codec import HISTORY, Codec
from gateway.decoders.vocabulary import Meaning, Names, to_values

_MOST_FIELDS: Final = 80
_MOST_DEPTH: Final = 4
_LARGEST: Final = 1e18
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_VALUE_KEYS: Final = ("value", "data")

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
    """What a maker's object says: values in the catalog's units, degrees (WGS 84), and the device's time if any."""

    values: dict[str, float]
    lat: float | None
    lon: float | None
    time_ns: int | None


def measured(made: Mapping[str, object], codec: Codec, server_ns: int) -> Measured:
    """Take the measurements out of a maker's object.

    Args:
        made: By the codec, or by the network server.
        codec: Whose names it speaks.
        server_ns: The network server's time, nanoseconds UTC.

    Raises:
        Malformed: `too_large`, `not_finite`, `bad_position`, or a unit that can't be.
    """
    flat: dict[str, object] = {}
    for name, value in made.items():
        if name != HISTORY:
            _flatten(flat, name, value, codec, 0)
    fields = codec.tidy(flat, codec.names) if codec.tidy else flat
    time_ns = codec.clock(fields, server_ns) if codec.clock else None
    values = to_values(fields, codec.names)
    lat, lon = values.pop("lat", None), values.pop("lon", None)
    if lat is not None and lon is not None:
        lat, lon = to_position(lat, lon)
    else:
        lat = lon = None
    if not (RESERVED.isdisjoint(values) and not any(key.endswith(RESERVED_ENDINGS) for key in values)):
        values = {_unreserved(key): value for key, value in values.items()}
    return Measured(values, lat, lon, time_ns)


def _flatten(flat: dict[str, object], name: str, value: object, codec: Codec, depth: int) -> None:
    """Add the numbers of a field; nested keys are joined, but `{"value": 21.5, "unit": "Cel"}` is one number."""
    if isinstance(value, str):
        value = _number(value, codec.states.get(name), known=name in codec.names)
    if isinstance(value, int | float):
        _add(flat, name, value, codec)
        return
    if depth == _MOST_DEPTH or _is_nothing(name, codec.names):
        return
    if isinstance(value, dict):
        inner = next((value[key] for key in _VALUE_KEYS if isinstance(value.get(key), int | float)), None)
        if inner is not None:
            _add(flat, name, inner, codec)
            return
        for key, item in value.items():
            _flatten(flat, f"{name}_{key}", item, codec, depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            if isinstance(item, int | float):
                _add(flat, f"{name}_{number}", item, codec)


def _add(flat: dict[str, object], name: str, value: float, codec: Codec) -> None:
    if value in codec.absent.get(name, ()):
        return
    if not -_LARGEST <= value <= _LARGEST:
        raise DecodeError(Reason.NOT_FINITE, f"{name[:80]!r} is out of any range")
    if len(flat) >= _MOST_FIELDS:
        raise DecodeError(Reason.TOO_LARGE, f"more than {_MOST_FIELDS} fields")
    flat[name] = value


def _number(text: str, states: Mapping[str, float] | None, *, known: bool) -> float | None:
    """Read a text that is a state of the table, or, in a field that the table knows, a number."""
    if states is not None:
        return states.get(text)
    return float(text) if known and _NUMBER.fullmatch(text) else None


def _is_nothing(name: str, names: Names) -> bool:
    meaning = names.get(name)
    return meaning is not None and meaning.quantity is None


def _unreserved(key: str) -> str:
    return f"{key[:42]}_value" if key in RESERVED or key.endswith(RESERVED_ENDINGS) else key
