"""The platform itself: rate, errors and duration of each room, the broker and the store."""

from typing import Final

from city.catalog import PLATFORM, QUANTITIES
from dashboards.panels import label_of, lines, newest, over, table
from dashboards.spec import Board, Panel, Section, Text, Variable

_RATE = Text(
    "How much it does. A fall to nothing while the others go on is an outage.",
    "ปริมาณงาน หากลดเหลือศูนย์ขณะที่ส่วนอื่นทำงานคือขัดข้อง",
)
_ERRORS = Text("How often it fails; any is worth a look at its log.", "ความถี่ของข้อผิดพลาด ควรดูบันทึกเมื่อเกิดขึ้น")
_DURATION = Text(
    "How long it takes; a rise shows an overload before anything fails.", "เวลาที่ใช้ หากเพิ่มขึ้นแสดงถึงภาระเกินก่อนจะล้มเหลว"
)
_USE = Text("How much of the machine it takes.", "การใช้ทรัพยากรเครื่อง")


def _panel(key: str, said: Text, width: int = 8) -> Panel:
    return lines(key, label_of(key), said, over(PLATFORM, key), width=width)


def _skew() -> Panel:
    row = QUANTITIES["clock_skew"]
    said = Text(
        f"{row.en}: a gateway's readings are held back beyond five minutes; ingest stands still beyond two.",
        f"{row.th} เกตเวย์เร็วเกินห้านาทีข้อมูลจะถูกกักไว้ การรับข้อมูลคลาดเกินสองนาทีจะหยุดรอ",
    )
    return lines("clock_skew", label_of("clock_skew"), said, over(PLATFORM, "clock_skew"))


BOARD: Final = Board(
    "platform",
    Text("The platform itself", "ตัวแพลตฟอร์ม"),
    Text("Do all rooms work, and how close are they to their limits?", "ทุกส่วนทำงานหรือไม่ และใกล้ขีดจำกัดเพียงใด"),
    (
        Section(
            Text("Gateways", "เกตเวย์"),
            (
                _panel("readings_rate", _RATE),
                _panel("decode_failures", _ERRORS),
                _panel("spool_age", _DURATION),
                table(
                    "gateways",
                    Text("Gateways", "เกตเวย์"),
                    Text("How each gateway last saw itself.", "สถานะล่าสุดที่เกตเวย์รายงาน"),
                    *(newest(PLATFORM, key) for key in ("spool_readings", "spool_fill", "spool_age", "sources_heard")),
                ),
                _skew(),
            ),
        ),
        Section(
            Text("Ingest", "การรับข้อมูล"),
            (_panel("settled_rate", _RATE), _panel("error_rate", _ERRORS), _panel("flush_duration", _DURATION)),
        ),
        Section(
            Text("API", "เอพีไอ"),
            (
                _panel("request_rate", _RATE),
                _panel("request_error_rate", _ERRORS),
                _panel("request_duration", _DURATION),
            ),
        ),
        Section(
            Text("Broker", "โบรกเกอร์"),
            (
                _panel("broker_rate", _RATE, 6),
                _panel("broker_dropped_rate", _ERRORS, 6),
                _panel("broker_queued", Text("It grows while ingest is away.", "เพิ่มขึ้นเมื่อการรับข้อมูลหยุด"), 6),
                _panel("broker_clients", Text("Gateways, devices and rooms.", "เกตเวย์ อุปกรณ์ และส่วนต่าง ๆ"), 6),
            ),
        ),
        Section(
            Text("Store and machine", "ที่จัดเก็บและเครื่อง"),
            (
                _panel("store_duration", _DURATION, 6),
                _panel("flush_cpu", _USE, 6),
                _panel("process_cpu", _USE, 6),
                _panel("process_memory", _USE, 6),
            ),
        ),
    ),
    variables=(Variable.PROVINCE, Variable.DEVICE),
)
