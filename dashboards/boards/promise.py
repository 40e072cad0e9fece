"""The promise: every reading that was handed over is stored, or its absence is explained."""

from typing import Final

from city.catalog import PLATFORM, Aggregate
from city.outcomes import COUNTED
from dashboards.panels import label_of, lines, newest, over
from dashboards.spec import Account, Across, Board, Group, Panel, Plot, Readings, Section, Span, Text, Variable

_FIGURES = (*COUNTED, "pending", "missing")
_OUT_OF_BALANCE = Text("Out of balance", "ไม่สมดุล")
_DESCRIPTIONS = {
    "received": Text("Readings that came in, over the range.", "ข้อมูลที่รับเข้ามาในช่วงเวลา"),
    "stored": Text("Readings that the store has confirmed.", "ข้อมูลที่ระบบจัดเก็บยืนยันแล้ว"),
    "duplicate": Text("Readings that came again and were known.", "ข้อมูลที่ส่งซ้ำ"),
    "quarantined": Text("Readings held with a reason; they can be tried again.", "ข้อมูลที่กักไว้พร้อมเหตุผล ลองใหม่ได้"),
    "rejected": Text("Readings that the store refuses for ever, held with the reason.", "ข้อมูลที่ระบบจัดเก็บปฏิเสธถาวร"),
    "merged": Text("Readings whose instant a later one of the same flush has too.", "ข้อมูลที่เวลาซ้ำกันและถูกรวมเป็นค่าเดียว"),
    "pending": Text("Readings on disk at gateways, without a receipt yet.", "ข้อมูลในเกตเวย์ที่ยังไม่ได้ใบรับ"),
    "missing": Text("Readings in packs that are missing between packs that came.", "ข้อมูลในชุดที่หายไประหว่างชุดที่ได้รับ"),
}


def _number(figure: str) -> Panel:
    return Panel(
        figure, label_of(f"readings_{figure}"), _DESCRIPTIONS[figure], Plot.STAT, (Account(figure),), 3, 4, drill=False
    )


def _hours(figure: str) -> Readings:
    return Readings(PLATFORM, f"readings_{figure}", Span.BUCKETS, Group.ALL, Aggregate.SUM, Across.SUM, every_s=3600)


BOARD: Final = Board(
    "promise",
    Text("The promise", "คำมั่น"),
    Text(
        "Every reading that was handed over is stored, or its absence is explained: the ledger shows it.",
        "ข้อมูลทุกค่าที่ส่งมอบถูกจัดเก็บ หรือมีคำอธิบายหากไม่มี: บัญชีแสดงให้เห็น",
    ),
    (
        Section(
            Text("The ledger over the range", "บัญชีในช่วงเวลา"),
            (
                *map(_number, _FIGURES),
                Panel(
                    "difference",
                    _OUT_OF_BALANCE,
                    Text(
                        "Received less stored, merged, duplicate, quarantined and rejected: always 0.",
                        "รับแล้ว ลบ จัดเก็บ ซ้ำ กักไว้ และปฏิเสธ: ต้องเป็น 0 เสมอ",
                    ),
                    Plot.STAT,
                    (Account("difference", label=_OUT_OF_BALANCE),),
                    3,
                    4,
                    drill=False,
                ),
            ),
        ),
        Section(
            Text("By gateway", "ตามเกตเวย์"),
            (
                Panel(
                    "gateways",
                    Text("Gateways", "เกตเวย์"),
                    Text(
                        "The ledger of each gateway; `direct` are devices that publish themselves.",
                        "บัญชีของแต่ละเกตเวย์ `direct` คืออุปกรณ์ที่ส่งเอง",
                    ),
                    Plot.TABLE,
                    tuple(Account(figure, by_gateway=True) for figure in _FIGURES),
                    24,
                    8,
                ),
                lines(
                    "lag",
                    label_of("end_to_end_latency"),
                    Text(
                        "Longest wait of what was stored in each interval; late data after an outage shows here.",
                        "เวลารอนานสุดของข้อมูลที่จัดเก็บ ข้อมูลล่าช้าหลังเหตุขัดข้องจะปรากฏที่นี่",
                    ),
                    over(PLATFORM, "end_to_end_latency"),
                ),
                lines(
                    "pending_over_time",
                    label_of("spool_readings"),
                    Text(
                        "What each gateway holds on disk; it grows while the way to the city is cut, then drains.",
                        "ข้อมูลที่เกตเวย์เก็บไว้ เพิ่มเมื่อเส้นทางขาด แล้วลดลงเมื่อกลับมา",
                    ),
                    over(PLATFORM, "spool_readings"),
                ),
            ),
        ),
        Section(
            Text("Hour by hour", "รายชั่วโมง"),
            (
                Panel(
                    "hours",
                    Text("What became of readings", "ผลของข้อมูล"),
                    Text(
                        "Counts of each hour; a redrive corrects the hour in which the reading came.",
                        "จำนวนรายชั่วโมง การลองใหม่แก้ไขชั่วโมงที่รับข้อมูล",
                    ),
                    Plot.COLUMNS,
                    tuple(map(_hours, _FIGURES[1:5])),
                    16,
                    8,
                    drill=False,
                ),
                Panel(
                    "online",
                    label_of("gateway_online"),
                    Text("By each gateway's last status; its will says when it is gone.", "ตามสถานะล่าสุดของเกตเวย์"),
                    Plot.BARS,
                    (newest(PLATFORM, "gateway_online"),),
                    8,
                    8,
                ),
            ),
        ),
    ),
    variables=(Variable.PROVINCE, Variable.DEVICE),
    hours=24,
)
