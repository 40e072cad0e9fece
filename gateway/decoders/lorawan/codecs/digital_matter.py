"""Digital Matter trackers: Oyster3 and Yabby3, and the G62 (the maker's "LoRaWAN payload" pages)."""

from collections.abc import Mapping
from functools import partial
from struct import Struct
from types import MappingProxyType
from typing import Final

from gateway.decoders.fields import NOTHING, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import Codec, need, refusal

_POSITION: Final = Struct("<ii")
_SUPPLY: Final = Struct("<HHbBH")
_RUN: Final = Struct("<II")
_LOW: Final = 0xF0
"""The G62 keeps flags in the lowest four bits of a coordinate."""

_TRIPS: Final = ("None", "Ignition", "Movement", "Run Detect")

_CYCLE_S: Final = 65_535
"""A G62 tells Unix seconds modulo this; the number itself says that it has no time."""

_LATE_S: Final = 300

NAMES: Final[Names] = MappingProxyType(
    {
        "latitudeDeg": Meaning("lat"),
        "longitudeDeg": Meaning("lon"),
        "headingDeg": Meaning("heading"),
        "speedKmph": Meaning("speed"),
        "batV": Meaning("battery_voltage"),
        "vExt": Meaning("external_voltage"),
        "vAin": Meaning("analog_voltage"),
        "tempC": Meaning("device_temperature"),
        "gpsAccM": Meaning("position_accuracy"),
        "distanceKm": Meaning("odometer"),
        "runtimeS": Meaning("run_time"),
        "inTrip": Meaning("movement"),
        "manDown": Meaning("man_down"),
        "ignition": Meaning("ignition"),
        "gpsCurrent": Meaning("position_fix"),
        "vExtGood": Meaning("external_power"),
        "digIn1": Meaning("digital_input_1"),
        "digIn2": Meaning("digital_input_2"),
        "digOut": Meaning("digital_output"),
        "initialBatV": NOTHING,
        "fixFailed": NOTHING,
        "sequence": NOTHING,
        "accepted": NOTHING,
        "fwMaj": NOTHING,
        "fwMin": NOTHING,
        "timestamp": NOTHING,
    }
)


