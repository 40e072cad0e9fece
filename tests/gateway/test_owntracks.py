"""OwnTracks against recorded messages, and who names the device."""

import json
from pathlib import Path
from typing import Final

import pytest

from city.names import made_id
from gateway.decoders import Context, DecodeError
from support.cases import readings_by

decode = readings_by("owntracks")

NOW: Final = 1_764_900_000 * 10**9
QUANTITIES: Final = {"acc": "position_accuracy", "alt": "altitude", "batt": "battery", "cog": "heading", "vel": "speed"}
"""The protocol's units are the catalog's: m, m, %, degrees, km/h."""


def test_recorded_messages(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "payloads/owntracks_osmand_traccar.json").read_text())["owntracks"]
    for vector in vectors:
        (reading,) = decode(json.dumps(vector).encode(), Context(NOW))
        assert (reading.lat, reading.lon, reading.time_ns) == (vector["lat"], vector["lon"], vector["tst"] * 10**9)
        expected = {quantity: vector[field] for field, quantity in QUANTITIES.items() if field in vector}
        assert reading.values == (expected or {"position_fix": 1.0})
        assert reading.device == made_id(vector["tid"], "owntracks-")
    print(f"OwnTracks: {len(vectors)} passed, 0 failed, 0 unsupported")  # noqa: T201


@pytest.mark.parametrize(
    ("context", "topic", "device"),
    [
        (Context(NOW, "van-1", parameters={"topic": "owntracks/a/b"}), "owntracks/c/d", "van-1"),
        (Context(NOW, parameters={"topic": "owntracks/a/b"}), "owntracks/c/d", "owntracks-a.b"),
        (Context(NOW), "owntracks/c/d", "owntracks-c.d"),
        (Context(NOW), "owntracks/a-b/c", "owntracks-a-b.c"),
        (Context(NOW), "owntracks/a/b-c", "owntracks-a.b-c"),
        (Context(NOW), "owntracks/a/b.c", "owntracks-a.b.c-x35b133fd50fc"),
        (Context(NOW), "", "owntracks-t1-xfa3296d4f2da"),
    ],
)
def test_link_then_topic_then_tracker_name_the_device(context: Context, topic: str, device: str) -> None:
    message = {"_type": "location", "lat": 14.9, "lon": 102.1, "tid": "T1", "topic": topic}
    (reading,) = decode(json.dumps(message).encode(), context)
    assert (reading.device, reading.time_ns) == (device, NOW)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"_type": "location", "lat": 1, "lon": 2}, "missing_field"),
        ({"_type": "location", "lat": 1, "tid": "a"}, "bad_position"),
        ({"_type": "location", "tid": "a"}, "missing_field"),
        ({"_type": "location", "lat": 1, "lon": 2, "tid": "a", "tst": "soon"}, "bad_time"),
        ({"_type": "location", "lat": 1, "lon": 2, "tid": "a", "tst": 1e300}, "bad_time"),
        ({"_type": ["location"]}, "missing_field"),
        ({"lat": 1, "lon": 2}, "missing_field"),
        ([], "wrong_type"),
    ],
)
def test_what_is_wrong_is_said(message: object, reason: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(json.dumps(message).encode(), Context(NOW))
    assert raised.value.reason == reason
