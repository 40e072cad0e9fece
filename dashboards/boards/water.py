"""Water and rain: levels, discharge, intensity and what has fallen."""

from typing import Final

from dashboards.panels import bars, device_map, label_of, lines, newest, over, stat, table, total
from dashboards.spec import Across, Board, Group, Section, Text

BOARD: Final = Board(
    "water",
    Text("Water and rain", "น้ำและฝน"),
    Text("Does water rise, and is more on its way?", "น้ำกำลังขึ้นหรือไม่ และจะมีมาเพิ่มอีกไหม"),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "rain_now",
                    Text("Heaviest rain now", "ฝนหนักที่สุดขณะนี้"),
                    Text("Highest intensity that any gauge shows.", "ความเข้มฝนสูงสุดจากมาตรวัดทั้งหมด"),
                    newest("rain", "rain_rate", Group.ALL, Across.MAX),
                    width=8,
                ),
                stat(
                    "rain_mean",
                    Text("Rain now, mean", "ฝนเฉลี่ยขณะนี้"),
                    Text("Mean of the gauges' newest intensity.", "ค่าเฉลี่ยความเข้มฝนล่าสุด"),
                    newest("rain", "rain_rate", Group.ALL),
                    width=8,
                ),
                stat(
                    "flow",
                    Text("Largest discharge", "อัตราการไหลสูงสุด"),
                    Text("Highest of the gauges' newest values.", "ค่าล่าสุดที่สูงที่สุดจากมาตรวัด"),
                    newest("water_level", "flow", Group.ALL, Across.MAX),
                    width=8,
                ),
            ),
        ),
        Section(
            Text("Rivers and reservoirs", "แม่น้ำและอ่างเก็บน้ำ"),
            (
                lines(
                    "level",
                    Text("Water levels", "ระดับน้ำ"),
                    Text(
                        "Above mean sea level; gauges stand at different heights.",
                        "เทียบระดับทะเลปานกลาง แต่ละมาตรวัดอยู่สูงต่างกัน",
                    ),
                    over("water_level", "level"),
                ),
                lines(
                    "discharge",
                    label_of("flow"),
                    Text(
                        "What passes each gauge; a rise here comes hours before one downstream.",
                        "ปริมาณน้ำผ่านแต่ละจุด หากเพิ่มขึ้นที่นี่จะถึงท้ายน้ำในไม่กี่ชั่วโมง",
                    ),
                    over("water_level", "flow"),
                ),
                device_map(
                    "map",
                    Text("Gauges on the map", "มาตรวัดบนแผนที่"),
                    Text("River gauges, and rain gauges coloured by intensity.", "มาตรวัดน้ำ และมาตรวัดฝนแสดงสีตามความเข้ม"),
                    newest("rain", "rain_rate"),
                    newest("water_level", "level"),
                ),
                table(
                    "gauges",
                    Text("Gauges", "มาตรวัดน้ำ"),
                    Text("Newest values of each river gauge.", "ค่าล่าสุดของแต่ละมาตรวัดน้ำ"),
                    *(newest("water_level", key) for key in ("level", "flow", "battery")),
                ),
            ),
        ),
        Section(
            Text("Rain", "ฝน"),
            (
                lines(
                    "rain_rate",
                    label_of("rain_rate"),
                    Text(
                        "Mean of a district's gauges; heavy from 35 mm an hour.", "ค่าเฉลี่ยในอำเภอ ฝนหนักตั้งแต่ 35 มม./ชม."
                    ),
                    over("rain", "rain_rate", Group.DISTRICT),
                ),
                bars(
                    "fallen",
                    Text("Fallen in the range", "ปริมาณฝนสะสมในช่วงเวลา"),
                    Text("Sum of each gauge over the range on screen.", "ผลรวมของแต่ละมาตรวัดในช่วงเวลาที่แสดง"),
                    total("rain", "rain_amount", Group.DEVICE),
                    width=12,
                ),
            ),
        ),
    ),
    hours=24,
)
