"""Air: particles and gases in the colours of the Thai index, and the weather that carries them."""

from typing import Final

from city.catalog import QUANTITIES
from dashboards.panels import bars, device_map, label_of, lines, newest, over, stat, table
from dashboards.spec import Across, Board, Group, Panel, Section, Text

_BANDS = Text(
    "Coloured by the bands of the Thai air quality index, which are meant for averages over 1, 8 or 24 hours.",
    "สีตามเกณฑ์ดัชนีคุณภาพอากาศของไทย ซึ่งใช้กับค่าเฉลี่ย 1, 8 หรือ 24 ชั่วโมง",
)


def _gas(key: str) -> Panel:
    return lines(key, label_of(key), _BANDS, over("air_quality", key, Group.DISTRICT), width=6)


def _weather(key: str) -> Panel:
    row = QUANTITIES[key]
    said = Text(f"{row.en} by district, mean of its stations.", f"{row.th} เฉลี่ยของสถานีในแต่ละอำเภอ")
    return lines(f"weather_{key}", label_of(key), said, over("weather", key, Group.DISTRICT), width=8)


BOARD: Final = Board(
    "air",
    Text("Air", "อากาศ"),
    Text("Is the air good, where not, and which way is it heading?", "อากาศดีหรือไม่ ที่ไหนไม่ดี และแนวโน้มเป็นอย่างไร"),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "pm2_5_now",
                    label_of("pm2_5"),
                    Text("Mean of the stations' newest values.", "ค่าเฉลี่ยของค่าล่าสุดจากสถานี"),
                    newest("air_quality", "pm2_5", Group.ALL),
                    width=6,
                ),
                stat(
                    "pm2_5_worst",
                    Text("PM2.5, worst station", "PM2.5 สถานีที่แย่ที่สุด"),
                    Text("Highest of the stations' newest values.", "ค่าล่าสุดที่สูงที่สุดในบรรดาสถานี"),
                    newest("air_quality", "pm2_5", Group.ALL, Across.MAX),
                    width=6,
                ),
                stat(
                    "pm10_now",
                    label_of("pm10"),
                    Text("Mean of the stations' newest values.", "ค่าเฉลี่ยของค่าล่าสุดจากสถานี"),
                    newest("air_quality", "pm10", Group.ALL),
                    width=6,
                ),
                stat(
                    "ozone_now",
                    label_of("o3"),
                    Text("Mean of the stations' newest values.", "ค่าเฉลี่ยของค่าล่าสุดจากสถานี"),
                    newest("air_quality", "o3", Group.ALL),
                    width=6,
                ),
            ),
        ),
        Section(
            Text("Particles", "ฝุ่นละออง"),
            (
                device_map(
                    "map",
                    Text("PM2.5 on the map", "PM2.5 บนแผนที่"),
                    Text("Newest value of each station. A click leads to it.", "ค่าล่าสุดของแต่ละสถานี คลิกเพื่อดูสถานี"),
                    newest("air_quality", "pm2_5"),
                ),
                lines(
                    "pm2_5",
                    Text("PM2.5 by station", "PM2.5 ตามสถานี"),
                    Text(
                        "The standard is 37.5 over 24 hours, where orange begins.",
                        "ค่ามาตรฐาน 37.5 เฉลี่ย 24 ชั่วโมง เริ่มที่สีส้ม",
                    ),
                    over("air_quality", "pm2_5"),
                ),
                bars(
                    "by_district",
                    Text("PM2.5 by district", "PM2.5 ตามอำเภอ"),
                    _BANDS,
                    newest("air_quality", "pm2_5", Group.DISTRICT),
                    width=12,
                ),
                lines("pm10", label_of("pm10"), _BANDS, over("air_quality", "pm10", Group.DISTRICT)),
            ),
        ),
        Section(Text("Gases", "ก๊าซ"), tuple(map(_gas, ("o3", "co", "no2", "so2")))),
        Section(
            Text("Stations and noise", "สถานีและเสียง"),
            (
                table(
                    "stations",
                    Text("Stations", "สถานี"),
                    Text("Newest values of each station.", "ค่าล่าสุดของแต่ละสถานี"),
                    *(newest("air_quality", key) for key in ("pm2_5", "pm10", "o3", "no2", "temperature", "humidity")),
                ),
                lines(
                    "noise",
                    label_of("sound_level"),
                    Text(
                        "Mean of a district's microphones; 70 dB is the standard over 24 hours.",
                        "ค่าเฉลี่ยในอำเภอ มาตรฐาน 70 เดซิเบลเฉลี่ย 24 ชั่วโมง",
                    ),
                    over("noise", "sound_level", Group.DISTRICT),
                ),
            ),
        ),
        Section(Text("Weather", "สภาพอากาศ"), tuple(map(_weather, ("temperature", "humidity", "wind_speed")))),
    ),
    hours=24,
)