def decode_oyster3(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of an Oyster3 or Yabby3: position (ports 1 and 4), downlink answer (2), statistics (3).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    match port:
        case 1:
            return _full_position(payload)
        case 2:
            return _answer(payload)
        case 3:
            return _statistics(payload)
        case 4:
            return _short_position(payload)
        case _:
            raise refusal(f"an Oyster3 has nothing known on port {port}")


def _full_position(payload: bytes) -> dict[str, object]:
    need(payload, 11, "a position")
    lat, lon = _POSITION.unpack_from(payload)
    flags = payload[8]
    return {
        "type": "position",
        "inTrip": bool(flags & 1),
        "fixFailed": bool(flags & 2),
        "batV": round(payload[10] * 0.025, 2),
        "manDown": None,
        "latitudeDeg": lat / 1e7,
        "longitudeDeg": lon / 1e7,
        "headingDeg": (flags >> 2) * 5.625,
        "speedKmph": payload[9],
    }


def _short_position(payload: bytes) -> dict[str, object]:
    need(payload, 9, "a short position")
    lat, lon = (int.from_bytes(payload[i : i + 3], "little", signed=True) * 256 / 1e7 for i in (0, 3))
    course, flags = payload[6], payload[8]
    return {
        "type": "position",
        "batV": round(payload[7] * 0.025, 2),
        "inTrip": bool(flags & 1),
        "fixFailed": bool(flags & 2),
        "manDown": bool(flags & 4),
        "latitudeDeg": lat,
        "longitudeDeg": lon,
        "headingDeg": (course & 7) * 45,
        "speedKmph": (course >> 3) * 5,
    }


def _answer(payload: bytes) -> dict[str, object]:
    need(payload, 3, "a downlink answer")
    return {
        "type": "downlink ack",
        "sequence": payload[0] & 0x7F,
        "accepted": bool(payload[0] & 0x80),
        "fwMaj": payload[1],
        "fwMin": payload[2],
    }


def _statistics(payload: bytes) -> dict[str, object]:
    need(payload, 11, "statistics")
    bits = int.from_bytes(payload[:11], "little")

    def part(start: int, size: int) -> int:
        return bits >> start & (1 << size) - 1

    return {
        "type": "stats",
        "initialBatV": round(4.0 + 0.1 * part(0, 4), 1),
        "txCount": 32 * part(4, 11),
        "tripCount": 32 * part(15, 13),
        "gpsSuccesses": 32 * part(28, 10),
        "gpsFails": 32 * part(38, 8),
        "aveGpsFixS": part(46, 9),
        "aveGpsFailS": part(55, 9),
        "aveGpsFreshenS": part(64, 8),
        "wakeupsPerTrip": part(72, 7),
        "uptimeWeeks": part(79, 9),
    }


def decode_g62(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of a G62: all data (port 1), or its two parts (2 and 3), and its meters (4).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    match port:
        case 1:
            need(payload, 19, "full data")
            return {"_type": "full data"} | _track(payload) | _supply(payload, 11)
        case 2:
            need(payload, 11, "data part 1")
            return {"_type": "data part 1"} | _track(payload)
        case 3:
            need(payload, 8, "data part 2")
            return {"_type": "data part 2"} | _supply(payload, 0)
        case 4:
            need(payload, 8, "meters")
            run, metres = _RUN.unpack_from(payload)
            return {"_type": "odometer", "runtimeS": run, "distanceKm": metres / 1000}
        case _:
            raise refusal(f"a G62 has nothing known on port {port}")


def _track(payload: bytes) -> dict[str, object]:
    trip, pins = payload[0], payload[4]
    plain = bytes((payload[0] & _LOW, *payload[1:4], payload[4] & _LOW, *payload[5:8]))
    lat, lon = _POSITION.unpack(plain)
    return {
        "tripType": _TRIPS[trip & 3],
        "vExtGood": bool(trip & 4),
        "gpsCurrent": bool(trip & 8),
        "ignition": bool(pins & 1),
        "digIn1": bool(pins & 2),
        "digIn2": bool(pins & 4),
        "digOut": bool(pins & 8),
        "latitudeDeg": lat / 1e7,
        "longitudeDeg": lon / 1e7,
        "headingDeg": payload[8] * 2,
        "speedKmph": payload[9],
        "batV": payload[10] / 50,
    }


def _supply(payload: bytes, at: int) -> dict[str, object]:
    external, analog, celsius, accuracy, timestamp = _SUPPLY.unpack_from(payload, at)
    return {
        "vExt": external / 1000,
        "vAin": analog / 1000,
        "tempC": celsius,
        "gpsAccM": accuracy,
        "timestamp": timestamp,
    }


def g62_clock(fields: Mapping[str, object], server_ns: int) -> int | None:
    """Complete a G62's part of a time: the last such second that isn't after the server's time by five minutes."""
    part = fields.get("timestamp")
    if not isinstance(part, int | float) or not 0 <= part < _CYCLE_S:
        return None
    latest = server_ns // 1_000_000_000 + _LATE_S
    return (latest - (latest - int(part)) % _CYCLE_S) * 1_000_000_000


def fixed_positions(fields: dict[str, object], names: Names) -> dict[str, object]:  # noqa: ARG001 -- the contract
    """Leave out a position that the device couldn't fix: it repeats an old one, or says 0, 0."""
    stale = fields.get("fixFailed") or not fields.get("gpsCurrent", True)
    if not stale and not (fields.get("latitudeDeg") == 0 and fields.get("longitudeDeg") == 0):
        return fields
    return {name: value for name, value in fields.items() if name not in _OF_A_FIX}


_OF_A_FIX: Final = frozenset({"latitudeDeg", "longitudeDeg", "headingDeg", "speedKmph"})


_codec: Final = partial(Codec, names=NAMES, tidy=fixed_positions)
CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "digital-matter-g62": _codec(decode_g62, kind="vehicle", clock=g62_clock),
        "digital-matter-oyster3": _codec(decode_oyster3, kind="container"),
    }
)
