"""SenML units (RFC 8428, section 12.1, and RFC 8798) in the catalog's terms: two small tables."""

import math
from types import MappingProxyType
from typing import Final

from city.catalog import QUANTITIES
from city.errors import Malformed, Reason

QUANTITY_OF_UNIT: Final = MappingProxyType(
    {
        "Cel": "temperature",
        "K": "temperature",
        "%RH": "humidity",
        "Pa": "pressure",
        "hPa": "pressure",
        "W/m2": "solar_radiation",
        "mm/h": "rain_rate",
        "m3/s": "flow",
        "W": "power",
        "kW": "power",
        "J": "energy",
        "Wh": "energy",
        "kWh": "energy",
        "V": "voltage",
        "mV": "voltage",
        "A": "current",
        "mA": "current",
        "kg": "weight",
        "km/h": "speed",
        "%EL": "battery",
        "dBm": "rssi",
    }
)
"""What a unit measures when the name doesn't say; units of several quantities (m, m/s, ppm) are absent on purpose."""

_SAME: Final = frozenset(
    {
        *((unit, unit) for unit in ("Cel", "%", "hPa", "m/s", "deg", "W/m2", "mm/h", "mm", "m", "m3/s", "km/h", "W")),
        *((unit, unit) for unit in ("kWh", "V", "A", "km", "kg", "m/s2", "dB", "ug/m3")),
        *(("%RH", "%"), ("%EL", "%"), ("count", "1"), ("/", "1"), ("ppm", "[ppm]"), ("ppb", "[ppb]")),
        *(("dB", "dB[SPL]"), ("dBm", "dB[mW]")),
    }
)

_CONVERSIONS: Final = MappingProxyType(
    {
        # (SenML unit, catalog unit): multiplied by, divided by, then added
        ("K", "Cel"): (1, 1, -273.15),
        ("Pa", "hPa"): (1, 100, 0),
        ("m/s", "km/h"): (3.6, 1, 0),
        ("km/h", "m/s"): (1, 3.6, 0),
        ("rad", "deg"): (180, math.pi, 0),
        ("/", "%"): (100, 1, 0),
        ("m", "km"): (1, 1000, 0),
        ("km", "m"): (1000, 1, 0),
        ("m", "mm"): (1000, 1, 0),
        ("mm", "m"): (1, 1000, 0),
        ("l/s", "m3/s"): (1, 1000, 0),
        ("kW", "W"): (1000, 1, 0),
        ("J", "kWh"): (1, 3_600_000, 0),
        ("Wh", "kWh"): (1, 1000, 0),
        ("mV", "V"): (1, 1000, 0),
        ("mA", "A"): (1, 1000, 0),
        ("g", "kg"): (1, 1000, 0),
        ("kg/m3", "ug/m3"): (10**9, 1, 0),
        ("ppm", "[ppb]"): (1000, 1, 0),
        ("ppb", "[ppm]"): (1, 1000, 0),
        ("dBW", "dB[mW]"): (1, 1, 30),
    }
)


def converted(quantity: str, value: float, unit: str | None) -> float:
    """Turn a value into the catalog's unit; without a unit, or for a quantity that the catalog lacks, it stays.

    Raises:
        Malformed: `bad_quantity`: this unit can't measure that quantity; or `not_finite`.
    """
    row = QUANTITIES.get(quantity)
    if row is None or unit is None or (unit, row.unit) in _SAME:
        return value
    conversion = _CONVERSIONS.get((unit, row.unit))
    if conversion is None:
        raise Malformed(Reason.BAD_QUANTITY, f"{unit[:40]!r} is no unit of {quantity} ({row.unit}) that is known here")
    multiplier, divisor, added = conversion
    result = value * multiplier / divisor + added
    if not math.isfinite(result):
        raise Malformed(Reason.NOT_FINITE, f"{quantity} in {row.unit} is not finite")
    return result
