"""The logistic hub: docks, their doors and stays, and containers in the yard."""

from typing import Final

from dashboards.panels import bars, device_map, how_many, label_of, lines, newest, over, stat, states, table
from dashboards.spec import Across, Board, Group, Section, Text, Where

_NONE = Text("None right now.", "ขณะนี้ไม่มี")
_DOCKS = Text("docks", "ท่า")

BOARD: Final = Board(
    "hub",
    Text("Logistic hub", "ศูนย์โลจิสติกส์"),
    Text("Which dock is free, and how full is the yard?", "ท่าไหนว่าง และลานเต็มแค่ไหน"),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "occupied",
                    Text("Docks taken", "ท่าที่ใช้งาน"),
                    Text("Docks at which a lorry stands.", "ท่าที่มีรถจอด"),
                    how_many("dock", "occupied", _DOCKS, Where(">=", 0.5)),
                    empty=_NONE,
                ),
                stat(
                    "free",
                    Text("Docks free", "ท่าว่าง"),
                    Text("Docks without a lorry.", "ท่าที่ไม่มีรถจอด"),
                    how_many("dock", "occupied", _DOCKS, Where("<", 0.5)),
                    empty=_NONE,
                ),
                stat(
                    "doors",
                    label_of("door_open"),
                    Text("Docks whose door is open.", "ท่าที่ประตูเปิด"),
                    how_many("dock", "door_open", _DOCKS, Where(">=", 0.5)),
                    empty=_NONE,
                ),
                stat(
                    "containers",
                    Text("Containers heard", "ตู้สินค้าที่ได้ยิน"),
                    Text("Containers that said anything in the range.", "ตู้ที่ส่งข้อมูลในช่วงเวลานี้"),
                    how_many("container", "weight", Text("containers", "ตู้")),
                ),
                stat(
                    "weight",
                    label_of("weight"),
                    Text("All containers together.", "ตู้สินค้าทั้งหมดรวมกัน"),
                    newest("container", "weight", Group.ALL, Across.SUM),
                    width=8,
                ),
            ),
        ),
        Section(
            Text("Docks", "ท่าขนถ่าย"),
            (
                states(
                    "stays",
                    Text("Stays", "การเข้าจอด"),
                    Text("When a lorry stood at each dock.", "ช่วงเวลาที่มีรถจอดแต่ละท่า"),
                    over("dock", "occupied"),
                ),
                states(
                    "dock_doors",
                    label_of("door_open"),
                    Text("When each dock's door was open.", "ช่วงเวลาที่ประตูท่าเปิด"),
                    over("dock", "door_open"),
                ),
                lines(
                    "taken",
                    Text("Docks taken over time", "จำนวนท่าที่ใช้งานตามเวลา"),
                    Text("All docks together, by firm.", "รวมทุกท่าตามบริษัท"),
                    over("dock", "occupied", Group.OWNER, Across.SUM),
                ),
                table(
                    "docks",
                    Text("Docks", "ท่าขนถ่าย"),
                    Text("Newest state of each.", "สถานะล่าสุดของแต่ละท่า"),
                    newest("dock", "occupied"),
                    newest("dock", "door_open"),
                ),
            ),
        ),
        Section(
            Text("Yard", "ลานตู้สินค้า"),
            (
                device_map(
                    "map",
                    Text("Containers on the map", "ตู้สินค้าบนแผนที่"),
                    Text("Last known place of each container.", "ตำแหน่งล่าสุดของแต่ละตู้"),
                    newest("container", "weight"),
                ),
                table(
                    "yard",
                    Text("Containers", "ตู้สินค้า"),
                    Text("Newest values of each container.", "ค่าล่าสุดของแต่ละตู้"),
                    *(
                        newest("container", key)
                        for key in ("weight", "temperature", "humidity", "door_open", "battery")
                    ),
                ),
                bars(
                    "weight_by_owner",
                    Text("Weight by firm", "น้ำหนักตามบริษัท"),
                    Text("Containers of each firm added up.", "ผลรวมน้ำหนักตู้ของแต่ละบริษัท"),
                    newest("container", "weight", Group.OWNER, Across.SUM),
                    width=24,
                ),
            ),
        ),
    ),
    hours=12,
)
