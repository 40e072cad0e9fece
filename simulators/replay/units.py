"""Conversions to the catalog's units; exact factors (NIST SP 811, appendix B.8)."""

from dataclasses import dataclass
from typing import Final

from city.catalog import QUANTITIES
from city.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Conversion:
    """`value * scale + offset`, in the UCUM unit `to`."""

    to: str
    scale: float
    offset: float = 0.0


CONVERSIONS: Final = {
    "degF": Conversion("Cel", 5 / 9, -160 / 9),
    "K": Conversion("Cel", 1.0, -273.15),
    "mph": Conversion("m/s", 0.44704),
    "knot": Conversion("m/s", 1852 / 3600),
    "km/h": Conversion("m/s", 1 / 3.6),
    "inch": Conversion("mm", 25.4),
    "cm": Conversion("m", 0.01),
    "ft": Conversion("m", 0.3048),
    "cfs": Conversion("m3/s", 0.3048**3),
    "L/s": Conversion("m3/s", 0.001),
    "inHg": Conversion("hPa", 33.863886666667),
    "mbar": Conversion("hPa", 1.0),
    "kW": Conversion("W", 1000.0),
    "Wh": Conversion("kWh", 0.001),
    "mile": Conversion("km", 1.609344),
}
"""What a mapping may say after `from`. To km/h, `scale` says it: there `mph` is 1.609344."""


def conversion(quantity: str, unit: str) -> Conversion:
    """Find how to convert a unit to that of a quantity of the catalog.

    Raises:
        ConfigurationError: The unit is unknown, or is one of another dimension.
    """
    if unit not in CONVERSIONS:
        raise ConfigurationError(f"from = {unit!r} is unknown; known are {', '.join(CONVERSIONS)}")
    if quantity not in QUANTITIES:
        raise ConfigurationError(f"{quantity!r} is not in the catalog, so nothing says what {unit} becomes")
    found, unit_wanted = CONVERSIONS[unit], QUANTITIES[quantity].unit
    if found.to != unit_wanted:
        raise ConfigurationError(f"{unit} becomes {found.to}, but {quantity} is in {unit_wanted}")
    return found
