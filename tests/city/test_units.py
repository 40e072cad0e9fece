"""Units turn into each other, and only into their like."""

import pytest

from city.errors import Malformed
from city.units import UNITS, convert


@pytest.mark.parametrize(
    ("value", "given", "wanted", "result"),
    [
        (68, "degF", "Cel", 20),
        (0, "Cel", "K", 273.15),
        (3605, "mV", "V", 3.605),
        (36, "km/h", "m/s", 10),
        (10, "m/s", "km/h", 36),
        (1, "knot", "km/h", 1.852),
        (29.92, "inHg", "hPa", 1013.207),
        (1, "[ppm]", "[ppb]", 1000),
        (1, "dB[W]", "dB[mW]", 31),
        (0.5, "ratio", "%", 50),
        (180, "deg", "rad", 3.141592653589793),
    ],
)
def test_a_value_turns_into_another_unit(value: float, given: str, wanted: str, result: float) -> None:
    assert convert(value, given, wanted) == pytest.approx(result, rel=1e-6)


@pytest.mark.parametrize("given", UNITS)
def test_a_value_turned_there_and_back_is_the_same(given: str) -> None:
    for wanted, unit in UNITS.items():
        if unit.dimension == UNITS[given].dimension:
            assert convert(convert(21.5, given, wanted), wanted, given) == pytest.approx(21.5, rel=1e-12)


@pytest.mark.parametrize(("given", "wanted", "sentence"), [("Cel", "m", "is no m"), ("degR", "K", "no unit 'degR'")])
def test_what_measures_something_else_is_refused(given: str, wanted: str, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        convert(1, given, wanted)
