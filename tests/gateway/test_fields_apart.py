"""Two fields of one message never overwrite each other, whoever reads it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.reading import checked_quantity
from gateway.decoders import Context
from gateway.decoders.fields import apart, checksum, to_key, to_values
from support.cases import readings_by

NOW = 1_764_900_000 * 10**9
FIELDS = {"Flux": 1, "flux": 2, "FLUX": 3}
OBJECTS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "ngsi": ({}, {"id": "WeatherObserved:1", "type": "WeatherObserved", **FIELDS}),
    "tasmota": ({"topic": "tele/a/SENSOR"}, {"S1": FIELDS}),
    "zigbee2mqtt": ({"topic": "zigbee2mqtt/a"}, FIELDS),
    "chirpstack": (
        {},
        {"deviceInfo": {"devEui": "a84041b2c1d00001"}, "time": "2025-12-05T02:00:00Z", "object": FIELDS},
    ),
    "osmand": (
        {},
        {"device_id": "a", "location": {"coords": {"latitude": 14.9, "longitude": 102.1}, "extras": FIELDS}},
    ),
}


def decoded(decoder: str, parameters: dict[str, str], message: dict[str, Any]) -> dict[str, float]:
    payload = json.dumps(message).encode()
    (reading,) = readings_by(decoder)(payload, Context(NOW, parameters=parameters))
    return reading.values


@pytest.mark.parametrize("decoder", OBJECTS)
def test_fields_that_differ_in_case_keep_apart(decoder: str) -> None:
    found = decoded(decoder, *OBJECTS[decoder])
    assert {1.0, 2.0, 3.0} <= set(found.values())
    assert found["flux"] == 2, "the name that is the key has it"
    assert found[f"flux_{checksum('Flux')}"] == 1


def test_sensors_that_differ_in_case_keep_apart() -> None:
    message = {"Ab-2": {"Flux": 1}, "AB-2": {"Flux": 2}, "ab-2": {"Flux": 3}}
    assert sorted(decoded("tasmota", {"topic": "tele/a/SENSOR"}, message).values()) == [1, 2, 3]


def test_nested_fields_and_joined_names_keep_apart() -> None:
    uplink = OBJECTS["chirpstack"][1] | {"object": {"a": {"b": 1}, "a_b": 2, "a_b_2": 3, "A_b": 4}}
    assert sorted(decoded("chirpstack", {}, uplink).values()) == [1, 2, 3, 4]


def test_a_name_that_looks_like_a_checksum_of_another_keeps_apart() -> None:
    crafted = f"temp_{checksum('Temp')}"
    found = to_values({"temp": 1, "Temp": 2, crafted: 3}, {})
    assert sorted(found.values()) == [1, 2, 3]
    assert found[crafted] == 3


@given(st.sets(st.text("aAbB1_ .é", min_size=1, max_size=4), max_size=8), st.randoms())
def test_keys_never_meet_in_any_order(names: set[str], random: Any) -> None:
    rows = [(name, key) for name in sorted(names) if (key := to_key(name)) is not None]
    rows += [(made, made) for _, key in rows[:2] if checked_quantity(made := f"{key}_{checksum(names.copy().pop())}")]
    keys = apart(rows)
    assert len(set(keys.values())) == len(keys)
    assert all(checked_quantity(key) for key in keys.values())
    random.shuffle(rows)
    assert apart(rows) == keys
