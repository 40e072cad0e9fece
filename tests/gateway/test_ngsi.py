"""NGSI against the published examples of the Smart Data Models, in all three spellings."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from city.names import made_id
from gateway.decoders import Context, DecodeError
from support.cases import readings_by

decode = readings_by("ngsi")

NOW: Final = 1_764_900_000 * 10**9
VALUES: Final[dict[str, dict[str, tuple[str, float]]]] = {
    "AirQualityObserved": {
        "temperature": ("temperature", 1), "relativeHumidity": ("humidity", 100), "windSpeed": ("wind_speed", 1),
        "windDirection": ("wind_direction", 1), "precipitation": ("rain_amount", 1), "NO": ("no", 1), "NOx": ("nox", 1),
        "NO2": ("no2", 24.465 / 46.006), "SO2": ("so2", 24.465 / 64.06), "CO": ("co", 24.465 / 28.01 / 1000),
        "airQualityIndex": ("air_quality_index", 1),
    },
    "Device": {"batteryLevel": ("battery", 100)},
    "OnStreetParking": {"availableSpotNumber": ("spaces_free", 1), "totalSpotNumber": ("spaces_total", 1)},
    "ParkingSpot": {"status": ("occupied", 1)},
    "Streetlight": {"powerState": ("lamp_on", 1)},
    "StreetlightGroup": {"powerState": ("lamp_on", 1)},
    "ThreePhaseAcMeasurement": {
        "totalActivePower": ("power", 1), "totalActiveEnergyImport": ("energy", 1), "frequency": ("frequency", 1),
        "totalActiveEnergyExport": ("energy_exported", 1), "activePower.L1": ("power_l1", 1),
        "current.L2": ("current_l2", 1), "phaseVoltage.L3": ("voltage_l3", 1), "current.N": ("current_n", 1),
        "phaseToPhaseVoltage.L31": ("phase_to_phase_voltage_l31", 1), "reactivePower.L1": ("reactive_power_l1", 1),
    },
    "TrafficFlowObserved": {
        "intensity": ("vehicle_count", 1), "occupancy": ("lane_occupancy", 100), "averageVehicleSpeed": ("speed", 1),
        "averageHeadwayTime": ("average_headway_time", 1), "averageVehicleLength": ("average_vehicle_length", 1),
        "reversedLane": ("reversed_lane", 1),
    },
    "Vehicle": {"speed": ("speed", 1), "cargoWeight": ("weight", 1)},
    "WaterQualityObserved": {
        "temperature": ("temperature", 1), "pH": ("ph", 1), "conductivity": ("conductivity", 1), "NO3": ("no3", 1),
    },
    "WeatherObserved": {
        "temperature": ("temperature", 1), "relativeHumidity": ("humidity", 100), "windSpeed": ("wind_speed", 1),
        "windDirection": ("wind_direction", 1), "precipitation": ("rain_amount", 1), "snowHeight": ("snow_height", 1),
        "atmosphericPressure": ("pressure", 1), "pressureTendency": ("pressure_tendency", 1),
        "illuminance": ("illuminance", 1), "streamGauge": ("stream_gauge", 1),
    },
}  # fmt: skip
"""Model to attribute to quantity and factor."""

STATES: Final = {"free": 0, "occupied": 1, "off": 0, "on": 1}
PARTIAL: Final = {"ThreePhaseAcMeasurement"}
"""Models of which the table names a sample of the quantities."""


def test_published_examples(shared_data: Path) -> None:
    passed, unsupported = 0, 0
    for path in sorted((shared_data / "ngsi").glob("*/example*")):
        model = path.parent.name
        if model not in VALUES:
            with pytest.raises(DecodeError) as raised:
                decode(path.read_bytes(), Context(NOW))
            assert raised.value.reason == "unknown_kind"
            unsupported += 1
            continue
        assert values(path.read_bytes()) == wanted(model, json.loads(path.read_bytes())), path
        passed += 1
    print(f"NGSI: {passed} passed, 0 failed, {unsupported} of unsupported models")  # noqa: T201
    assert (passed, unsupported) == (33, 23)


def values(payload: bytes) -> Any:
    (reading,) = decode(payload, Context(NOW))
    return pytest.approx(reading.values)


def wanted(model: str, entity: dict[str, Any]) -> dict[str, float]:
    """Work out the values by the table; what it only samples is taken over."""
    made: dict[str, float] = {}
    for name, (quantity, factor) in VALUES[model].items():
        attribute, _, part = name.partition(".")
        if attribute not in entity:
            continue
        given = entity[attribute]
        milligrams = isinstance(given, dict) and "GP" in json.dumps(given)
        given = given["value"] if isinstance(given, dict) and "value" in given else given
        given = given[part] if part else given
        made[quantity] = (STATES[given] if isinstance(given, str) else given) * factor * (1000 if milligrams else 1)
    if "wind_direction" in made:
        made["wind_direction"] %= 360
    if model in PARTIAL:
        (reading,) = decode(json.dumps(entity).encode(), Context(NOW))
        made = reading.values | made
    return made


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Station-7-2025-12-05T01:00:00", "Station-7"),
        ("Station-7-2025-12-05T01:00:00.00Z", "Station-7"),
        ("urn:ngsi-ld:WeatherObserved:Station-7", "Station-7"),
        ("urn:ngsi-ld:WeatherObserved:WeatherObserved:Station-7", "Station-7"),
        ("weatherobserved-Station-7", "weatherobserved-Station-7"),
        ("Station-7_2025-12-05T01:00:00_2025-12-05T02:00:00", "Station-7"),
        ("2025-12-05T01:00:00", "2025-12-05T01:00:00"),
        ("urn:ngsi-ld:Device:7", "urn:ngsi-ld:Device:7"),
    ],
)
def test_all_observations_of_a_station_are_of_one_device(spelling: str, name: str) -> None:
    (reading,) = decode(
        json.dumps({"id": spelling, "type": "WeatherObserved", "temperature": 20}).encode(), Context(NOW)
    )
    assert reading.device == made_id(name, "ngsi-weatherobserved-")


def test_an_id_too_long_for_a_device_is_cut_and_stays_its_own() -> None:
    uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf"
    entities = [
        {"id": f"urn:ngsi-ld:ThreePhaseAcMeasurement:{uuid}{end}", "type": "ThreePhaseAcMeasurement", "frequency": 50}
        for end in "67"
    ]
    one, other = (reading.device for reading in decode(json.dumps(entities).encode(), Context(NOW)))
    assert one[:52] == other[:52] == f"ngsi-threephaseacmeasurement-{uuid[:21]}-x"
    assert one != other
    assert len(one) == 64


@pytest.mark.parametrize(
    ("attribute", "code", "value"),
    [("LAeq", "2N", 60.0), ("relativeHumidity", "P1", 60.0), ("relativeHumidity", "C62", 6000.0)],
)
def test_a_code_that_leaves_something_open_is_read_as_the_quantity_has_it(
    attribute: str, code: str, value: float
) -> None:
    entity = {"id": "a", "type": "NoiseLevelObserved", attribute: {"type": "Property", "value": 60, "unitCode": code}}
    (reading,) = decode(json.dumps(entity).encode(), Context(NOW))
    assert list(reading.values.values()) == [value]


def test_attributes_of_different_times_are_different_readings() -> None:
    def attribute(value: float, minute: int) -> dict[str, Any]:
        return {"type": "Property", "value": value, "observedAt": f"2025-12-05T01:{minute}:00Z"}

    entity = {"id": "w:1", "type": "WeatherObserved", "temperature": attribute(20, 10), "windSpeed": attribute(3, 50)}
    readings = decode(json.dumps(entity).encode(), Context(NOW))
    assert [(reading.values, (NOW - reading.time_ns) // 60_000_000_000) for reading in readings] == [
        ({"temperature": 20.0}, 50),
        ({"wind_speed": 3.0}, 10),
    ]


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        ({"type": "WeatherObserved", "temperature": 1}, "missing_field"),
        ({"id": "a", "temperature": 1}, "unknown_kind"),
        ({"id": "a" * 300, "type": "WeatherObserved", "temperature": 1}, "bad_device"),
        ({"id": "a", "type": "WeatherObserved", "temperature": 1, "dateObserved": "soon"}, "bad_time"),
        ({"id": "a", "type": "WeatherObserved", "temperature": 1, "location": "a,b"}, "bad_position"),
        ({"id": "a", "type": "WeatherObserved", "location": {"coordinates": [[[]]]}}, "bad_position"),
        ({"id": "a", "type": "WeatherObserved", "temperature": {"value": 1, "unitCode": "KGM"}}, "bad_quantity"),
        ({"id": "a", "type": "WeatherObserved", "level": {"value": 1, "unitCode": "KGM"}}, "bad_quantity"),
        ({"id": "", "type": "WeatherObserved", "temperature": 1}, "missing_field"),
        ([[]], "wrong_type"),
        (7, "wrong_type"),
    ],
)
def test_what_is_wrong_is_said(entity: object, reason: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(json.dumps(entity).encode(), Context(NOW))
    assert raised.value.reason == reason


def test_entities_without_a_measurement_are_nothing_to_say() -> None:
    assert decode(b'{"id": "p:1", "type": "ParkingSpot", "status": "unknown"}', Context(NOW)) == []
    assert decode(b'{"id": "p:1", "type": "ParkingSpot", "location": "14.97,102.1"}', Context(NOW)) == []
    assert decode(b'{"subscriptionId": "1", "data": []}', Context(NOW)) == []
