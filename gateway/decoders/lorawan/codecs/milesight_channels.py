"""Milesight's channels: what each (channel, type) holds, by family (the "Uplink" tables of the user guides)."""

from collections.abc import Callable, Mapping
from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple

Texts = Mapping[int, str]


class Part(NamedTuple):
    """One value of a channel: its name, what it is divided by, its texts if it is a state, and what says "none"."""

    name: str
    divisor: int = 1
    texts: Texts | None = None
    none: frozenset[int] = frozenset()


class Channel(NamedTuple):
    """The bytes behind a (channel, type), and the values in them."""

    layout: Struct
    parts: tuple[Part, ...]
    spell: Callable[[bytes], str] | None = None


Channels = Mapping[tuple[int, int], Channel]
_Rows = dict[tuple[int, int], Channel]


def _channel(layout: str, *parts: Part) -> Channel:
    return Channel(Struct("<" + layout), parts)


def _text(name: str, size: int, spell: Callable[[bytes], str]) -> Channel:
    return Channel(Struct(f"<{size}s"), (Part(name),), spell)


def _state(name: str, *texts: str) -> Part:
    return Part(name, texts=dict(enumerate(texts)))


def _nibbles(raw: bytes) -> str:
    return f"v{raw[0] >> 4}.{raw[0] & 15}"


def _hardware(raw: bytes) -> str:
    return f"v{raw[0]}.{raw[1] >> 4}"


def _pair(raw: bytes) -> str:
    return f"v{raw[0]}.{raw[1]}"


_NO_16: Final = frozenset({0xFFFF, 0xFFFD})
"""A 16-bit value that failed (0xFFFF) or is out of the sensor's range (0xFFFD)."""

_TEMPERATURE: Final = Part("temperature", 10)
_TEMPERATURE_ALARM: Final = Part("temperature_alarm")
_HUMIDITY: Final = Part("humidity", 2)
_DISTANCE: Final = Part("distance", none=_NO_16)
_LEAK: Final = _state("leakage_status", "normal", "leak")
_MAGNET: Final = _state("magnet_status", "close", "open")
_GPIO: Final = _state("gpio", "low", "high")
_POSITION: Final = _state("position", "normal", "tilt")
_TIME: Final = Part("timestamp")
SHARED: Final[_Rows] = {
    (0x01, 0x75): _channel("B", Part("battery")),
    (0x03, 0x67): _channel("h", _TEMPERATURE),
    (0x04, 0x68): _channel("B", _HUMIDITY),
    # what a device says of itself after it joined
    (0xFF, 0x01): _text("ipso_version", 1, _nibbles),
    (0xFF, 0x08): _text("sn", 6, bytes.hex),
    (0xFF, 0x09): _text("hardware_version", 2, _hardware),
    (0xFF, 0x0A): _text("firmware_version", 2, _pair),
    (0xFF, 0x0B): _channel("B", Part("device_status", texts={0xFF: "on"})),
    (0xFF, 0x0F): _channel("B", _state("lorawan_class", "Class A", "Class B", "Class C", "Class CtoB")),
    (0xFF, 0x16): _text("sn", 8, bytes.hex),
    (0xFF, 0xFE): _channel("B", Part("reset_event", texts={0: "normal", 0xFF: "reset"})),
    (0xFF, 0xFF): _text("tsl_version", 2, _pair),
    # answers to a downlink
    (0xFF, 0x03): _channel("H", Part("report_interval")),
    (0xFE, 0x03): _channel("H", Part("report_interval")),
    (0xFF, 0x68): _channel("B", _state("history_enable", "disable", "enable")),
    (0xFF, 0x69): _channel("B", _state("retransmit_enable", "disable", "enable")),
}
"""What all families have."""

_UDL: Final[_Rows] = {
    (0x03, 0x82): _channel("H", _DISTANCE),
    (0x20, 0xCE): _channel("IH", _TIME, _DISTANCE),
}
_EM300: Final[_Rows] = {
    (0x05, 0x00): _channel("B", _LEAK),
    (0x06, 0x00): _channel("B", _MAGNET),
}
_AIR: Final[_Rows] = {
    (0x05, 0x7D): _channel("H", Part("co2", none=_NO_16)),
    (0x06, 0x73): _channel("H", Part("pressure", 10, none=_NO_16)),
    (0x20, 0xCE): _channel(
        "IHHhB",
        _TIME,
        Part("co2", none=_NO_16),
        Part("pressure", 10, none=_NO_16),
        _TEMPERATURE,
        _HUMIDITY,
    ),
}
_AM: Final[_Rows] = {
    (0x06, 0x65): _channel("HHH", Part("illumination"), Part("infrared_and_visible"), Part("infrared")),
    (0x06, 0xCB): _channel("B", Part("light_level")),
    (0x07, 0x7D): _channel("H", Part("co2", none=_NO_16)),
    (0x08, 0x7D): _channel("H", Part("tvoc", none=_NO_16)),
    (0x09, 0x73): _channel("H", Part("pressure", 10, none=_NO_16)),
    (0x0A, 0x7D): _channel("H", Part("hcho", 100, none=_NO_16)),
    (0x0B, 0x7D): _channel("H", Part("pm2.5", none=_NO_16)),
    (0x0C, 0x7D): _channel("H", Part("pm10", none=_NO_16)),
    (0x0D, 0x7D): _channel("H", Part("o3", 100, none=_NO_16)),
    (0x0E, 0x01): _channel("B", _state("beep", "no", "yes")),
}
_AMPERES: Final = _channel(
    "HHHB",
    Part("current_max", 100, none=_NO_16),
    Part("current_min", 100, none=_NO_16),
    Part("current", 100, none=_NO_16),
    Part("current_alarm"),
)
_PROBE: Final = Part("temperature", 10, none=frozenset({-1, -3}))
"""Beyond its range it says 0xFFFD, and unread 0xFFFF; to others these are -0.3 and -0.1 degrees."""

