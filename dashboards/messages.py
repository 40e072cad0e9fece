"""Words that printers add to what boards say, in the languages of the boards."""

from typing import Final

from dashboards.spec import Text, Variable

FOLDER: Final = Text("Korat (English)", "โคราช (ไทย)")
ALERTS: Final = "Korat alerts"
"""A folder of its own: two provisioners that make the same one would give it two uids."""

BOARDS: Final = Text("Boards", "แดชบอร์ด")
OPEN_DEVICE: Final = Text("Open the device", "เปิดดูอุปกรณ์")
NOTHING: Final = Text("Nothing in this range", "ไม่มีข้อมูลในช่วงเวลานี้")
DEVICE: Final = Text("Device", "อุปกรณ์")
ALL: Final = Text("All", "ทั้งหมด")
VARIABLES: Final[dict[Variable, Text]] = {
    Variable.PROVINCE: Text("Province", "จังหวัด"),
    Variable.DISTRICT: Text("District", "อำเภอ"),
    Variable.OWNER: Text("Firm", "บริษัท"),
    Variable.DEVICE: DEVICE,
    Variable.KIND: Text("Kind", "ประเภท"),
    Variable.QUANTITY: Text("Quantity", "ปริมาณ"),
}
