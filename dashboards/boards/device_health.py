"""Device health: who fell silent, whose battery ends, who hears badly, and who keeps the cadence."""

from typing import Final

from city.catalog import FIELD_KINDS, KINDS, NAMED_KINDS
from dashboards.panels import kind_label, newest, table
from dashboards.spec import Board, CadenceKept, LastSeen, Panel, Plot, Section, Text

_BATTERIES = tuple(kind.key for kind in FIELD_KINDS.values() if "battery" in kind.quantities)
_SIGNALS = ("rssi", "snr")
_RADIOS = ("water_level", "waste_bin", "noise")


def _battery(kind: str) -> Panel:
    said = Text("Below 15 % somebody must go there soon.", "ต่ำกว่า 15 % ต้องเปลี่ยนเร็ว ๆ นี้")
    return Panel(f"battery_{kind}", kind_label(kind), said, Plot.BARS, (newest(kind, "battery"),), 6, 7)


def _signal(kind: str) -> Panel:
    return table(
        f"signal_{kind}",
        kind_label(kind),
        Text(
            "How well gateways hear each device: weak signals lose frames.",
            "เกตเวย์ได้ยินอุปกรณ์ชัดเพียงใด สัญญาณอ่อนทำให้ข้อมูลหาย",
        ),
        *(newest(kind, key) for key in _SIGNALS),
        width=8,
        empty=Text("Only devices that are heard by radio have a signal.", "มีเฉพาะอุปกรณ์ที่ส่งทางวิทยุ"),
    )


def _kept(kind: str) -> Panel:
    row = KINDS[kind]
    said = Text(
        f"Share of the expected readings over the range; one is expected every {row.cadence_s} s.",
        f"สัดส่วนข้อมูลที่ได้รับในช่วงเวลา คาดหวังหนึ่งค่าทุก {row.cadence_s} วินาที",
    )
    return Panel(
        f"kept_{kind}",
        kind_label(kind),
        said,
        Plot.BARS,
        (CadenceKept(kind, row.quantities[0]),),
        6,
        7,
    )


BOARD: Final = Board(
    "device-health",
    Text("Device health", "สุขภาพอุปกรณ์"),
    Text("Which device needs a visit?", "อุปกรณ์ใดต้องไปดูแล"),
    (
        Section(
            Text("Last measurement", "การวัดครั้งล่าสุด"),
            (
                table(
                    "heard",
                    Text("Last measurement", "การวัดครั้งล่าสุด"),
                    Text(
                        "When each device measured last, the longest silence first. Widen the range to see those that "
                        "have been silent for longer.",
                        "เวลาที่แต่ละอุปกรณ์วัดครั้งล่าสุด เรียงจากที่เงียบนานที่สุด ขยายช่วงเวลาเพื่อดูที่เงียบนานกว่า",
                    ),
                    LastSeen(tuple(FIELD_KINDS)),
                    width=24,
                ),
            ),
        ),
        Section(Text("Batteries", "แบตเตอรี่"), tuple(map(_battery, _BATTERIES))),
        Section(Text("Signal", "สัญญาณ"), tuple(map(_signal, _RADIOS))),
        Section(Text("Cadence kept", "ความสม่ำเสมอ"), tuple(map(_kept, NAMED_KINDS))),
    ),
    hours=24,
)
