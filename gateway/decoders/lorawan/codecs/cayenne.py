"""Cayenne LPP: channel, type, value (myDevices "Cayenne Low Power Payload", with types that others added since).

Of the latter there are 100, 116 to 118, 120, 121, 125, 128, 130 to 133, 135 and 142; no other, such as the polyline
(240). Fields are `<type>_<channel>`, as The Things Stack and RAKwireless name them.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.decoders.fields import NOTHING, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import Codec, refusal


class _Type(NamedTuple):
    name: str
    layout: Struct
    divisor: int = 1
    axes: tuple[str, ...] = ()


def _type(name: str, layout: str, divisor: int = 1, axes: tuple[str, ...] = ()) -> _Type:
    return _Type(name, Struct(">" + layout), divisor, axes)


_AXES: Final = ("x", "y", "z")
_TYPES: Final[Mapping[int, _Type]] = MappingProxyType(
    {
        0: _type("digital_in", "B"),
        1: _type("digital_out", "B"),
        2: _type("analog_in", "h", 100),
        3: _type("analog_out", "h", 100),
        100: _type("generic", "I"),
        101: _type("luminosity", "H"),
        102: _type("presence", "B"),
        103: _type("temperature", "h", 10),
        104: _type("relative_humidity", "B", 2),
        113: _type("accelerometer", "hhh", 1000, _AXES),
        115: _type("barometric_pressure", "H", 10),
        116: _type("voltage", "H", 100),
        117: _type("current", "H", 1000),
        118: _type("frequency", "I"),
        120: _type("percentage", "B"),
        121: _type("altitude", "h"),
        125: _type("concentration", "H"),
        128: _type("power", "H"),
        130: _type("distance", "I", 1000),
        131: _type("energy", "I", 1000),
        132: _type("direction", "H"),
        133: _type("unixtime", "I"),
        134: _type("gyrometer", "hhh", 100, _AXES),
        135: _type("colour", "BBB", axes=("r", "g", "b")),
        142: _type("switch", "B"),
    }
)
_GPS: Final = 136
_GPS_SIZE: Final = 9
_HEADER: Final = 2

NAMES: Final[Names] = MappingProxyType(
    {
        "relative_humidity": Meaning("humidity"),
        "humidity_sensor": Meaning("humidity"),
        "temperatureSensor": Meaning("temperature"),
        "humiditySensor": Meaning("humidity"),
        "barometric_pressure": Meaning("pressure"),
        "barometer": Meaning("pressure"),
        "luminosity": Meaning("illuminance"),
        "illuminanceSensor": Meaning("illuminance"),
        "presence": Meaning("occupied"),
        "presenceSensor": Meaning("occupied"),
        "gps_latitude": Meaning("lat"),
        "gps_longitude": Meaning("lon"),
        "gps_altitude": Meaning("altitude"),
        "gpsLocation_latitude": Meaning("lat"),
        "gpsLocation_longitude": Meaning("lon"),
        "gpsLocation_altitude": Meaning("altitude"),
        "unixtime": NOTHING,
    }
)
"""By type; the channel is taken off by `plain_channels`. The second spelling of each is ChirpStack's."""

_CHANNEL: Final = re.compile(r"([A-Za-z_]+?)_(\d{1,3})((?:_[A-Za-z]+)?)")


def decode(port: int, payload: bytes) -> dict[str, object]:  # noqa: ARG001 -- the codec's contract
    """Read a Cayenne LPP frame.

    Raises:
        DecodeError: `undecoded`: an unknown type, or a value that is cut off.
    """
    fields: dict[str, object] = {}
    at = 0
    while at + _HEADER <= len(payload):
        channel, kind = payload[at], payload[at + 1]
        at = _value(fields, payload, at + _HEADER, kind, channel)
    if at != len(payload):
        raise refusal("a channel without a type at the end")
    return fields


def _value(fields: dict[str, object], payload: bytes, at: int, kind: int, channel: int) -> int:
    """Read one value; gives where the next channel begins."""
    if kind == _GPS and at + _GPS_SIZE <= len(payload):
        lat, lon, alt = (int.from_bytes(payload[i : i + 3], "big", signed=True) for i in (at, at + 3, at + 6))
        fields[f"gps_{channel}"] = {"latitude": lat / 10_000, "longitude": lon / 10_000, "altitude": alt / 100}
        return at + _GPS_SIZE
    row = _TYPES.get(kind)
    if row is None or at + row.layout.size > len(payload):
        raise refusal(f"type {kind} of channel {channel} is unknown or cut off")
    values = [raw if row.divisor == 1 else raw / row.divisor for raw in row.layout.unpack_from(payload, at)]
    fields[f"{row.name}_{channel}"] = dict(zip(row.axes, values, strict=True)) if row.axes else values[0]
    return at + row.layout.size


def plain_channels(fields: dict[str, object], names: Names) -> dict[str, object]:
    """Take the channel off the lowest one of each type, which then is the device's plain quantity.

    A position of zeros is none: it says that there was no fix.

    Further channels of a type keep their number: `temperature`, `temperature_5`. So a device that measures one thing
    once has the catalog's quantities, whatever channel its maker chose.
    """
    lowest: dict[str, int] = {}
    parts: list[tuple[str, int, object]] = []
    for name, value in fields.items():
        base, channel = _of_channel(name)
        lowest[base] = min(channel, lowest.get(base, channel))
        parts.append((base, channel, value))
    tidied: dict[str, object] = {}
    for base, channel, value in parts:
        if channel == lowest[base]:
            tidied[base] = value
            continue
        meaning = names.get(base)
        tidied[f"{meaning.quantity if meaning else base}_{channel}"] = value
    for lat, lon, altitude in _POSITIONS:
        if tidied.get(lat) == 0 and tidied.get(lon) == 0:
            del tidied[lat], tidied[lon]
            tidied.pop(altitude, None)
    return tidied


_POSITIONS: Final = tuple(
    tuple(f"{name}_{part}" for part in ("latitude", "longitude", "altitude")) for name in ("gps", "gpsLocation")
)


@lru_cache(maxsize=4096)
def _of_channel(name: str) -> tuple[str, int]:
    """Take a field's channel out of its name; -1 if there is none."""
    match = _CHANNEL.fullmatch(name)
    return (match[1] + match[3], int(match[2])) if match else (name, -1)


CODECS: Final[Mapping[str, Codec]] = MappingProxyType({"cayenne": Codec(decode, NAMES, "weather", tidy=plain_channels)})
