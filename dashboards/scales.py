"""Colours by value: one table for all boards.

Air: Thailand's air quality index, Pollution Control Department, in force since 2023-06-01. Its averages are over 24
hours (PM), 8 hours (O3, CO) or one hour; a shorter mean in these colours shows where the index is heading.
"""

from typing import Final

from dashboards.spec import Band, Scale, Text

BLUE, GREEN, YELLOW, ORANGE, RED, GREY = "#3BCCFF", "#92D050", "#FFD400", "#FFA200", "#F04646", "#8E8E8E"

_AQI: Final = (
    (BLUE, Text("very good", "ดีมาก")),
    (GREEN, Text("good", "ดี")),
    (YELLOW, Text("moderate", "ปานกลาง")),
    (ORANGE, Text("starts to affect health", "เริ่มมีผลกระทบต่อสุขภาพ")),
    (RED, Text("affects health", "มีผลกระทบต่อสุขภาพ")),
)
_AQI_STARTS: Final = {
    "pm2_5": (15.1, 25.1, 37.6, 75.1),
    "pm10": (51, 81, 121, 181),
    "o3": (36, 51, 71, 121),
    "co": (4.5, 6.5, 9.1, 30.1),
    "no2": (61, 107, 171, 341),
    "so2": (101, 201, 301, 401),
}

PM2_5_STANDARD: Final = 37.5
"""ug/m3 over 24 hours."""

_FINE, _WATCH, _ACT = Text("fine", "ปกติ"), Text("watch", "เฝ้าระวัง"), Text("act", "ต้องดำเนินการ")


def _bands(starts: tuple[float, ...], styles: tuple[tuple[str, Text], ...]) -> Scale:
    return tuple(Band(start, *style) for start, style in zip((None, *starts), styles, strict=True))


def rising(watch: float, act: float) -> Scale:
    """High values are bad: from `watch` on yellow, from `act` on red."""
    return _bands((watch, act), ((GREEN, _FINE), (YELLOW, _WATCH), (RED, _ACT)))


def falling(act: float, watch: float) -> Scale:
    """Low values are bad: below `act` red, below `watch` yellow."""
    return _bands((act, watch), ((RED, _ACT), (YELLOW, _WATCH), (GREEN, _FINE)))


CADENCE_KEPT: Final = falling(60, 90)
"""Percent of the expected readings."""

PLAIN: Final[Scale] = (Band(None, BLUE, Text("no limit", "ไม่มีเกณฑ์")),)
ANY_IS_BAD: Final[Scale] = _bands((0.001,), ((GREEN, _FINE), (RED, _ACT)))
YES_IS_NOTED: Final[Scale] = _bands((0.5,), ((GREY, Text("no", "ไม่")), (BLUE, Text("yes", "ใช่"))))
YES_IS_GOOD: Final[Scale] = _bands((0.5,), ((RED, Text("no", "ไม่")), (GREEN, Text("yes", "ใช่"))))

SCALES: Final[dict[str, Scale]] = {key: _bands(starts, _AQI) for key, starts in _AQI_STARTS.items()} | {
    "rain_rate": rising(10, 35),
    "sound_level": rising(70, 85),
    "lane_occupancy": rising(30, 60),
    "spaces_free": falling(1, 10),
    "fill_level": rising(70, 90),
    "shock": rising(15, 30),
    "battery": falling(15, 30),
    "fuel_level": falling(10, 25),
    "rssi": falling(-115, -100),
    "door_open": YES_IS_NOTED,
    "occupied": YES_IS_NOTED,
    "ignition": YES_IS_NOTED,
    "charging": YES_IS_NOTED,
    "lamp_on": YES_IS_NOTED,
    "gateway_online": YES_IS_GOOD,
    "spool_fill": rising(50, 80),
    "spool_age": rising(60, 600),
    "decode_failures": ANY_IS_BAD,
    "readings_quarantined": ANY_IS_BAD,
    "readings_rejected": ANY_IS_BAD,
    "readings_missing": ANY_IS_BAD,
    "devices_silent": ANY_IS_BAD,
    "end_to_end_latency": rising(60, 300),
    "error_rate": ANY_IS_BAD,
    "request_error_rate": ANY_IS_BAD,
    "broker_dropped_rate": ANY_IS_BAD,
    "flush_duration": rising(1, 5),
    "store_duration": rising(1, 5),
    "request_duration": rising(0.5, 2),
    "process_cpu": rising(70, 90),
    "cadence_kept": CADENCE_KEPT,
    "difference": ANY_IS_BAD,
}
"""Quantity, or what is shown instead, to scale; any other is `PLAIN`."""

SPEED: Final = _bands(
    (5.0, 90.0),
    (
        (GREY, Text("standing", "จอดนิ่ง")),
        (GREEN, Text("moving", "กำลังวิ่ง")),
        (RED, Text("faster than 90 km/h", "เร็วกว่า 90 กม./ชม.")),
    ),
)
COLD: Final[Scale] = _bands(
    (-12.0, 8.0, 15.0),
    (
        (BLUE, Text("frozen", "แช่แข็ง")),
        (GREEN, Text("chilled", "แช่เย็น")),
        (YELLOW, Text("for fruit", "สำหรับผลไม้")),
        (RED, Text("warmer than cooled goods may be", "อุ่นเกินกว่าสินค้าควบคุมอุณหภูมิ")),
    ),
)
"""Cel: ranges of frozen, chilled and fruit loads, which loads are set to."""
