"""The platform's own JSON, with device and kind in it."""

import json

import pytest

from city.reading import Reading
from gateway.decoders import Context, DecodeError
from support.cases import readings_by

decode = readings_by("native")

NOW = 1_764_900_000_123_456_789
BARE = Context(NOW)
KNOWN = Context(NOW, "aq-1", "air_quality")
WHOLE = {
    "device": "aq-2",
    "kind": "weather",
    "ts": "2025-12-05T09:00:00.5+07:00",
    "values": {"temperature": 31.5, "rain_rate": 0},
    "lat": 14.97,
    "lon": 102.1,
}


def encoded(row: object) -> bytes:
    return json.dumps(row).encode()


def test_a_whole_row_needs_no_context() -> None:
    expected = Reading("aq-2", "weather", 1764900000500000000, {"temperature": 31.5, "rain_rate": 0.0}, 14.97, 102.1)
    assert decode(encoded(WHOLE), BARE) == [expected]
    assert decode(encoded([WHOLE, WHOLE]), KNOWN) == [expected, expected], "the payload knows better than the link"


def test_device_kind_and_time_default_from_the_context() -> None:
    payload = encoded([{"values": {"pm2_5": 1}}, {"values": {"lamp_on": True}, "device": "other"}])
    assert decode(payload, KNOWN) == [
        Reading("aq-1", "air_quality", NOW, {"pm2_5": 1.0}),
        Reading("other", "air_quality", NOW, {"lamp_on": 1.0}),
    ]


def test_an_empty_array_has_nothing_to_say() -> None:
    assert decode(b"[]", BARE) == []


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "malformed_json"),
        (b"\xff", "not_utf8"),
        (b"7", "wrong_type"),
        (b"[[]]", "wrong_type"),
        (b"{}", "missing_field"),
        (b'{"values": {"a": 1}, "value": 2}', "unknown_field"),
        (b'{"values": {"a": 1}, "device": 5}', "wrong_type"),
        (b'{"values": {"a": 1}, "device": null}', "wrong_type"),
        (b'{"values": {"a": 1}, "device": "A B"}', "bad_device"),
        (b'{"values": {"a": 1}, "device": ""}', "bad_device"),
        (b'{"values": {"a": 1}, "kind": "toaster"}', "unknown_kind"),
        (b'{"values": {"a": NaN}}', "not_finite"),
        (b'{"values": {"a": 1e999}}', "not_finite"),
        (b'{"values": {"a": "1"}}', "wrong_type"),
        (b'{"values": {}}', "no_values"),
        (b'{"values": {"A": 1}}', "bad_quantity"),
        (b'{"values": {"lat": 1}}', "bad_quantity"),
        (b'{"values": {"a": 1}, "ts": "yesterday"}', "bad_time"),
        (b'{"values": {"a": 1}, "ts": -1}', "bad_time"),
        (b'{"values": {"a": 1}, "lat": 14}', "bad_position"),
        (b'{"values": {"a": 1}, "lat": 91, "lon": 0}', "bad_position"),
        (b'{"values": {"a": 1, "a": 2}}', "duplicate_key"),
        (b'{"values": {"a": 1}, "device": "x", "device": "y"}', "duplicate_key"),
        (b'{"kind": "rain", "values": {"a": 1}, "kind": "rain"}', "duplicate_key"),
        (b'[{"values": {"B": 1}}, {"values": {"A": 1}}]', "bad_quantity"),
        (b"[" + b",".join([b'{"values":{"a":1}}'] * 1001) + b"]", "too_many_readings"),
        (b" " * 262_145, "too_large"),
        (b"[" * 100_000, "wrong_type"),
    ],
)
def test_what_is_wrong_is_said(payload: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(payload, KNOWN)
    assert raised.value.reason == reason


@pytest.mark.parametrize("context", [BARE, Context(NOW, kind="rain")])
def test_somebody_must_name_the_device(context: Context) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(b'{"values": {"a": 1}}', context)
    assert raised.value.reason == "missing_field"
