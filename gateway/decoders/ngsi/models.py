"""The supported Smart Data Models: kind, attributes, and units (https://smartdatamodels.org).

An attribute's name is looked up in lower case, because older and newer models differ in it. A model without `others`
has many numbers that describe the thing (floors, prices, widths), so only what its table names is a measurement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.decoders.fields import NOTHING, Meaning, Names

_OBSERVED: Final = {
    "atmosphericpressure": Meaning("pressure", "hPa"),
    "dewpoint": Meaning("dew_point", "Cel"),
    "illuminance": Meaning("illuminance", "lx"),
    "precipitation": Meaning("rain_amount", "mm"),
    "relativehumidity": Meaning("humidity", "ratio"),
    "reliability": NOTHING,
    "solarradiation": Meaning("solar_radiation", "W/m2"),
    "temperature": Meaning("temperature", "Cel"),
    "winddirection": Meaning("wind_direction", "deg"),
    "windspeed": Meaning("wind_speed", "m/s"),
}
_AIR: Final = _OBSERVED | {
    "co": Meaning("co", "ug/m3"),
    "co2": Meaning("co2", "[ppm]"),
    "no2": Meaning("no2", "ug/m3"),
    "o3": Meaning("o3", "ug/m3"),
    "pm1": Meaning("pm1", "ug/m3"),
    "pm10": Meaning("pm10", "ug/m3"),
    "pm2.5": Meaning("pm2_5", "ug/m3"),
    "pm25": Meaning("pm2_5", "ug/m3"),
    "so2": Meaning("so2", "ug/m3"),
}
_SPACES: Final = {"availablespotnumber": Meaning("spaces_free"), "totalspotnumber": Meaning("spaces_total")}
_LAMP: Final = {
    "powerstate": Meaning("lamp_on"),
    "illuminancelevel": Meaning("brightness", "ratio"),
    "activepower": Meaning("power", "W"),
    "powerconsumption": Meaning("power", "W"),
    "voltage": Meaning("voltage", "V"),
    "intensity": Meaning("current", "A"),
}
_THREE_PHASES: Final = (
    {
        "totalactivepower": Meaning("power", "W"),
        "totalactiveenergyimport": Meaning("energy", "kWh"),
        "totalactiveenergyexport": Meaning("energy_exported", "kWh"),
        "frequency": Meaning("frequency", "Hz"),
    }
    | {f"activepower.l{n}": Meaning(f"power_l{n}", "W") for n in (1, 2, 3)}
    | {f"phasevoltage.l{n}": Meaning(f"voltage_l{n}", "V") for n in (1, 2, 3)}
    | {f"current.l{n}": Meaning(f"current_l{n}", "A") for n in (1, 2, 3)}
)
CONTROLLED: Final[Names] = MappingProxyType(
    _AIR
    | {
        "fillinglevel": Meaning("fill_level", "ratio"),
        "humidity": Meaning("humidity", "ratio"),
        "noiselevel": Meaning("sound_level", "dB[SPL]"),
        "speed": Meaning("speed", "km/h"),
        "waterlevel": Meaning("level", "m"),
    }
)
"""What a `Device` may control or measure."""


@dataclass(frozen=True, slots=True)
class Model:
    """One type of entity.

    Attributes:
        kind: Of the catalog; None: what its values tell.
        names: Attribute in lower case, `attribute.part` for structured ones, to meaning.
        states: Attribute in lower case to its texts that mean a number.
        others: Whether numbers that `names` lacks are measurements too.
    """

    kind: str | None
    names: Names
    states: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    others: bool = False


_POWER_STATES: Final = MappingProxyType({"powerstate": {"on": 1.0, "low": 1.0, "bootingUp": 1.0, "off": 0.0}})
_SPOT_STATES: Final = MappingProxyType({"status": {"free": 0.0, "occupied": 1.0}})

MODELS: Final[Mapping[str, Model]] = MappingProxyType(
    {
        "AirQualityObserved": Model("air_quality", _AIR, others=True),
        "CrowdFlowObserved": Model("crowd", {"peoplecount": Meaning("people_count")}, others=True),
        "Device": Model(None, {"batterylevel": Meaning("battery", "ratio"), "rssi": Meaning("rssi", "dB[mW]")}),
        "EVChargingStation": Model(
            "ev_charger", {"availablecapacity": Meaning("spaces_free"), "capacity": Meaning("spaces_total")}
        ),
        "NoiseLevelObserved": Model("noise", _OBSERVED | {"laeq": Meaning("sound_level", "dB[SPL]")}, others=True),
        "OffStreetParking": Model("parking", _SPACES),
        "OnStreetParking": Model("parking", _SPACES),
        "ParkingSpot": Model("parking", {"status": Meaning("occupied")}, _SPOT_STATES),
        "Streetlight": Model("street_light", _LAMP, _POWER_STATES),
        "StreetlightGroup": Model("street_light", _LAMP, _POWER_STATES),
        "ThreePhaseAcMeasurement": Model("energy_meter", _THREE_PHASES, others=True),
        "TrafficFlowObserved": Model(
            "traffic",
            {
                "intensity": Meaning("vehicle_count"),
                "occupancy": Meaning("lane_occupancy", "ratio"),
                "averagevehiclespeed": Meaning("speed", "km/h"),
                "laneid": NOTHING,
            },
            others=True,
        ),
        "Vehicle": Model(
            "vehicle",
            {
                "speed": Meaning("speed", "km/h"),
                "bearing": Meaning("heading", "deg"),
                "heading": Meaning("heading", "deg"),
                "cargoweight": Meaning("weight", "kg"),
                "fuellevel": Meaning("fuel_level", "ratio"),
                "mileagefromodometer": Meaning("odometer", "km"),
                "ignitionstatus": Meaning("ignition"),
            },
            {"ignitionstatus": {"on": 1.0, "off": 0.0}},
        ),
        "WasteContainer": Model(
            "waste_bin",
            {
                "fillinglevel": Meaning("fill_level", "ratio"),
                "temperature": Meaning("temperature", "Cel"),
                "cargoweight": Meaning("weight", "kg"),
            },
        ),
        "WaterQualityObserved": Model("water_level", _OBSERVED | {"ph": Meaning("ph")}, others=True),
        "WeatherObserved": Model("weather", _OBSERVED, others=True),
    }
)
"""Type of entity to model; all others are refused, and so kept."""

UNIT_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "2N": "dB", "2Z": "mV", "4K": "mA", "59": "[ppm]", "61": "[ppb]", "A97": "hPa", "AD": "By", "AMP": "A",
        "BAR": "bar", "C26": "ms", "C62": "1", "C81": "rad", "CEL": "Cel", "CMT": "cm", "D54": "W/m2", "DBM": "dB[mW]",
        "DD": "deg", "F79": "inHg", "FAH": "degF", "FOT": "ft", "G51": "L/s", "GP": "mg/m3", "GQ": "ug/m3", "GRM": "g",
        "H67": "mm/h", "HM": "mph", "HN": "mmHg", "HTZ": "Hz", "HUR": "h", "INH": "inch", "JOU": "J", "K40": "g0",
        "KEL": "K", "KGM": "kg", "KMH": "km/h", "KMQ": "kg/m3", "KMT": "km", "KNT": "knot", "KPA": "kPa", "KWH": "kWh",
        "KWT": "kW", "LUX": "lx", "MBR": "mbar", "MIN": "min", "MMT": "mm", "MQH": "m3/h", "MQS": "m3/s", "MSK": "m/s2",
        "MTR": "m", "MTS": "m/s", "P1": "%", "PAL": "Pa", "SEC": "s", "SMI": "mile", "VLT": "V", "WHR": "Wh",
        "WTT": "W",
    }
)  # fmt: skip
"""UN/CEFACT Recommendation 20 to `city.units.UNITS`."""

MOLAR_MASS: Final[Mapping[str, float]] = MappingProxyType({"co": 28.01, "no2": 46.006, "o3": 47.998, "so2": 64.06})
"""Gases that the catalog counts by volume, g/mol (NIST Chemistry WebBook)."""

MOLAR_VOLUME: Final = 24.465
"""Litres a mole of an ideal gas at 25 °C and 1 atm, the reference of the Thai and US air quality standards."""
