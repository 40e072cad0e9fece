"""From makers' names to keys of quantities."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.names import made_id, same_name
from city.reading import checked_quantity
from gateway.decoders import Context
from gateway.decoders.fields import Meaning, to_key, to_values
from gateway.decoders.json_fields import foreign_device
from gateway.decoders.kinds import kind_of


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("TempC_SHT", "temp_c_sht"),
        ("pm2.5", "pm2_5"),
        ("7th", "x_7th"),
        ("Time", "time_value"),
        ("lat", "lat_value"),
        ("flow_qc", "flow_qc_value"),
        ("temp (°C)", "temp_c"),
        ("a" * 48, "a" * 48),
        ("a" * 80, "a" * 39 + "_1a998d7d"),
        ("a" * 45 + "_qc", "a" * 39 + "_2a0190b1"),
        ("อุณหภูมิ", "x_a853102c"),
        ("อุณหภูมิ 1", "x_1_a105e5fe"),
        ("ความดัน 1", "x_1_fff81839"),
        ("Température", "temp_rature_e385e6fe"),
        ("°", None),
        ("-", None),
    ],
)
def test_a_key_is_one_that_the_store_takes(name: str, key: str | None) -> None:
    assert to_key(name) == key
    assert key is None or checked_quantity(key) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Compressor Room 2/Compressor 1/Discharge line/Temperature",
            "Compressor Room 2/Compressor 1/Discharge line/Set",
        ),
        ("a" * 300 + "1", "a" * 300 + "2"),
        ("อุณหภูมิ", "ความดัน"),
        ("ถัง ๑", "ถัง ๒"),
        ("m²", "m³"),
    ],
)
def test_two_names_are_two_keys(one: str, other: str) -> None:
    keys = [to_key(one), to_key(other)]
    assert None not in keys
    assert keys[0] != keys[1]


@pytest.mark.parametrize("order", [1, -1])
def test_fields_of_one_object_never_meet(order: int) -> None:
    names = {"T": Meaning("temperature", "degF")}
    given = [("Temp", 1), ("temp", 2), ("TEMP", 3), ("T", 77), ("Temperature", 5), ("text", "x")]
    found = to_values(dict(given[::order]), names)
    assert found["temp"] == 2
    assert found["temperature"] == pytest.approx(25)
    assert sorted(map(round, found.values())) == [1, 2, 3, 5, 25]
    assert to_values({"Temp": 1}, names) == {"temp": 1}


@given(st.dictionaries(st.text("aAbB 1_-.", min_size=1, max_size=4), st.floats(-9, 9), max_size=8))
def test_as_many_values_as_fields_with_a_key(fields: dict[str, float]) -> None:
    found = to_values(fields, {})
    assert len(found) == sum(to_key(name) is not None for name in fields)
    assert all(checked_quantity(key) == key for key in found)


_SPELLINGS = [
    ("น้ำ", "น\u0e49\u0e4d\u0e32"),
    ("น้ำ", "น\u0e4d\u0e49\u0e32"),
    ("ลำตะคอง", "ล\u0e4d\u0e32ตะคอง"),
    ("ถัง 1", "ถัง 1 "),
    ("ถัง 1", "\u00a0ถัง 1\t"),
    ("Température", "Tempe\u0301rature"),
]


@pytest.mark.parametrize(("one", "other"), _SPELLINGS)
def test_one_name_in_two_spellings_is_one(one: str, other: str) -> None:
    assert one != other
    assert to_key(one) == to_key(other)
    assert made_id(one) == made_id(other)
    assert foreign_device(Context(0), "osmand", one) == foreign_device(Context(0), "osmand", other)


@given(st.text(st.sampled_from("กนลำ\u0e4d\u0e32\u0e49 a1"), min_size=1, max_size=8))
def test_a_spelling_is_made_once(name: str) -> None:
    assert same_name(same_name(name)) == same_name(name)


def test_what_strangers_send_takes_no_memory() -> None:
    letters = "ก" * 100_000
    tracemalloc.start()
    for number in range(40):
        name = f"{letters}{number}"
        to_key(name)
        foreign_device(Context(0), "osmand", name)
        kind_of(Context(0), [f"io_{number}_{place}" for place in range(2_000)])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000


def test_numbers_that_no_float_holds_are_no_measurement() -> None:
    assert to_values({"a": 10**400, "b": float("nan"), "c": float("inf"), "d": -(10**400), "e": True}, {}) == {"e": 1.0}
