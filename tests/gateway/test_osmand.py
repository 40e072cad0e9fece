"""OsmAnd and Traccar's client against recorded requests."""

import json
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import pytest

from city.reading import Reading
from gateway.decoders import Context, DecodeError
from support.cases import readings_by

decode = readings_by("osmand")

NOW: Final = 1_764_900_000 * 10**9
QUERY: Final = {
    "altitude": ("altitude", 1),
    "bearing": ("heading", 1),
    "heading": ("heading", 1),
    "hacc": ("position_accuracy", 1),
    "hdop": ("hdop", 1),
    "speed": ("speed", 1.852),
}
"""Parameter of the query to quantity and factor."""

COORDS: Final = {
    "accuracy": ("position_accuracy", 1),
    "altitude": ("altitude", 1),
    "heading": ("heading", 1),
    "speed": ("speed", 3.6),
}
TIMES: Final = {
    "1377177267": 1377177267_000,
    "2016-01-27T18:55:47Z": 1453920947_000,
    "1442068686579": 1442068686579,
    "2014-06-04 09:10:11": 1401873011_000,
}
"""Time of a recorded query to Unix milliseconds."""


def test_recorded_queries(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "payloads/owntracks_osmand_traccar.json").read_text())["osmand_query"]
    counts = dict.fromkeys(("passed", "unsupported"), 0)
    for vector in vectors:
        fields = {name: values[-1] for name, values in parse_qs(vector.partition("?")[2]).items()}
        by_body = refused_or_read(vector.encode(), Context(NOW, "named"))
        by_url = refused_or_read(b"", Context(NOW, "named", parameters=fields))
        assert by_body == by_url
        if "lat" not in fields:  # cells and Wi-Fi alone: a place that only a paid service could tell
            assert by_body == "no_values"
            counts["unsupported"] += 1
            continue
        assert isinstance(by_body, Reading)
        assert (by_body.lat, by_body.lon) == (float(fields["lat"]), float(fields["lon"]))
        assert by_body.time_ns == TIMES.get(fields.get("timestamp", ""), NOW // 10**6) * 10**6
        expected = {QUERY[name][0]: float(text) * QUERY[name][1] for name, text in fields.items() if name in QUERY}
        assert by_body.values == pytest.approx(expected or {"position_fix": 1.0})
        name = fields.get("id") or fields.get("deviceid")
        unnamed = refused_or_read(vector.encode(), Context(NOW))
        assert unnamed == "missing_field" if name is None else unnamed.device == f"osmand-{name}"  # type: ignore[union-attr]
        counts["passed"] += 1
    print(f"OsmAnd queries: {counts['passed']} passed, 0 failed, {counts['unsupported']} unsupported")  # noqa: T201
    assert counts == {"passed": 7, "unsupported": 1}


def test_recorded_objects(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "payloads/owntracks_osmand_traccar.json").read_text())["osmand_json"]
    for vector in vectors:
        (reading,) = decode(json.dumps(vector).encode(), Context(NOW))
        location, coords = vector["location"], vector["location"]["coords"]
        assert reading.device == f"osmand-{vector['device_id']}"
        assert (reading.lat, reading.lon) == (coords["latitude"], coords["longitude"])
        expected = {COORDS[name][0]: coords[name] * COORDS[name][1] for name in COORDS if coords[name] >= 0}
        expected |= {"odometer": location["odometer"] / 1000, "moving": float(location["is_moving"])}
        expected |= {"charging": float(location["battery"]["is_charging"])}
        expected |= {name: float(extra) for name, extra in location["extras"].items() if not isinstance(extra, str)}
        if location["battery"]["level"] >= 0:
            expected["battery"] = location["battery"]["level"] * 100
        assert reading.values == pytest.approx(expected)
    print(f"OsmAnd objects: {len(vectors)} passed, 0 failed, 0 unsupported")  # noqa: T201


def refused_or_read(payload: bytes, context: Context) -> Reading | str:
    """Give the one reading, or the reason."""
    try:
        (reading,) = decode(payload, context)
    except DecodeError as error:
        return str(error.reason)
    return reading


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"hello", "wrong_type"),
        (b"id=%ff&lat=1&lon=2", "not_utf8"),
        (b"id=\xff&lat=1", "not_utf8"),
        (b"id=1&lat=1", "bad_position"),
        (b"id=1&lat=north&lon=2", "bad_position"),
        (b"id=1&lat=1&lon=2&timestamp=soon", "bad_time"),
        (b"id=1&lat=1&lon=2&timestamp=-5", "bad_time"),
        (b"&".join(b"a=1" for _ in range(300)), "wrong_type"),
        (b'{"device_id": 1}', "wrong_type"),
        (b'{"device_id": 1, "location": {}}', "no_values"),
        (b'{"device_id": 1, "location": {"coords": 7}}', "wrong_type"),
        (b'{"device_id": 1, "location": {"timestamp": [], "coords": {"speed": 1}}}', "bad_time"),
    ],
)
def test_what_is_wrong_is_said(payload: bytes, reason: str) -> None:
    assert refused_or_read(payload, Context(NOW)) == reason


@pytest.mark.parametrize("valid", ["false", "0", "F", "False"])
def test_an_invalid_fix_is_no_position(valid: str) -> None:
    (reading,) = decode(f"id=1&lat=0&lon=0&valid={valid}&batt=7".encode(), Context(NOW))
    assert (reading.lat, reading.values) == (None, {"battery": 7.0})
    (reading,) = decode(b"id=1&lat=1&lon=2&valid=true&batt=7", Context(NOW))
    assert (reading.lat, reading.lon) == (1.0, 2.0)


def test_an_odometer_is_in_metres_in_either_form() -> None:
    (query,) = decode(b"id=1&lat=1&lon=2&odometer=12345500", Context(NOW))
    (message,) = decode(b'{"device_id": 1, "location": {"odometer": 12345500}}', Context(NOW))
    assert query.values == message.values == {"odometer": 12345.5}
