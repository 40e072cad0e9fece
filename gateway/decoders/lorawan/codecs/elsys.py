"""Elsys: type, value, type, value; one table for all of its sensors (Elsys "Payload format", elsys.se)."""

from collections.abc import Mapping
from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.decoders.fields import NOTHING, NUMBER, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import Codec, refusal


class _Sensor(NamedTuple):
    layout: Struct
    names: tuple[str, ...]
    divisor: int = 1


def _sensor(layout: str, *names: str, divisor: int = 1) -> _Sensor:
    return _Sensor(Struct(">" + layout), names, divisor)


_SENSORS: Final[Mapping[int, _Sensor]] = MappingProxyType(
    {
        0x01: _sensor("h", "temperature", divisor=10),
        0x02: _sensor("B", "humidity"),
        0x03: _sensor("bbb", "x", "y", "z"),
        0x04: _sensor("H", "light"),
        0x05: _sensor("B", "motion"),
        0x06: _sensor("H", "co2"),
        0x07: _sensor("H", "vdd"),
        0x08: _sensor("H", "analog1"),
        0x0A: _sensor("H", "pulse1"),
        0x0B: _sensor("I", "pulseAbs"),
        0x0C: _sensor("h", "externalTemperature", divisor=10),
        0x0D: _sensor("B", "digital"),
        0x0E: _sensor("H", "distance"),
        0x0F: _sensor("B", "accMotion"),
        0x10: _sensor("hh", "irInternalTemperature", "irExternalTemperature", divisor=10),
        0x11: _sensor("B", "occupancy"),
        0x12: _sensor("B", "waterleak"),
        0x14: _sensor("i", "pressure", divisor=1000),
        0x15: _sensor("BB", "soundPeak", "soundAvg"),
        0x16: _sensor("H", "pulse2"),
        0x17: _sensor("I", "pulseAbs2"),
        0x18: _sensor("H", "analog2"),
        0x19: _sensor("h", "externalTemperature2", divisor=10),
        0x1A: _sensor("B", "digital2"),
        0x1B: _sensor("i", "analogUv"),
        0x1C: _sensor("H", "tvoc"),
    }
)
_GPS: Final = 0x09
_GRIDEYE: Final = 0x13
_PIXELS: Final = 64
_SETTINGS: Final = 0x3E

NAMES: Final[Names] = MappingProxyType(
    {
        "light": Meaning("illuminance"),
        "vdd": Meaning("battery_voltage", "mV"),
        "analog1": Meaning("analog_voltage_1"),
        "analog2": Meaning("analog_voltage_2"),
        "distance": Meaning("distance", "mm"),
        "occupancy": Meaning("occupancy_state"),
        "waterleak": Meaning("water_leak"),
        "externalTemperature": Meaning("probe_temperature"),
        "irExternalTemperature": Meaning("surface_temperature"),
        "soundAvg": Meaning("sound_level"),
        "soundPeak": Meaning("sound_peak"),
        "lat": Meaning("lat"),
        "long": Meaning("lon"),
        "grideye": NOTHING,
    }
)


def decode(port: int, payload: bytes) -> dict[str, object]:  # noqa: ARG001 -- the codec's contract
    """Read a frame of any Elsys sensor.

    Raises:
        DecodeError: `undecoded`: an unknown type, or a value that is cut off.
    """
    fields: dict[str, object] = {}
    at = 0
    while at < len(payload) and payload[at] != _SETTINGS:
        at = _value(fields, payload, at + 1, payload[at])
    return fields


def _value(fields: dict[str, object], payload: bytes, at: int, kind: int) -> int:
    """Read the value of one sensor; gives where the next one begins."""
    sensor = _SENSORS.get(kind)
    if sensor is None:
        return _odd_value(fields, payload, at, kind)
    end = at + sensor.layout.size
    if end > len(payload):
        raise refusal(f"the value of type {kind:#04x} is cut off")
    for name, raw in zip(sensor.names, sensor.layout.unpack_from(payload, at), strict=True):
        value = raw if sensor.divisor == 1 else raw / sensor.divisor
        before = fields.get(name)
        # a device with several probes of a type repeats it
        fields[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return end


def _odd_value(fields: dict[str, object], payload: bytes, at: int, kind: int) -> int:
    if kind == _GPS and at + 6 <= len(payload):
        for name, start in (("lat", at), ("long", at + 3)):
            fields[name] = int.from_bytes(payload[start : start + 3], "little", signed=True) / 10_000
        return at + 6
    if kind == _GRIDEYE and at + 1 + _PIXELS <= len(payload):
        reference = payload[at]
        fields["grideye"] = [reference + pixel / 10 for pixel in payload[at + 1 : at + 1 + _PIXELS]]
        return at + 1 + _PIXELS
    raise refusal(f"type {kind:#04x} is unknown or cut off")


def understood(fields: dict[str, object], names: Names) -> dict[str, object]:  # noqa: ARG001 -- the contract
    """Say whether a place is occupied, turn analog inputs into volts, and leave out a position without a fix."""
    state = fields.get("occupancy")
    if state is not None:
        fields["occupied"] = state == _OCCUPIED
    for name in _ANALOG_MV:
        if isinstance(millivolts := fields.get(name), NUMBER):
            fields[name] = millivolts / 1000
    if fields.get("lat") == 0 and fields.get("long") == 0:
        del fields["lat"], fields["long"]
    return fields


_OCCUPIED: Final = 2
"""0 says that nobody is there; 1 that it isn't decided yet."""

_ANALOG_MV: Final = ("analog1", "analog2")


_DALLAS: Final = frozenset({"externalTemperature", "externalTemperature2"})

CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {"elsys": Codec(decode, NAMES, "air_quality", dallas=_DALLAS, tidy=understood)}
)
