"""The table of kinds: what a device of each kind measures, how often, and for whom."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from city.outcomes import COUNTED


class Workstream(StrEnum):
    """Who works with a kind."""

    SMART_CITY = "smart_city"
    LOGISTIC_HUB = "logistic_hub"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of device.

    Attributes:
        key: Name on the wire; the measurement's name in the store.
        workstream: Who works with it.
        en: English label.
        th: Thai label.
        quantities: Keys of the quantities it usually measures, none if that is not known; any other is stored as well.
        cadence_s: Seconds between two expected readings of one device.
    """

    key: str
    workstream: Workstream
    en: str
    th: str
    quantities: tuple[str, ...]
    cadence_s: int


SENSOR: Final = "sensor"
"""The kind of a device that has none yet: what it measures, and how often, is not known."""

PLATFORM: Final = "platform"
"""The kind of what the platform measures of itself: it has no place in a simulated city."""

_CITY, _HUB = Workstream.SMART_CITY, Workstream.LOGISTIC_HUB
_WEATHER = (
    "temperature",
    "humidity",
    "pressure",
    "wind_speed",
    "wind_direction",
    "solar_radiation",
    "rain_rate",
)
_AIR = ("pm2_5", "pm10", "o3", "co", "no2", "so2", "temperature", "humidity", "wind_speed", "wind_direction")
_GATEWAY = (
    "spool_readings",
    "spool_fill",
    "spool_age",
    "readings_rate",
    "sources_heard",
    "decode_failures",
    "clock_skew",
)
_LEDGER = (
    *(f"readings_{name}" for name in COUNTED),
    "readings_pending",
    "readings_missing",
    "gateway_online",
    "end_to_end_latency",
    "devices_heard",
    "devices_silent",
)
_PROCESS = ("error_rate", "process_cpu", "process_memory")
_INGEST = ("settled_rate", "flush_duration", "flush_cpu", "store_duration")
_API = ("request_rate", "request_error_rate", "request_duration")
_BROKER = ("broker_rate", "broker_dropped_rate", "broker_clients", "broker_queued")

_ROWS: Final = (
    Kind("air_quality", _CITY, "Air quality", "คุณภาพอากาศ", _AIR, 60),
    Kind("weather", _CITY, "Weather", "สภาพอากาศ", _WEATHER, 60),
    Kind("water_level", _CITY, "Water level", "ระดับน้ำ", ("level", "flow", "battery"), 300),
    Kind("rain", _CITY, "Rain", "ฝน", ("rain_rate", "rain_amount", "battery"), 60),
    Kind("traffic", _CITY, "Traffic", "การจราจร", ("vehicle_count", "speed", "lane_occupancy"), 60),
    Kind("noise", _CITY, "Noise", "เสียง", ("sound_level", "battery"), 60),
    Kind("parking", _CITY, "Parking", "ที่จอดรถ", ("spaces_free", "spaces_total"), 60),
    Kind("street_light", _CITY, "Street light", "ไฟถนน", ("lamp_on", "brightness", "power", "energy"), 300),
    Kind(
        "ev_charger",
        _CITY,
        "EV charger",
        "สถานีชาร์จรถไฟฟ้า",
        ("charging", "power", "energy", "state_of_charge"),
        60,
    ),
    Kind("waste_bin", _CITY, "Waste bin", "ถังขยะ", ("fill_level", "temperature", "battery"), 900),
    Kind("energy_meter", _CITY, "Energy meter", "มิเตอร์ไฟฟ้า", ("power", "energy", "voltage", "current"), 60),
    Kind("crowd", _CITY, "Crowd", "ฝูงชน", ("people_count",), 60),
    Kind("mapping_robot", _CITY, "Mapping robot", "หุ่นยนต์สำรวจ", ("speed", "heading", "battery", "pm2_5"), 5),
    Kind("vehicle", _HUB, "Vehicle", "ยานพาหนะ", ("speed", "heading", "odometer", "fuel_level", "ignition"), 10),
    Kind("cargo", _HUB, "Cargo", "สินค้า", ("temperature", "humidity", "shock", "door_open", "battery"), 60),
    Kind("dock", _HUB, "Dock", "ท่าขนถ่าย", ("door_open", "occupied"), 60),
    Kind(
        "container",
        _HUB,
        "Container",
        "ตู้สินค้า",
        ("temperature", "humidity", "door_open", "weight", "battery"),
        600,
    ),
    Kind(SENSOR, _CITY, "Sensor", "เซนเซอร์", (), 900),
    Kind(
        PLATFORM,
        _CITY,
        "Platform",
        "แพลตฟอร์ม",
        (*_GATEWAY, *_LEDGER, *_PROCESS, *_INGEST, *_API, *_BROKER),
        60,
    ),
)

KINDS: Final[dict[str, Kind]] = {row.key: row for row in _ROWS}

FIELD_KINDS: Final[dict[str, Kind]] = {key: row for key, row in KINDS.items() if key != PLATFORM}
"""Kinds of devices in the field."""

NAMED_KINDS: Final[dict[str, Kind]] = {key: row for key, row in FIELD_KINDS.items() if key != SENSOR}
"""Kinds that say what a device is, so what it measures and how often."""
