"""SenML units (RFC 8428, section 12.1, and RFC 8798): what each measures, and how it is spelled here."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from city.catalog import QUANTITIES
from city.errors import Reason
from city.units import UNITS, convert
from gateway.decoders.decoder import DecodeError

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

_SPELLED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "%RH": ("%",),
        "%EL": ("%",),
        "/": ("1", "ratio"),
        "count": ("1",),
        "ppm": ("[ppm]",),
        "ppb": ("[ppb]",),
        "l/s": ("L/s",),
        "dB": ("dB", "dB[SPL]"),
        "dBm": ("dB[mW]",),
        "dBW": ("dB[W]",),
    }
)
"""SenML units that the platform's table spells otherwise; where there are two, the quantity tells which is meant."""


def converted(quantity: str, value: float, unit: str | None) -> float:
    """Turn a value into the catalog's unit; without a unit, or for a quantity that the catalog lacks, it stays.

    Raises:
        DecodeError: `bad_quantity`: this unit can't measure that quantity; or `not_finite`.
    """
    row = QUANTITIES.get(quantity)
    if row is None or unit is None:
        return value
    for spelled in _SPELLED.get(unit, (unit,)):
        if spelled in UNITS and UNITS[spelled].dimension == UNITS[row.unit].dimension:
            result = convert(value, spelled, row.unit)
            if not math.isfinite(result):
                raise DecodeError(Reason.NOT_FINITE, f"{quantity} in {row.unit} is not finite")
            return result
    raise DecodeError(Reason.BAD_QUANTITY, f"{unit[:40]!r} is no unit of {quantity} ({row.unit}) that is known here")
