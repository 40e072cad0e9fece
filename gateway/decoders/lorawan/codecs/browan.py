"""Browan: MerryIoT CD10 and DW10, Tabs TBHH100 and TBMS100 (the maker's reference manuals, "Payload")."""

from collections.abc import Mapping
from functools import partial
from struct import Struct
from types import MappingProxyType
from typing import Final

from gateway.decoders.fields import NOTHING, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import Codec, need, refusal

_CD10: Final = Struct("<BBbBH")
_DW10: Final = Struct("<BBbBH")
_TBHH100: Final = Struct("<BBBBHH")
_TBMS100: Final = Struct("<BBBHH")
_NOT_FITTED: Final = 0xFFFF

NAMES: Final[Names] = MappingProxyType(
    {
        "battery_volt": Meaning("battery_voltage"),
        "humi": Meaning("humidity"),
        "co2_ppm": Meaning("co2"),
        "CO2": Meaning("co2"),
        "VOC": Meaning("voc_level"),
        "open": Meaning("door_open"),
        "count": Meaning("door_open_times"),
        "time": Meaning("minutes_since_change"),
        "mot_motionst": Meaning("occupied"),
        "fPort": NOTHING,
        "thh_type": NOTHING,
    }
)
ABSENT: Final[Mapping[str, frozenset[float]]] = MappingProxyType(
    {"CO2": frozenset({0.0}), "VOC": frozenset({0.0}), "mot_times": frozenset({float(_NOT_FITTED)})}
)


def decode_cd10(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of a MerryIoT CD10 (carbon dioxide).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    _expect(port, 127, payload, _CD10.size)
    state, battery, celsius, humidity, co2 = _CD10.unpack_from(payload)
    return {
        "battery_volt": _merry_volts(battery),
        "temperature": celsius,
        "humidity": humidity & 0x7F,
        "trigger": state & 1,
        "button": state >> 1 & 1,
        "co2threshold": state >> 4 & 1,
        "co2calibration": state >> 5 & 1,
        "co2_ppm": co2,
    }


def decode_dw10(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of a MerryIoT DW10 (door).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    _expect(port, 120, payload, 9)
    state, battery, celsius, humidity, minutes = _DW10.unpack_from(payload)
    return {
        "battery_volt": _merry_volts(battery),
        "temperature": celsius,
        "humi": humidity & 0x7F,
        "open": state & 1,
        "button": state >> 1 & 1,
        "tamper": state >> 2 & 1,
        "tilt": state >> 3 & 1,
        "time": minutes,
        "count": int.from_bytes(payload[6:9], "little"),
    }


def decode_tbhh100(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of a Tabs TBHH100 (temperature and humidity).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    _expect(port, 103, payload, _TBHH100.size)
    state, battery, celsius, humidity, co2, voc = _TBHH100.unpack_from(payload)
    return {
        "fPort": port,
        "battery_volt": _tabs_volts(battery),
        "temperature": (celsius & 0x7F) - 32,
        "humidity": humidity & 0x7F,
        "thh_type": state & 1,
        "CO2": 0 if co2 == _NOT_FITTED else co2,
        "VOC": 0 if voc == _NOT_FITTED else voc,
    }


def decode_tbms100(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of a Tabs TBMS100 (motion).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    _expect(port, 102, payload, _TBMS100.size)
    state, battery, celsius, minutes, counts = _TBMS100.unpack_from(payload)
    return {
        "fPort": port,
        "battery_volt": _tabs_volts(battery),
        "temperature": (celsius & 0x7F) - 32,
        "mot_motionst": state & 1,
        "mot_times": minutes,
        "mot_counts": counts,
    }


def _expect(port: int, wanted: int, payload: bytes, size: int) -> None:
    if port != wanted:
        raise refusal(f"a measurement comes on port {wanted}, not {port}")
    need(payload, size, "a measurement")


def _merry_volts(battery: int) -> float:
    return (21 + (battery & 0x0F)) / 10


def _tabs_volts(battery: int) -> float:
    return (25 + (battery & 0x0F)) / 10


_codec: Final = partial(Codec, names=NAMES, absent=ABSENT)
CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "browan-cd10": _codec(decode_cd10, kind="air_quality"),
        "browan-dw10": _codec(decode_dw10, kind="dock"),
        "browan-tbhh100": _codec(decode_tbhh100, kind="cargo"),
        "browan-tbms100": _codec(decode_tbms100, kind="crowd"),
    }
)
