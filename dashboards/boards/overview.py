"""The city at a glance: what an operator looks at first."""

from typing import Final

from city.catalog import FIELD_KINDS, PLATFORM
from dashboards.panels import bars, device_map, how_many, label_of, lines, newest, over, stat, table
from dashboards.spec import Across, Board, Group, LastSeen, Panel, Section, Text

_WHOLE_PROVINCE = Text("Counted for the whole province alone.", "นับเฉพาะทั้งจังหวัด")


def _devices(key: str, quantity: str, meaning: Text) -> Panel:
    row = label_of(quantity)
    said = Text(
        f"Devices by their newest value, which should be no older than three cadences of their kind. {meaning.en}",
        f"อุปกรณ์ตามค่าล่าสุด ซึ่งไม่ควรเก่ากว่าสามรอบของประเภท {meaning.th}",
    )
    source = newest(PLATFORM, quantity, Group.ALL, Across.MAX)
    return stat(key, row, said, source, width=8, empty=_WHOLE_PROVINCE)


BOARD: Final = Board(
    "overview",
    Text("City overview", "ภาพรวมเมือง"),
    Text(
        "Air, water, traffic and silent devices of the province on one page.",
        "อากาศ น้ำ การจราจร และอุปกรณ์ที่เงียบหายของจังหวัดในหน้าเดียว",
    ),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "pm2_5_now",
                    Text("PM2.5 now", "PM2.5 ขณะนี้"),
                    Text(
                        "Mean of the newest value of every air station, in the colours of the Thai air quality index.",
                        "ค่าเฉลี่ยของค่าล่าสุดจากทุกสถานีอากาศ ตามสีดัชนีคุณภาพอากาศของไทย",
                    ),
                    newest("air_quality", "pm2_5", Group.ALL),
                ),
                stat(
                    "pm2_5_worst",
                    Text("PM2.5, worst station", "PM2.5 สถานีที่แย่ที่สุด"),
                    Text("Highest of the stations' newest values.", "ค่าล่าสุดที่สูงที่สุดในบรรดาสถานี"),
                    newest("air_quality", "pm2_5", Group.ALL, Across.MAX),
                ),
                stat(
                    "rain_now",
                    Text("Heaviest rain now", "ฝนหนักที่สุดขณะนี้"),
                    Text("Highest intensity that any gauge shows.", "ความเข้มฝนสูงสุดจากมาตรวัดทั้งหมด"),
                    newest("rain", "rain_rate", Group.ALL, Across.MAX),
                ),
                stat(
                    "traffic_speed",
                    Text("Traffic speed", "ความเร็วการจราจร"),
                    Text("Mean of the counting sites' newest speeds.", "ค่าเฉลี่ยความเร็วล่าสุดจากจุดนับรถ"),
                    newest("traffic", "speed", Group.ALL),
                ),
                stat(
                    "free_spaces",
                    label_of("spaces_free"),
                    Text("Free spaces of all car parks together.", "ช่องว่างรวมของที่จอดรถทั้งหมด"),
                    newest("parking", "spaces_free", Group.ALL, Across.SUM),
                ),
                stat(
                    "people",
                    label_of("people_count"),
                    Text("People counted at all sites together.", "จำนวนคนรวมจากทุกจุดนับ"),
                    newest("crowd", "people_count", Group.ALL, Across.SUM),
                ),
            ),
        ),
        Section(
            Text("Devices", "อุปกรณ์"),
            (
                _devices("silent_now", "devices_silent", Text("Older than that.", "ไม่ส่งนานกว่านั้น")),
                _devices("heard_now", "devices_heard", Text("They speak.", "ยังส่งข้อมูลอยู่")),
                stat(
                    "vehicles_heard",
                    Text("Vehicles heard in the range", "ยานพาหนะที่ได้ยินในช่วงเวลา"),
                    Text("Vehicles that said anything in the range.", "ยานพาหนะที่ส่งข้อมูลในช่วงเวลานี้"),
                    how_many("vehicle", "speed", Text("vehicles", "คัน")),
                    width=8,
                ),
            ),
        ),
        Section(
            Text("Where", "ที่ไหน"),
            (
                device_map(
                    "map",
                    Text("Air and water on the map", "อากาศและน้ำบนแผนที่"),
                    Text(
                        "Air stations coloured by PM2.5, river gauges by level. A click leads to the device.",
                        "สถานีอากาศแสดงสีตาม PM2.5 และมาตรวัดน้ำตามระดับน้ำ คลิกเพื่อดูอุปกรณ์",
                    ),
                    newest("air_quality", "pm2_5"),
                    newest("water_level", "level"),
                ),
                table(
                    "silent",
                    Text("Silent longest", "เงียบนานที่สุด"),
                    Text(
                        "When each device measured last, the longest silence first. Devices that said nothing in the "
                        "whole range are missing: widen it.",
                        "เวลาที่อุปกรณ์วัดครั้งล่าสุด เรียงจากที่เงียบนานที่สุด อุปกรณ์ที่ไม่ส่งเลยในช่วงเวลานี้จะไม่แสดง ให้ขยายช่วงเวลา",
                    ),
                    LastSeen(tuple(FIELD_KINDS)),
                ),
            ),
        ),
        Section(
            Text("How it goes", "แนวโน้ม"),
            (
                lines(
                    "pm2_5",
                    Text("PM2.5 by district", "PM2.5 ตามอำเภอ"),
                    Text("Mean of a district's stations.", "ค่าเฉลี่ยของสถานีในอำเภอ"),
                    over("air_quality", "pm2_5", Group.DISTRICT),
                ),
                lines(
                    "water",
                    Text("Water levels", "ระดับน้ำ"),
                    Text(
                        "Above mean sea level; gauges stand at different heights.",
                        "เทียบระดับทะเลปานกลาง แต่ละมาตรวัดอยู่สูงต่างกัน",
                    ),
                    over("water_level", "level"),
                ),
                lines(
                    "vehicles",
                    Text("Vehicles counted by district", "จำนวนรถตามอำเภอ"),
                    Text(
                        "Counted in each interval, all sites of a district together.", "จำนวนในแต่ละช่วง รวมทุกจุดในอำเภอ"
                    ),
                    over("traffic", "vehicle_count", Group.DISTRICT, Across.SUM),
                ),
                bars(
                    "occupancy",
                    Text("Road occupancy by district", "การครอบครองช่องทางตามอำเภอ"),
                    Text("Newest values, mean of a district's sites.", "ค่าล่าสุดเฉลี่ยตามอำเภอ"),
                    newest("traffic", "lane_occupancy", Group.DISTRICT),
                    width=12,
                ),
            ),
        ),
    ),
)