_WATER: Final = (Part("water_conv", 10), Part("pulse_conv", 10), Part("water"))
"""A meter's pulses, turned into water by the two factors that the device was set to."""

_PLACE: Final = (
    Part("longitude", 1_000_000),
    Part("latitude", 1_000_000),
    Part("motion_status"),
)

FAMILIES: Final[Mapping[str, Channels]] = MappingProxyType(
    {
        "em300": SHARED | _EM300,
        "em300-th": SHARED | {(0x20, 0xCE): _channel("IhB", _TIME, _TEMPERATURE, _HUMIDITY)},
        "em300-sld": SHARED | _EM300 | {(0x20, 0xCE): _channel("IhBB", _TIME, _TEMPERATURE, _HUMIDITY, _LEAK)},
        "em300-mcs": SHARED | _EM300 | {(0x20, 0xCE): _channel("IhBB", _TIME, _TEMPERATURE, _HUMIDITY, _MAGNET)},
        "em300-di": SHARED
        | {
            (0x05, 0x00): _channel("B", _GPIO),
            (0x05, 0xC8): _channel("I", Part("pulse")),
            (0x05, 0xE1): _channel("HHf", *_WATER),
            (0x85, 0x00): _channel("BB", _GPIO, Part("gpio_alarm")),
            (0x85, 0xE1): _channel("HHfB", *_WATER, Part("water_alarm")),
        },
        "em310-udl": SHARED | _UDL | {(0x04, 0x00): _channel("B", _POSITION)},
        "em310-tilt": SHARED
        | {
            (0x03, 0xD4): _channel(
                "hhhB", Part("angle_x", 100), Part("angle_y", 100), Part("angle_z", 100), Part("threshold_flags")
            )
        },
        "em400": SHARED
        | {
            (0x04, 0x82): _channel("H", _DISTANCE),
            (0x05, 0x00): _channel("B", _POSITION),
            (0x83, 0x67): _channel("hB", _TEMPERATURE, _TEMPERATURE_ALARM),
            (0x84, 0x82): _channel("HB", _DISTANCE, Part("distance_alarm")),
        },
        "em500-co2": SHARED | _AIR,
        "em500-lgt": SHARED
        | {
            (0x03, 0x94): _channel("I", Part("illumination")),
            (0x20, 0xCE): _channel("II", _TIME, Part("illumination")),
        },
        "em500-pt100": SHARED | {(0x20, 0xCE): _channel("Ih", _TIME, _TEMPERATURE)},
        "em500-smtc": SHARED
        | {
            (0x04, 0xCA): _channel("H", Part("soil_moisture", 100, none=_NO_16)),
            (0x04, 0x68): _channel("B", Part("soil_moisture", 2)),
            (0x05, 0x7F): _channel("H", Part("conductivity", none=_NO_16)),
        },
        "em500-swl": SHARED
        | {
            (0x03, 0x77): _channel("H", Part("level", none=_NO_16)),
            (0x20, 0xCE): _channel("IH", _TIME, Part("level", none=_NO_16)),
        },
        "em500-udl": SHARED | _UDL,
        "am100": SHARED | _AM | {(0x05, 0x6A): _channel("H", Part("activity"))},
        "am300": SHARED
        | _AM
        | {
            (0x05, 0x00): _channel("B", _state("activity", "idle", "trigger")),
            # `tvoc` as well to its maker, and in another unit
            (0x08, 0xE6): _channel("H", Part("tvoc_ug_m3", none=_NO_16)),
        },
        "at101": SHARED
        | {
            (0x04, 0x88): _channel("iiB", *_PLACE),
            (0x05, 0x00): _channel("B", _POSITION),
            # a network in sight; its address (6 bytes) is nobody's measurement
            (0x06, 0xD9): _channel("B6xbB", Part("group"), Part("rssi"), Part("motion")),
            (0x07, 0x00): _channel("B", _state("tamper_status", "install", "uninstall")),
            (0x20, 0xCE): _channel("Iii", _TIME, *_PLACE[:2]),
            (0x83, 0x67): _channel("hB", _TEMPERATURE, _TEMPERATURE_ALARM),
        },
        "ct101": SHARED
        | {
            (0x03, 0x97): _channel("I", Part("total_current", 100)),
            (0x04, 0x99): _channel("H", Part("current", 10, none=_NO_16)),
            (0x09, 0x67): _channel("h", _PROBE),
            (0x84, 0x98): _AMPERES,
            (0x89, 0x67): _channel("hB", _PROBE, _TEMPERATURE_ALARM),
        },
        "ws201": SHARED
        | {
            (0x03, 0x82): _channel("H", _DISTANCE),
            (0x04, 0xD6): _channel("B", Part("remaining")),
        },
        "ws301": SHARED
        | {
            (0x03, 0x00): _channel("B", _MAGNET),
            (0x04, 0x00): _channel("B", _state("tamper_status", "installed", "uninstalled")),
        },
        "ws302": SHARED | {(0x05, 0x5B): _channel("7s", Part("sound"))},
    }
)
"""Family, as the codec's name has it behind `milesight-`, to its channels; they use the same numbers differently."""

CURRENT_ALARMS: Final = (
    "current_threshold_alarm",
    "current_threshold_alarm_release",
    "current_over_range_alarm",
    "current_over_range_alarm_release",
)
"""The bits of `current_alarm`, from the lowest."""

MOTION: Final = ("unknown", "start", "moving", "stop")
GEOFENCE: Final = ("inside", "outside", "unset", "unknown")
"""The lower and the upper half of a tracker's status byte."""

YES_NO: Final = ("no", "yes")
