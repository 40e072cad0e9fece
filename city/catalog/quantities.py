"""The table of quantities: one row each, read by validation, API, boards and simulators alike."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Aggregate(StrEnum):
    """How many values of a bucket become one."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"


_SYMBOLS: Final = {
    "1": "",
    "ug/m3": "µg/m³",
    "Cel": "°C",
    "deg": "°",
    "m/s2": "m/s²",
    "W/m2": "W/m²",
    "m3/s": "m³/s",
    "[ppb]": "ppb",
    "[ppm]": "ppm",
    "dB[SPL]": "dB",
    "dB[mW]": "dBm",
}
"""UCUM codes that people write otherwise."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measurable quantity.

    Attributes:
        key: Name on the wire and in the store.
        unit: UCUM code (https://ucum.org); `1` for states and counts without unit.
        en: English label.
        th: Thai label.
        low: Lowest plausible value, inclusive, in `unit`.
        high: Highest plausible value, inclusive, in `unit`.
        decimals: Digits that mean something.
        aggregate: How a bucket is summed up when nobody says otherwise.
        grafana: Grafana's unit id.
    """

    key: str
    unit: str
    en: str
    th: str
    low: float
    high: float
    decimals: int
    aggregate: Aggregate
    grafana: str

    @property
    def symbol(self) -> str:
        """The unit as people write it behind a value; empty where there is none."""
        return _SYMBOLS.get(self.unit, self.unit)

    @property
    def boolean(self) -> bool:
        """Whether its values are states, 0 for no and 1 for yes."""
        return (self.unit, self.low, self.high, self.aggregate) == ("1", 0, 1, Aggregate.LAST)


_MEAN, _LAST, _SUM, _MAX = Aggregate.MEAN, Aggregate.LAST, Aggregate.SUM, Aggregate.MAX

