"""The cold chain: temperatures against what cooled goods bear, doors, shocks, and gaps left open."""

from typing import Final

from dashboards.panels import device_map, how_many, label_of, lines, newest, over, stat, states, table
from dashboards.scales import COLD
from dashboards.spec import Across, Board, CadenceKept, Group, Section, Text, Where

_NONE = Text("No load is so right now.", "ขณะนี้ไม่มีสินค้าในสถานะนี้")
_LOADS = Text("loads", "เที่ยวสินค้า")

BOARD: Final = Board(
    "cold-chain",
    Text("Cold chain", "ห่วงโซ่ความเย็น"),
    Text("Did cooled goods stay cold, and who opened the door?", "สินค้าแช่เย็นยังเย็นอยู่หรือไม่ และใครเปิดประตู"),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "too_warm",
                    Text("Warmer than 15 °C", "อุ่นเกิน 15 °C"),
                    Text(
                        "Loads whose last temperature is above what any cooled goods bear.",
                        "สินค้าที่อุณหภูมิล่าสุดสูงเกินกว่าสินค้าแช่เย็นรับได้",
                    ),
                    how_many("cargo", "temperature", _LOADS, Where(">", 15.0)),
                    width=6,
                    empty=_NONE,
                ),
                stat(
                    "open_doors",
                    label_of("door_open"),
                    Text("Loads whose door stands open.", "สินค้าที่ประตูเปิดอยู่"),
                    how_many("cargo", "door_open", _LOADS, Where(">=", 0.5)),
                    width=6,
                    empty=_NONE,
                ),
                stat(
                    "hardest_shock",
                    label_of("shock"),
                    Text("Highest of the loads' newest values.", "ค่าล่าสุดที่สูงที่สุด"),
                    newest("cargo", "shock", Group.ALL, Across.MAX),
                    width=6,
                ),
                stat(
                    "heard",
                    Text("Loads heard", "สินค้าที่ได้ยิน"),
                    Text("Loads that said anything in the range.", "สินค้าที่ส่งข้อมูลในช่วงเวลานี้"),
                    how_many("cargo", "temperature", _LOADS),
                    width=6,
                ),
            ),
        ),
        Section(
            Text("Temperatures", "อุณหภูมิ"),
            (
                lines(
                    "temperature",
                    Text("Temperature of loads", "อุณหภูมิสินค้า"),
                    Text(
                        "Coloured by what the range is made for: frozen, chilled, fruit. Where nothing was measured "
                        "the line is broken.",
                        "สีตามช่วงที่กำหนด: แช่แข็ง แช่เย็น ผลไม้ ช่วงที่ไม่มีการวัดเส้นจะขาด",
                    ),
                    over("cargo", "temperature"),
                    width=24,
                    scale=COLD,
                ),
                lines(
                    "container_temperature",
                    Text("Temperature of containers", "อุณหภูมิตู้สินค้า"),
                    Text("Cooled and plain containers in the yard.", "ตู้เย็นและตู้ธรรมดาในลาน"),
                    over("container", "temperature"),
                    scale=COLD,
                ),
                lines(
                    "humidity",
                    label_of("humidity"),
                    Text("Inside each load.", "ภายในสินค้าแต่ละเที่ยว"),
                    over("cargo", "humidity"),
                ),
            ),
        ),
        Section(
            Text("Doors and shocks", "ประตูและแรงกระแทก"),
            (
                states(
                    "doors",
                    label_of("door_open"),
                    Text("When each door stood open.", "ช่วงเวลาที่ประตูเปิด"),
                    over("cargo", "door_open"),
                ),
                lines(
                    "shock", label_of("shock"), Text("Peak of each interval.", "ค่าสูงสุดแต่ละช่วง"), over("cargo", "shock")
                ),
            ),
        ),
        Section(
            Text("Loads", "สินค้า"),
            (
                table(
                    "loads",
                    Text("Loads", "สินค้า"),
                    Text("Newest values of each load.", "ค่าล่าสุดของแต่ละเที่ยว"),
                    *(newest("cargo", key) for key in ("temperature", "humidity", "door_open", "battery")),
                ),
                table(
                    "kept",
                    Text("Unbroken record", "ความต่อเนื่องของบันทึก"),
                    Text(
                        "Share of the expected readings that is there, over the range: what an auditor asks first.",
                        "สัดส่วนข้อมูลที่ได้รับเทียบกับที่คาดไว้ในช่วงเวลา",
                    ),
                    CadenceKept("cargo", "temperature"),
                    width=6,
                ),
                device_map(
                    "map",
                    Text("Loads on the map", "สินค้าบนแผนที่"),
                    Text("Last known place, coloured by temperature.", "ตำแหน่งล่าสุด สีตามอุณหภูมิ"),
                    newest("cargo", "temperature"),
                    width=6,
                ),
            ),
        ),
    ),
    hours=24,
)
