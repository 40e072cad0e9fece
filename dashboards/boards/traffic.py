"""Traffic and parking: flow, speed, occupancy, free spaces and crowds."""

from typing import Final

from dashboards.panels import bars, device_map, label_of, lines, newest, over, stat, table, total
from dashboards.spec import Across, Board, Group, Section, Text

BOARD: Final = Board(
    "traffic",
    Text("Traffic and parking", "การจราจรและที่จอดรถ"),
    Text("Where does it jam, and where can one park?", "ติดขัดที่ไหน และจอดรถได้ที่ไหน"),
    (
        Section(
            Text("Now", "ขณะนี้"),
            (
                stat(
                    "speed_now",
                    label_of("speed"),
                    Text("Mean of the counting sites' newest speeds.", "ค่าเฉลี่ยความเร็วล่าสุดจากจุดนับรถ"),
                    newest("traffic", "speed", Group.ALL),
                    width=6,
                ),
                stat(
                    "counted",
                    label_of("vehicle_count"),
                    Text("Sum over the range, all sites together.", "ผลรวมในช่วงเวลา ทุกจุดรวมกัน"),
                    total("traffic", "vehicle_count"),
                    width=6,
                ),
                stat(
                    "spaces",
                    Text("Parking spaces: free, all", "ช่องจอด: ว่าง, ทั้งหมด"),
                    Text("All car parks together.", "ที่จอดรถทั้งหมดรวมกัน"),
                    newest("parking", "spaces_free", Group.ALL, Across.SUM),
                    newest("parking", "spaces_total", Group.ALL, Across.SUM),
                    width=6,
                ),
                stat(
                    "people",
                    label_of("people_count"),
                    Text("People counted at all sites together.", "จำนวนคนรวมจากทุกจุดนับ"),
                    newest("crowd", "people_count", Group.ALL, Across.SUM),
                    width=6,
                ),
            ),
        ),
        Section(
            Text("Roads", "ถนน"),
            (
                device_map(
                    "map",
                    Text("Road occupancy on the map", "การครอบครองช่องทางบนแผนที่"),
                    Text("Newest value of each counting site.", "ค่าล่าสุดของแต่ละจุดนับ"),
                    newest("traffic", "lane_occupancy"),
                ),
                lines(
                    "flow",
                    Text("Vehicles counted by district", "จำนวนรถตามอำเภอ"),
                    Text(
                        "Counted in each interval, all sites of a district together.", "จำนวนในแต่ละช่วง รวมทุกจุดในอำเภอ"
                    ),
                    over("traffic", "vehicle_count", Group.DISTRICT, Across.SUM),
                ),
                lines(
                    "speed",
                    Text("Speed by site", "ความเร็วตามจุดนับ"),
                    Text("A fall while the count stays high is a jam.", "ความเร็วลดลงขณะที่จำนวนรถยังสูงคือรถติด"),
                    over("traffic", "speed"),
                ),
                lines(
                    "occupancy",
                    label_of("lane_occupancy"),
                    Text("Share of the time that the road is covered by vehicles.", "สัดส่วนเวลาที่ช่องทางมีรถอยู่"),
                    over("traffic", "lane_occupancy"),
                ),
            ),
        ),
        Section(
            Text("Parking and crowds", "ที่จอดรถและฝูงชน"),
            (
                bars(
                    "free_by_site",
                    label_of("spaces_free"),
                    Text("Newest value of each car park.", "ค่าล่าสุดของแต่ละที่จอดรถ"),
                    newest("parking", "spaces_free"),
                ),
                table(
                    "car_parks",
                    Text("Car parks", "ที่จอดรถ"),
                    Text("Free and all spaces of each.", "ช่องว่างและช่องทั้งหมดของแต่ละแห่ง"),
                    newest("parking", "spaces_free"),
                    newest("parking", "spaces_total"),
                    width=6,
                ),
                lines(
                    "people_over_time",
                    label_of("people_count"),
                    Text("Mean of each interval, the sites of a district added up.", "ค่าเฉลี่ยแต่ละช่วง รวมทุกจุดในอำเภอ"),
                    over("crowd", "people_count", Group.DISTRICT, Across.SUM),
                ),
            ),
        ),
    ),
)
