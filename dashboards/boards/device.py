"""One device: everything that it measures. Where the other boards' links lead."""

from typing import Final

from dashboards.spec import AllQuantities, Board, Panel, Plot, Section, Text, Variable

BOARD: Final = Board(
    "device",
    Text("Device", "อุปกรณ์"),
    Text("Everything that one device measures.", "ทุกค่าที่อุปกรณ์หนึ่งวัด"),
    (
        Section(
            Text("Everything it measures", "ทุกค่าที่วัด"),
            (
                Panel(
                    "everything",
                    Text("Measured", "ค่าที่วัด"),
                    Text(
                        "One panel for each quantity; values that failed a check are not in it.",
                        "หนึ่งแผงต่อหนึ่งปริมาณ ไม่รวมค่าที่ไม่ผ่านการตรวจสอบ",
                    ),
                    Plot.TIMESERIES,
                    (AllQuantities(),),
                    12,
                    8,
                    drill=False,
                    empty=Text("This device doesn't measure it.", "อุปกรณ์นี้ไม่ได้วัดค่านี้"),
                ),
            ),
        ),
    ),
    variables=(Variable.PROVINCE, Variable.DEVICE, Variable.KIND, Variable.QUANTITY),
)
