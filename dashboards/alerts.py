"""Alert rules as data; `dashboards.grafana.rules` prints them for Grafana's provisioning."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from city.catalog import PLATFORM
from city.outcomes import COUNTED
from city.store import layout
from dashboards.influxql import TIME, quoted, select
from dashboards.province import Province
from dashboards.scales import PM2_5_STANDARD
from dashboards.spec import Text

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class Severity(StrEnum):
    """How soon an operator has to look: now, or today."""

    CRITICAL = "critical"
    WARNING = "warning"


class NoData(StrEnum):
    """What it means when the query finds nothing: all is well, or that is the trouble itself (`noDataState`)."""

    OK = "OK"
    ALERTING = "Alerting"


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """One query over the last seconds; each series becomes one number by its last value."""

    statement: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule.

    Attributes:
        key: Its name, which never changes.
        title: What has happened.
        advice: What to do.
        query: What is compared.
        limit: Fires beyond it.
        condition: `gt` above it, `lt` below it, `outside_range` more than it away from 0.
        pending: How long it must last, such as `5m`.
        severity: How soon an operator has to look.
        board: Key of the board that shows it.
        panel: Key of the panel there.
        baseline: When given, `query` less this one is compared.
        no_data: What it means when nothing is found.
    """

    key: str
    title: Text
    advice: Text
    query: AlertQuery
    limit: float
    condition: str
    pending: str
    severity: Severity
    board: str
    panel: str
    baseline: AlertQuery | None = None
    no_data: NoData = NoData.OK


def _by_device(what: str, kind: str, seconds: int, *conditions: str) -> AlertQuery:
    return AlertQuery(select(f'{what} AS "value"', quoted(kind), [*conditions, TIME], [layout.TAG_DEVICE]), seconds)


_DIFFERENCE = " - ".join(f'sum("readings_{figure}")' for figure in COUNTED)

ALERTS: Final[tuple[Alert, ...]] = (
    Alert(
        "pm2-5",
        Text("PM2.5 above the standard", "PM2.5 เกินค่ามาตรฐาน"),
        Text(
            "The mean of 24 hours is above 37.5 ug/m3: warn the district.",
            "ค่าเฉลี่ย 24 ชั่วโมงเกิน 37.5 มคก./ลบ.ม. ควรแจ้งเตือนอำเภอ",
        ),
        _by_device('mean("pm2_5")', "air_quality", _DAY),
        PM2_5_STANDARD,
        "gt",
        "30m",
        Severity.WARNING,
        "air",
        "pm2_5",
    ),
    Alert(
        "water-rising",
        Text("Water far above its ordinary level", "ระดับน้ำสูงกว่าปกติมาก"),
        Text(
            "More than half a metre above the median of the day: look downstream.",
            "สูงกว่าค่ากลางของวันเกินครึ่งเมตร ตรวจสอบท้ายน้ำ",
        ),
        _by_device('mean("level")', "water_level", _HOUR),
        0.5,
        "gt",
        "10m",
        Severity.CRITICAL,
        "water",
        "level",
        baseline=_by_device('median("level")', "water_level", _DAY),
    ),
    Alert(
        "reefer",
        Text("Reefer out of range", "อุณหภูมิสินค้าแช่เย็นผิดปกติ"),
        Text(
            "Five degrees warmer than the median of the day: door, cooler or sensor.",
            "อุ่นกว่าค่ากลางของวันเกินห้าองศา ตรวจประตู เครื่องทำความเย็น หรือเซนเซอร์",
        ),
        _by_device('mean("temperature")', "cargo", 10 * _MINUTE),
        5.0,
        "gt",
        "15m",
        Severity.CRITICAL,
        "cold-chain",
        "temperature",
        baseline=_by_device('median("temperature")', "cargo", _DAY),
    ),
    Alert(
        "gateway-silent",
        Text("Gateway silent", "เกตเวย์เงียบหาย"),
        Text("It keeps its readings on disk: power and network first.", "ข้อมูลยังอยู่ในเกตเวย์ ตรวจไฟฟ้าและเครือข่ายก่อน"),
        _by_device('last("gateway_online")', PLATFORM, 10 * _MINUTE),
        0.5,
        "lt",
        "5m",
        Severity.CRITICAL,
        "promise",
        "online",
        no_data=NoData.ALERTING,
    ),
    Alert(
        "clock",
        Text("Clock wrong", "นาฬิกาไม่ตรง"),
        Text(
            "A gateway's: its times are wrong. Ingest's: from two minutes on it stands still, see /health/ready.",
            "เกตเวย์: เวลาของข้อมูลผิด การรับข้อมูล: จะหยุดเมื่อคลาดเกินสองนาที ดู /health/ready แล้วตั้งนาฬิกา",
        ),
        _by_device('last("clock_skew")', PLATFORM, 10 * _MINUTE),
        30.0,
        "outside_range",
        "5m",
        Severity.WARNING,
        "platform",
        "clock_skew",
        no_data=NoData.ALERTING,
    ),
    Alert(
        "ledger",
        Text("Ledger out of balance", "บัญชีไม่สมดุล"),
        Text(
            "Readings came in whose fate is unknown: keep logs and spools, and report it.",
            "มีข้อมูลที่ไม่ทราบผล เก็บบันทึกและคิวไว้ แล้วรายงาน",
        ),
        AlertQuery(select(f'{_DIFFERENCE} AS "value"', quoted(PLATFORM), [TIME], [layout.TAG_DEVICE]), _DAY),
        0.5,
        "outside_range",
        "5m",
        Severity.CRITICAL,
        "promise",
        "difference",
    ),
    Alert(
        "ingest-lag",
        Text("Readings are stored late", "ข้อมูลถูกจัดเก็บล่าช้า"),
        Text(
            "Five minutes and more from measurement to store: an outage that drains, or ingest can't follow.",
            "ช้ากว่าห้านาที อาจกำลังระบายข้อมูลค้าง หรือรับข้อมูลไม่ทัน",
        ),
        _by_device('min("end_to_end_latency")', PLATFORM, 10 * _MINUTE),
        300.0,
        "gt",
        "10m",
        Severity.WARNING,
        "promise",
        "lag",
    ),
)


def alerts_of(province: Province) -> tuple[Alert, ...]:
    """Give the rules for every province, and one for each of this one's gauges with a warning level."""
    return ALERTS + tuple(_warning(gauge, level) for gauge, level in sorted(province.warning_levels.items()))


def _warning(gauge: str, level: float) -> Alert:
    return Alert(
        f"water-{gauge}",
        Text(f"Water over its warning level at {gauge}", f"ระดับน้ำเกินเกณฑ์เตือนภัยที่ {gauge}"),
        Text(f"Above {level:g} m: warn those who live there.", f"สูงกว่า {level:g} ม. แจ้งเตือนผู้อยู่อาศัย"),
        _by_device('mean("level")', "water_level", _HOUR, f"{quoted(layout.TAG_DEVICE)} = '{gauge}'"),
        level,
        "gt",
        "10m",
        Severity.CRITICAL,
        "water",
        "level",
    )