_ROWS: Final = (
    # air
    Quantity("pm1", "ug/m3", "PM1", "ฝุ่น PM1", 0, 2000, 1, _MEAN, "conμgm3"),
    Quantity("pm2_5", "ug/m3", "PM2.5", "ฝุ่น PM2.5", 0, 2000, 1, _MEAN, "conμgm3"),
    Quantity("pm10", "ug/m3", "PM10", "ฝุ่น PM10", 0, 3000, 1, _MEAN, "conμgm3"),
    Quantity("o3", "[ppb]", "Ozone", "โอโซน", 0, 1000, 1, _MEAN, "conppb"),
    Quantity("co", "[ppm]", "Carbon monoxide", "คาร์บอนมอนอกไซด์", 0, 500, 2, _MEAN, "conppm"),
    Quantity("no2", "[ppb]", "Nitrogen dioxide", "ไนโตรเจนไดออกไซด์", 0, 2000, 1, _MEAN, "conppb"),
    Quantity("so2", "[ppb]", "Sulfur dioxide", "ซัลเฟอร์ไดออกไซด์", 0, 2000, 1, _MEAN, "conppb"),
    Quantity("co2", "[ppm]", "Carbon dioxide", "คาร์บอนไดออกไซด์", 200, 10000, 0, _MEAN, "conppm"),
    # weather
    Quantity("temperature", "Cel", "Temperature", "อุณหภูมิ", -60, 85, 1, _MEAN, "celsius"),
    Quantity("humidity", "%", "Relative humidity", "ความชื้นสัมพัทธ์", 0, 100, 1, _MEAN, "humidity"),
    Quantity(
        "probe_temperature",
        "Cel",
        "Temperature of an external probe",
        "อุณหภูมิหัววัดภายนอก",
        -200,
        850,
        1,
        _MEAN,
        "celsius",
    ),
    Quantity("dew_point", "Cel", "Dew point", "จุดน้ำค้าง", -80, 60, 1, _MEAN, "celsius"),
    Quantity("pressure", "hPa", "Air pressure", "ความกดอากาศ", 300, 1100, 1, _MEAN, "pressurehpa"),
    Quantity(
        "sea_level_pressure",
        "hPa",
        "Air pressure at sea level",
        "ความกดอากาศที่ระดับน้ำทะเล",
        850,
        1100,
        1,
        _MEAN,
        "pressurehpa",
    ),
    Quantity("wind_speed", "m/s", "Wind speed", "ความเร็วลม", 0, 115, 1, _MEAN, "velocityms"),
    Quantity("wind_direction", "deg", "Wind direction", "ทิศทางลม", 0, 360, 0, _LAST, "degree"),
    Quantity("solar_radiation", "W/m2", "Solar radiation", "รังสีดวงอาทิตย์", 0, 1800, 0, _MEAN, "Wm2"),
    Quantity("illuminance", "lx", "Illuminance", "ความสว่างแสง", 0, 200000, 0, _MEAN, "lux"),
    Quantity("rain_rate", "mm/h", "Rain intensity", "ความเข้มฝน", 0, 500, 1, _MEAN, "suffix:mm/h"),
    Quantity("rain_amount", "mm", "Rainfall", "ปริมาณฝน", 0, 1000, 1, _SUM, "lengthmm"),
    # water
    Quantity("level", "m", "Water level (above mean sea level)", "ระดับน้ำ (รทก.)", -50, 3000, 2, _MEAN, "lengthm"),
    Quantity("flow", "m3/s", "River discharge", "อัตราการไหล", -5000, 50000, 3, _MEAN, "cms"),
    Quantity("water_depth", "m", "Water depth above the probe", "ความลึกน้ำเหนือหัววัด", 0, 500, 2, _MEAN, "lengthm"),
    Quantity("water_leak", "1", "Water leak", "น้ำรั่ว", 0, 1, 0, _LAST, "bool_yes_no"),
    Quantity("distance", "m", "Distance measured", "ระยะที่วัดได้", 0, 10000, 3, _MEAN, "lengthm"),
    # street
    Quantity("vehicle_count", "1", "Vehicles counted", "จำนวนรถ", 0, 100000, 0, _SUM, "short"),
    Quantity("speed", "km/h", "Speed", "ความเร็ว", 0, 300, 1, _MEAN, "velocitykmh"),
    Quantity("lane_occupancy", "%", "Road occupancy", "การครอบครองช่องทาง", 0, 100, 1, _MEAN, "percent"),
    Quantity("sound_level", "dB[SPL]", "Sound level (A-weighted)", "ระดับเสียง", 0, 160, 1, _MEAN, "dB"),
    Quantity("spaces_free", "1", "Parking spaces free", "ช่องจอดว่าง", 0, 100000, 0, _LAST, "short"),
    Quantity("spaces_total", "1", "Parking spaces", "ช่องจอดทั้งหมด", 0, 100000, 0, _LAST, "short"),
    Quantity("people_count", "1", "People", "จำนวนคน", 0, 1000000, 0, _MEAN, "short"),
    # energy
    Quantity("power", "W", "Power", "กำลังไฟฟ้า", -10000000, 10000000, 1, _MEAN, "watt"),
    Quantity("energy", "kWh", "Energy, meter reading", "พลังงานสะสม", 0, 1000000000, 3, _LAST, "kwatth"),
    Quantity("voltage", "V", "Voltage", "แรงดันไฟฟ้า", 0, 50000, 1, _MEAN, "volt"),
    Quantity("current", "A", "Current", "กระแสไฟฟ้า", -10000, 10000, 2, _MEAN, "amp"),
    Quantity(
        "energy_exported", "kWh", "Energy exported, meter reading", "พลังงานส่งออกสะสม", 0, 1000000000, 3, _LAST, "kwatth"
    ),
    Quantity("power_factor", "1", "Power factor", "ตัวประกอบกำลัง", -1, 1, 2, _MEAN, "none"),
    Quantity("frequency", "Hz", "Mains frequency", "ความถี่ไฟฟ้า", 0, 500, 2, _MEAN, "hertz"),
    Quantity("power_l1", "W", "Power, phase L1", "กำลังไฟฟ้า เฟส L1", -10000000, 10000000, 1, _MEAN, "watt"),
    Quantity("power_l2", "W", "Power, phase L2", "กำลังไฟฟ้า เฟส L2", -10000000, 10000000, 1, _MEAN, "watt"),
    Quantity("power_l3", "W", "Power, phase L3", "กำลังไฟฟ้า เฟส L3", -10000000, 10000000, 1, _MEAN, "watt"),
    Quantity("voltage_l1", "V", "Voltage, phase L1", "แรงดันไฟฟ้า เฟส L1", 0, 50000, 1, _MEAN, "volt"),
    Quantity("voltage_l2", "V", "Voltage, phase L2", "แรงดันไฟฟ้า เฟส L2", 0, 50000, 1, _MEAN, "volt"),
    Quantity("voltage_l3", "V", "Voltage, phase L3", "แรงดันไฟฟ้า เฟส L3", 0, 50000, 1, _MEAN, "volt"),
    Quantity("current_l1", "A", "Current, phase L1", "กระแสไฟฟ้า เฟส L1", -10000, 10000, 2, _MEAN, "amp"),
    Quantity("current_l2", "A", "Current, phase L2", "กระแสไฟฟ้า เฟส L2", -10000, 10000, 2, _MEAN, "amp"),
    Quantity("current_l3", "A", "Current, phase L3", "กระแสไฟฟ้า เฟส L3", -10000, 10000, 2, _MEAN, "amp"),
    Quantity("brightness", "%", "Light dimming level", "ระดับความสว่าง", 0, 100, 0, _LAST, "percent"),
    Quantity("lamp_on", "1", "Lamp on", "ไฟติด", 0, 1, 0, _LAST, "bool_on_off"),
    Quantity("switch_on", "1", "Switched on", "สวิตช์เปิด", 0, 1, 0, _LAST, "bool_on_off"),
    Quantity("charging", "1", "Charging", "กำลังชาร์จ", 0, 1, 0, _LAST, "bool_yes_no"),
    Quantity("state_of_charge", "%", "State of charge", "ระดับประจุ", 0, 100, 1, _LAST, "percent"),
    Quantity("fill_level", "%", "Fill level", "ระดับการเติม", 0, 100, 0, _LAST, "percent"),
    # things on the move
    Quantity("heading", "deg", "Heading", "ทิศทาง", 0, 360, 0, _LAST, "degree"),
    Quantity("altitude", "m", "Altitude", "ความสูง", -500, 10000, 0, _LAST, "lengthm"),
    Quantity("position_accuracy", "m", "Position accuracy", "ความแม่นยำตำแหน่ง", 0, 100000, 0, _MEAN, "lengthm"),
    Quantity("position_fix", "1", "Position known", "ทราบตำแหน่ง", 0, 1, 0, _LAST, "bool_yes_no"),
    Quantity("odometer", "km", "Odometer", "ระยะทางสะสม", 0, 10000000, 1, _LAST, "lengthkm"),
    Quantity("trip_distance", "km", "Trip distance", "ระยะทางเที่ยวนี้", 0, 10000000, 1, _LAST, "lengthkm"),
    Quantity("movement", "1", "In motion", "กำลังเคลื่อนที่", 0, 1, 0, _LAST, "bool_yes_no"),
    Quantity("fuel_level", "%", "Fuel level", "ระดับน้ำมัน", 0, 100, 1, _LAST, "percent"),
    Quantity("ignition", "1", "Ignition on", "สตาร์ทเครื่อง", 0, 1, 0, _LAST, "bool_on_off"),
    Quantity("shock", "m/s2", "Shock, peak acceleration", "แรงกระแทก", 0, 5000, 1, _MAX, "accMS2"),
    Quantity("door_open", "1", "Door open", "ประตูเปิด", 0, 1, 0, _LAST, "bool_yes_no"),
    Quantity("occupied", "1", "Occupied", "มีการใช้งาน", 0, 1, 0, _LAST, "bool_yes_no"),
    Quantity("weight", "kg", "Weight", "น้ำหนัก", 0, 200000, 1, _LAST, "masskg"),
    # the device itself
    Quantity("battery", "%", "Battery", "แบตเตอรี่", 0, 100, 0, _LAST, "percent"),
    Quantity("battery_voltage", "V", "Battery voltage", "แรงดันแบตเตอรี่", 0, 1000, 2, _LAST, "volt"),
    Quantity("rssi", "dB[mW]", "Signal strength", "ความแรงสัญญาณ", -200, 30, 0, _MEAN, "dBm"),
    Quantity("gsm_signal", "1", "Mobile signal (bars)", "สัญญาณมือถือ (ขีด)", 0, 5, 0, _MEAN, "short"),
    Quantity("satellites", "1", "Satellites in use", "จำนวนดาวเทียมที่ใช้", 0, 100, 0, _MEAN, "short"),
    Quantity("snr", "dB", "Signal to noise ratio", "อัตราส่วนสัญญาณต่อสัญญาณรบกวน", -60, 60, 1, _MEAN, "dB"),
    Quantity("clock_skew", "s", "Clock ahead of the city's", "นาฬิกาเร็วกว่ากลาง", -1e9, 1e9, 3, _LAST, "s"),
    # a gateway
    Quantity("spool_readings", "1", "Readings waiting", "ข้อมูลที่รอส่ง", 0, 1000000000, 0, _MAX, "short"),
    Quantity("spool_fill", "%", "Spool in use", "พื้นที่คิวที่ใช้", 0, 100, 1, _MAX, "percent"),
    Quantity("spool_age", "s", "Longest wait", "เวลารอนานสุด", 0, 1000000000, 0, _MAX, "s"),
    Quantity("readings_rate", "/s", "Readings taken a second", "ข้อมูลที่รับต่อวินาที", 0, 1000000, 1, _MEAN, "cps"),
    Quantity("sources_heard", "1", "Sources heard in an hour", "แหล่งข้อมูลในหนึ่งชั่วโมง", 0, 1000000, 0, _LAST, "short"),
    Quantity("decode_failures", "1", "Payloads not understood", "ข้อมูลที่อ่านไม่ได้", 0, 1000000000, 0, _SUM, "short"),
    # the ledger, by gateway: the five counts are those of an hour, said at its first instant and said anew when they
    # change, so that their sum over a range is the ledger's; the other three are as of now
    Quantity("readings_received", "1", "Received", "รับแล้ว", 0, 1e15, 0, _SUM, "short"),
    Quantity("readings_stored", "1", "Stored", "จัดเก็บแล้ว", 0, 1e15, 0, _SUM, "short"),
    Quantity("readings_duplicate", "1", "Duplicate", "ซ้ำ", 0, 1e15, 0, _SUM, "short"),
    Quantity("readings_quarantined", "1", "Quarantined", "กักไว้ตรวจ", 0, 1e15, 0, _SUM, "short"),
    Quantity("readings_rejected", "1", "Rejected", "ถูกปฏิเสธ", 0, 1e15, 0, _SUM, "short"),
    Quantity("readings_merged", "1", "Merged", "รวมกัน", 0, 1e15, 0, _SUM, "short"),
    Quantity("readings_pending", "1", "Pending at the gateway", "ค้างที่เกตเวย์", 0, 1e15, 0, _LAST, "short"),
    Quantity("readings_missing", "1", "Missing in gaps", "ขาดหายในช่องว่าง", 0, 1e15, 0, _LAST, "short"),
    Quantity("gateway_online", "1", "Gateway online", "เกตเวย์ออนไลน์", 0, 1, 0, _LAST, "bool_yes_no"),
    # devices of the field by their newest value: not older than three cadences of their kind, or older
    Quantity("devices_heard", "1", "Devices heard", "อุปกรณ์ที่ได้ยิน", 0, 1e9, 0, _LAST, "short"),
    Quantity("devices_silent", "1", "Devices silent", "อุปกรณ์ที่เงียบหาย", 0, 1e9, 0, _LAST, "short"),
    # processes: each figure is over the time since the one before; rates are per second, so that a mean is right
    Quantity("end_to_end_latency", "s", "From measurement to store", "ตั้งแต่วัดจนถึงจัดเก็บ", -1000, 1e10, 1, _MAX, "s"),
    Quantity("settled_rate", "/s", "Readings settled a second", "ข้อมูลที่ลงบัญชีต่อวินาที", 0, 1e9, 1, _MEAN, "cps"),
    Quantity("error_rate", "/s", "Errors a second", "ข้อผิดพลาดต่อวินาที", 0, 1e9, 3, _MEAN, "cps"),
    Quantity("flush_duration", "s", "Longest flush", "เวลาบันทึกชุดนานสุด", 0, 1e6, 3, _MAX, "s"),
    Quantity("flush_cpu", "s", "Processor time of a flush", "เวลาประมวลผลต่อชุด", 0, 1e6, 4, _MEAN, "s"),
    Quantity("request_rate", "/s", "Requests a second", "คำขอต่อวินาที", 0, 1e9, 2, _MEAN, "reqps"),
    Quantity("request_error_rate", "/s", "Failed requests a second", "คำขอที่ล้มเหลวต่อวินาที", 0, 1e9, 3, _MEAN, "reqps"),
    Quantity("request_duration", "s", "Time of a request, 95 %", "เวลาต่อคำขอ 95 %", 0, 1e6, 3, _MAX, "s"),
    Quantity("process_cpu", "%", "Processor in use", "การใช้หน่วยประมวลผล", 0, 100_000, 1, _MEAN, "percent"),
    Quantity("process_memory", "By", "Memory in use", "การใช้หน่วยความจำ", 0, 1e15, 0, _MAX, "bytes"),
    # broker and store
    Quantity("broker_rate", "/s", "Messages a second", "ข้อความต่อวินาที", 0, 1e9, 1, _MEAN, "cps"),
    Quantity("broker_dropped_rate", "/s", "Messages dropped a second", "ข้อความที่ทิ้งต่อวินาที", 0, 1e9, 3, _MEAN, "cps"),
    Quantity("broker_clients", "1", "Clients connected", "ไคลเอนต์ที่เชื่อมต่อ", 0, 1e9, 0, _LAST, "short"),
    Quantity("broker_queued", "1", "Messages held by the broker", "ข้อความที่โบรกเกอร์ถือไว้", 0, 1e12, 0, _MAX, "short"),
    Quantity("store_duration", "s", "Longest write", "เวลาเขียนนานสุด", 0, 1e6, 3, _MAX, "s"),
)

QUANTITIES: Final[dict[str, Quantity]] = {row.key: row for row in _ROWS}
