"""Units of the field in the catalog's units: one table, by dimension; factors are exact (NIST SP 811, appendix B.8)."""

from dataclasses import dataclass
from typing import Final

from city.errors import Malformed, Reason


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: `value * times / over + plus` is the value in the dimension's base unit.

    A numerator and a denominator, because 3605 / 1000 is 3.605 and 3605 * 0.001 is not.
    """

    dimension: str
    times: float = 1.0
    over: float = 1.0
    plus: float = 0.0


UNITS: Final[dict[str, Unit]] = {
    # temperature, base Cel
    "Cel": Unit("temperature"),
    "K": Unit("temperature", plus=-273.15),
    "degF": Unit("temperature", 5, 9, -160 / 9),
    # share, base %
    "%": Unit("share"),
    "ratio": Unit("share", 100),
    # pressure, base hPa
    "hPa": Unit("pressure"),
    "Pa": Unit("pressure", over=100),
    "kPa": Unit("pressure", 10),
    "mbar": Unit("pressure"),
    "bar": Unit("pressure", 1000),
    "inHg": Unit("pressure", 33.86388640341),
    "mmHg": Unit("pressure", 1.33322387415),
    # speed, base m/s
    "m/s": Unit("speed"),
    "km/h": Unit("speed", over=3.6),
    "mph": Unit("speed", 0.44704),
    "knot": Unit("speed", 1852, 3600),
    # length, base m
    "m": Unit("length"),
    "mm": Unit("length", over=1000),
    "cm": Unit("length", over=100),
    "km": Unit("length", 1000),
    "inch": Unit("length", 0.0254),
    "ft": Unit("length", 0.3048),
    "mile": Unit("length", 1609.344),
    # angle, base deg
    "deg": Unit("angle"),
    "rad": Unit("angle", 57.29577951308232),
    # flow, base m3/s
    "m3/s": Unit("flow"),
    "m3/h": Unit("flow", over=3600),
    "L/s": Unit("flow", over=1000),
    "cfs": Unit("flow", 0.028316846592),
    # mass in air, base ug/m3
    "ug/m3": Unit("mass concentration"),
    "mg/m3": Unit("mass concentration", 1000),
    "kg/m3": Unit("mass concentration", 1e9),
    # gas in air; the base is ppb
    "[ppb]": Unit("mole fraction"),
    "[ppm]": Unit("mole fraction", 1000),
    # power, base W; energy, base kWh
    "W": Unit("power"),
    "kW": Unit("power", 1000),
    "kWh": Unit("energy"),
    "Wh": Unit("energy", over=1000),
    "J": Unit("energy", over=3_600_000),
    # electricity
    "V": Unit("voltage"),
    "mV": Unit("voltage", over=1000),
    "A": Unit("current"),
    "mA": Unit("current", over=1000),
    "Hz": Unit("frequency"),
    # mass, acceleration, level, rates, counts
    "kg": Unit("mass"),
    "g": Unit("mass", over=1000),
    "m/s2": Unit("acceleration"),
    "g0": Unit("acceleration", 9.80665),
    "mg0": Unit("acceleration", 9.80665, 1000),
    "dB": Unit("level"),
    "dB[SPL]": Unit("sound level"),
    "dB[mW]": Unit("power level"),
    "dB[W]": Unit("power level", plus=30),
    "mm/h": Unit("rain rate"),
    "inch/h": Unit("rain rate", 25.4),
    "W/m2": Unit("irradiance"),
    "s": Unit("time"),
    "ms": Unit("time", over=1000),
    "min": Unit("time", 60),
    "h": Unit("time", 3600),
    "By": Unit("size"),
    "/s": Unit("rate"),
    "/min": Unit("rate", over=60),
    "lx": Unit("illuminance"),
    "1": Unit("number"),
}


def convert(value: float, given: str, wanted: str) -> float:
    """Turn a value of one unit into another of the same dimension; between equal units it stays bit for bit.

    Raises:
        Malformed: `bad_quantity`: a unit is unknown, or the two measure different things.
    """
    if given == wanted:
        return value
    source, target = _pair(given, wanted)
    base = value * source.times / source.over + source.plus
    return (base - target.plus) * target.over / target.times


def _pair(given: str, wanted: str) -> tuple[Unit, Unit]:
    source, target = UNITS.get(given), UNITS.get(wanted)
    if source is None or target is None:
        raise Malformed(Reason.BAD_QUANTITY, f"no unit {(given if source is None else wanted)[:40]!r}")
    if source.dimension != target.dimension:
        raise Malformed(Reason.BAD_QUANTITY, f"{given} ({source.dimension}) is no {wanted} ({target.dimension})")
    return source, target
