"""Energy, light, charging and waste: what the city's own installations do."""

from typing import Final

from dashboards.panels import bars, how_many, label_of, lines, newest, over, stat, states, table
from dashboards.spec import Across, Board, Group, Section, Text, Where

_NONE = Text("None right now.", "ขณะนี้ไม่มี")

BOARD: Final = Board(
    "energy",
    Text("Energy, light, charging and waste", "พลังงาน ไฟถนน สถานีชาร์จ และขยะ"),
    Text(
        "What is used, what is lit, who charges, and which bin is full?", "ใช้ไฟเท่าไร ไฟดวงไหนติด ใครกำลังชาร์จ และถังไหนเต็ม"
    ),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "power_now",
                    Text("Power of all meters", "กำลังไฟฟ้ารวมทุกมิเตอร์"),
                    Text("Newest values added up.", "ผลรวมของค่าล่าสุด"),
                    newest("energy_meter", "power", Group.ALL, Across.SUM),
                    width=6,
                ),
                stat(
                    "lamps",
                    Text("Lamps: on, heard", "ไฟถนน: ติด, ที่ได้ยิน"),
                    Text(
                        "Street lights that are on, and all that were heard in the range.",
                        "ไฟถนนที่ติด และทั้งหมดที่ส่งข้อมูลในช่วงเวลา",
                    ),
                    how_many("street_light", "lamp_on", Text("on", "ติด"), Where(">=", 0.5)),
                    how_many("street_light", "lamp_on", Text("heard", "ที่ได้ยิน")),
                    width=6,
                    empty=Text("By day no lamp is on.", "กลางวันไม่มีไฟติด"),
                ),
                stat(
                    "charging",
                    Text("Chargers: in use, heard", "สถานีชาร์จ: ใช้งาน, ที่ได้ยิน"),
                    Text("Chargers with a car, and all that were heard in the range.", "สถานีที่มีรถชาร์จ และทั้งหมดที่ส่งข้อมูล"),
                    how_many("ev_charger", "charging", Text("in use", "ใช้งาน"), Where(">=", 0.5)),
                    how_many("ev_charger", "charging", Text("heard", "ที่ได้ยิน")),
                    width=6,
                    empty=Text("Nobody may be charging.", "อาจไม่มีใครชาร์จ"),
                ),
                stat(
                    "full_bins",
                    Text("Full bins", "ถังขยะเต็ม"),
                    Text("Bins of 90 % and more.", "ถังที่เต็ม 90 % ขึ้นไป"),
                    how_many("waste_bin", "fill_level", Text("full", "เต็ม"), Where(">=", 90.0)),
                    width=6,
                    empty=_NONE,
                ),
            ),
        ),
        Section(
            Text("Meters", "มิเตอร์"),
            (
                lines(
                    "power",
                    label_of("power"),
                    Text("Mean of each interval by meter.", "ค่าเฉลี่ยแต่ละช่วงตามมิเตอร์"),
                    over("energy_meter", "power"),
                ),
                lines(
                    "voltage",
                    label_of("voltage"),
                    Text("230 V is nominal between phase and neutral.", "แรงดันระบุ 230 โวลต์ระหว่างเฟสกับนิวทรัล"),
                    over("energy_meter", "voltage"),
                ),
            ),
        ),
        Section(
            Text("Light and charging", "แสงสว่างและการชาร์จ"),
            (
                lines(
                    "light_power",
                    Text("Power of street lights by district", "กำลังไฟถนนตามอำเภอ"),
                    Text("The lamps of a district added up.", "ผลรวมของไฟถนนในอำเภอ"),
                    over("street_light", "power", Group.DISTRICT, Across.SUM),
                    width=8,
                ),
                states(
                    "chargers",
                    label_of("charging"),
                    Text("When each charger was in use.", "ช่วงเวลาที่แต่ละสถานีถูกใช้งาน"),
                    over("ev_charger", "charging"),
                    width=8,
                ),
                lines(
                    "charging_power",
                    Text("Charging power", "กำลังชาร์จ"),
                    Text("All chargers together.", "ทุกสถานีรวมกัน"),
                    over("ev_charger", "power", Group.ALL, Across.SUM),
                    width=8,
                ),
            ),
        ),
        Section(
            Text("Waste", "ขยะ"),
            (
                bars(
                    "bins",
                    label_of("fill_level"),
                    Text("Newest value of each bin.", "ค่าล่าสุดของแต่ละถัง"),
                    newest("waste_bin", "fill_level"),
                    width=12,
                ),
                table(
                    "bin_table",
                    Text("Bins", "ถังขยะ"),
                    Text("Fill level, temperature (fire) and battery.", "ระดับขยะ อุณหภูมิ (ไฟไหม้) และแบตเตอรี่"),
                    *(newest("waste_bin", key) for key in ("fill_level", "temperature", "battery")),
                ),
            ),
        ),
    ),
)
