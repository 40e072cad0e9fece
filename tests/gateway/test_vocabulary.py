"""From makers' names to keys of quantities."""

import pytest

from city.reading import checked_quantity
from gateway.decoders.vocabulary import to_key, to_values


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("TempC_SHT", "temp_c_sht"),
        ("pm2.5", "pm2_5"),
        ("7th", "x_7th"),
        ("Time", "time_value"),
        ("lat", "lat_value"),
        ("flow_qc", "flow_qc_value"),
        ("a" * 80, "a" * 48),
        ("°", None),
    ],
)
def test_a_key_is_one_that_the_store_takes(name: str, key: str | None) -> None:
    assert to_key(name) == key
    assert key is None or checked_quantity(key) == key


def test_numbers_that_no_float_holds_are_no_measurement() -> None:
    assert to_values({"a": 10**400, "b": float("nan"), "c": float("inf"), "d": -(10**400), "e": True}, {}) == {"e": 1.0}
