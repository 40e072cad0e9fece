"""The fleet: where vehicles are, which move, how fast, and how much fuel they have."""

from typing import Final

from city.catalog import Aggregate
from dashboards.panels import bars, device_map, how_many, label_of, lines, newest, over, stat, states, table
from dashboards.scales import SPEED
from dashboards.spec import Board, Group, LastSeen, Readings, Section, Text, Where

_NOBODY = Text("No vehicle is so right now.", "ขณะนี้ไม่มียานพาหนะในสถานะนี้")
_CARS = Text("vehicles", "คัน")

BOARD: Final = Board(
    "fleet",
    Text("Fleet", "กองยานพาหนะ"),
    Text("Where are the vehicles, and do they move?", "ยานพาหนะอยู่ที่ไหน และกำลังวิ่งหรือไม่"),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "moving",
                    Text("Moving", "กำลังวิ่ง"),
                    Text("Vehicles whose last speed is above 5 km/h.", "ยานพาหนะที่ความเร็วล่าสุดเกิน 5 กม./ชม."),
                    how_many("vehicle", "speed", _CARS, Where(">", 5.0)),
                    empty=_NOBODY,
                ),
                stat(
                    "standing",
                    Text("Standing", "จอดนิ่ง"),
                    Text("Vehicles whose last speed is 5 km/h or less.", "ยานพาหนะที่ความเร็วล่าสุดไม่เกิน 5 กม./ชม."),
                    how_many("vehicle", "speed", _CARS, Where("<=", 5.0)),
                    empty=_NOBODY,
                ),
                stat(
                    "running",
                    Text("Engine running", "ติดเครื่องยนต์"),
                    Text(
                        "Ignition on, moving or idle; less those that move, the rest idles.",
                        "สตาร์ทเครื่อง ทั้งที่วิ่งและจอดติดเครื่อง",
                    ),
                    how_many("vehicle", "ignition", _CARS, Where(">=", 0.5)),
                    empty=_NOBODY,
                ),
                stat(
                    "speeding",
                    Text("Faster than 90 km/h", "เร็วกว่า 90 กม./ชม."),
                    Text("Vehicles whose last speed is above 90 km/h.", "ยานพาหนะที่ความเร็วล่าสุดเกิน 90 กม./ชม."),
                    how_many("vehicle", "speed", _CARS, Where(">", 90.0)),
                    empty=_NOBODY,
                ),
                stat(
                    "low_fuel",
                    Text("Little fuel", "น้ำมันเหลือน้อย"),
                    Text("Vehicles with less than 10 %.", "ยานพาหนะที่น้ำมันต่ำกว่า 10 %"),
                    how_many("vehicle", "fuel_level", _CARS, Where("<", 10.0)),
                    empty=_NOBODY,
                ),
                stat(
                    "heard",
                    Text("Heard", "ที่ได้ยิน"),
                    Text("Vehicles that said anything in the range.", "ยานพาหนะที่ส่งข้อมูลในช่วงเวลานี้"),
                    how_many("vehicle", "speed", _CARS),
                ),
            ),
        ),
        Section(
            Text("Where", "ที่ไหน"),
            (
                device_map(
                    "map",
                    Text("Vehicles on the map", "ยานพาหนะบนแผนที่"),
                    Text(
                        "Last known place, coloured by speed. A click leads to the vehicle.",
                        "ตำแหน่งล่าสุด สีตามความเร็ว คลิกเพื่อดูยานพาหนะ",
                    ),
                    newest("vehicle", "speed"),
                    width=14,
                ),
                table(
                    "vehicles",
                    Text("Vehicles", "ยานพาหนะ"),
                    Text("Newest values of each vehicle.", "ค่าล่าสุดของแต่ละคัน"),
                    *(newest("vehicle", key) for key in ("speed", "fuel_level", "odometer", "ignition")),
                    width=10,
                ),
                table(
                    "offline",
                    Text("Offline longest", "ออฟไลน์นานที่สุด"),
                    Text(
                        "When each vehicle measured last, the longest silence first: a tunnel takes minutes, a lost "
                        "tracker hours.",
                        "เวลาที่วัดครั้งล่าสุด เรียงจากที่เงียบนานที่สุด",
                    ),
                    LastSeen(("vehicle",)),
                    width=10,
                ),
                states(
                    "movement",
                    Text("Moving and standing", "วิ่งและจอด"),
                    Text(
                        "Highest speed of each interval; a gap means nothing was heard.",
                        "ความเร็วสูงสุดแต่ละช่วง ช่องว่างคือไม่มีข้อมูล",
                    ),
                    Readings("vehicle", "speed", aggregate=Aggregate.MAX),
                    width=14,
                    scale=SPEED,
                ),
            ),
        ),
        Section(
            Text("How they drive", "การขับขี่"),
            (
                lines(
                    "speed",
                    label_of("speed"),
                    Text("Mean of each interval by vehicle.", "ค่าเฉลี่ยแต่ละช่วงตามยานพาหนะ"),
                    over("vehicle", "speed"),
                    scale=SPEED,
                ),
                bars(
                    "fuel",
                    label_of("fuel_level"),
                    Text("Newest value of each vehicle.", "ค่าล่าสุดของแต่ละคัน"),
                    newest("vehicle", "fuel_level"),
                ),
                bars(
                    "fuel_by_owner",
                    Text("Fuel level by firm", "ระดับน้ำมันตามบริษัท"),
                    Text("Mean of each firm's vehicles.", "ค่าเฉลี่ยของยานพาหนะแต่ละบริษัท"),
                    newest("vehicle", "fuel_level", Group.OWNER),
                ),
            ),
        ),
    ),
)
