"""Direct payloads: what is understood, and the reason for each that isn't."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire import direct
from support.readings import readings

NOW_NS = 1_764_900_000_000_000_000


def understood(payload: bytes) -> list[Reading]:
    return direct.decode(payload, kind="air_quality", device="aq-1", received_ns=NOW_NS)


def test_the_example_of_the_design_is_one_reading() -> None:
    payload = b'{"ts": 1764900000000, "values": {"pm2_5": 18.2, "pm10": 31.0}, "lat": 14.97, "lon": 102.10}'
    values = {"pm2_5": 18.2, "pm10": 31.0}
    assert understood(payload) == [Reading("aq-1", "air_quality", NOW_NS, values, 14.97, 102.1)]


def test_a_boolean_becomes_a_number_and_an_absent_time_the_time_of_receipt() -> None:
    reading = understood(b'{"values": {"door_open": true, "occupied": false}}')[0]
    assert reading.values == {"door_open": 1.0, "occupied": 0.0}
    assert all(type(value) is float for value in reading.values.values())
    assert reading.time_ns == NOW_NS


@pytest.mark.parametrize(
    ("ts", "expected_ns"),
    [
        ("2025-12-05T02:00:00Z", NOW_NS),
        ("2025-12-05T09:00:00+07:00", NOW_NS),
        ("2025-12-05t02:00:00.5z", NOW_NS + 500_000_000),
        ("2025-12-05T02:00:00.123456789Z", NOW_NS + 123_456_789),
        (1764900000001, NOW_NS + 1_000_000),
        (946_684_800_000, 946_684_800 * 10**9),
    ],
)
def test_times(ts: str | int, expected_ns: int) -> None:
    assert understood(json.dumps({"ts": ts, "values": {"pm10": 1}}).encode())[0].time_ns == expected_ns


def test_0_0_is_no_position() -> None:
    (reading,) = understood(b'{"values": {"pm10": 1}, "lat": 0, "lon": 0.0}')
    assert (reading.lat, reading.lon) == (None, None)
    (reading,) = understood(b'{"values": {"pm10": 1}, "lat": 0, "lon": 102.1}')
    assert (reading.lat, reading.lon) == (0, 102.1)


BAD = {
    "nothing": (b"", Reason.EMPTY),
    "blanks": (b" \n", Reason.EMPTY),
    "no readings": (b"[]", Reason.EMPTY),
    "no UTF-8": (b'{"values": {"a\xff": 1}}', Reason.NOT_UTF8),
    "binary": (bytes(range(128, 256)), Reason.NOT_UTF8),
    "no JSON": (b"temperature=21", Reason.MALFORMED_JSON),
    "cut off": (b'{"values": {"pm10": 1', Reason.MALFORMED_JSON),
    "two documents": (b'{"values": {"pm10": 1}} {"values": {"pm10": 2}}', Reason.MALFORMED_JSON),
    "a single quote": (b"{'values': {'pm10': 1}}", Reason.MALFORMED_JSON),
    "NaN": (b'{"values": {"pm10": NaN}}', Reason.NOT_FINITE),
    "Infinity": (b'{"values": {"pm10": -Infinity}}', Reason.NOT_FINITE),
    "beyond a double": (b'{"values": {"pm10": 1e999}}', Reason.NOT_FINITE),
    "a huge integer": (b'{"values": {"pm10": ' + b"9" * 400 + b"}}", Reason.NOT_FINITE),
    "a huge time": (b'{"ts": ' + b"9" * 30 + b', "values": {"pm10": 1}}', Reason.BAD_TIME),
    "a nested value": (b'{"values": {"pm10": {"value": 1}}}', Reason.WRONG_TYPE),
    "a string value": (b'{"values": {"pm10": "1"}}', Reason.WRONG_TYPE),
    "null": (b'{"values": {"pm10": null}}', Reason.WRONG_TYPE),
    "a bare number": (b"21.5", Reason.WRONG_TYPE),
    "an array of arrays": (b"[[1, 2]]", Reason.WRONG_TYPE),
    "1,000 deep": (b"[" * 1000 + b"]" * 1000, Reason.WRONG_TYPE),
    "1,000 deep in a value": (b'{"values": ' + b'{"a": ' * 1000 + b"1" + b"}" * 1001, Reason.WRONG_TYPE),
    "a repeated quantity": (b'{"values": {"pm10": 1, "pm10": 2}}', Reason.DUPLICATE_KEY),
    "a repeated time": (b'{"ts": 1764900000000, "ts": 1764900000001, "values": {"pm10": 1}}', Reason.DUPLICATE_KEY),
    "a repeated key behind a blank": (b'{"values" : {"pm10": 1}, "values"\t: {"pm10" : 2}}', Reason.DUPLICATE_KEY),
    "no values": (b'{"ts": 1}', Reason.MISSING_FIELD),
    "empty values": (b'{"values": {}}', Reason.NO_VALUES),
    "an unknown field": (b'{"values": {"pm10": 1}, "device": "x"}', Reason.UNKNOWN_FIELD),
    "a bad quantity": (b'{"values": {"PM2.5": 1}}', Reason.BAD_QUANTITY),
    "a reserved quantity": (b'{"values": {"time": 1}}', Reason.BAD_QUANTITY),
    "a reserved ending": (b'{"values": {"pm10_failed": 1}}', Reason.BAD_QUANTITY),
    "half a position": (b'{"values": {"pm10": 1}, "lat": 14.9}', Reason.BAD_POSITION),
    "off the globe": (b'{"values": {"pm10": 1}, "lat": 95, "lon": 102}', Reason.BAD_POSITION),
    "no offset": (b'{"ts": "2025-12-05T09:00:00", "values": {"pm10": 1}}', Reason.BAD_TIME),
    "no such day": (b'{"ts": "2025-02-30T09:00:00Z", "values": {"pm10": 1}}', Reason.BAD_TIME),
    "no time at all": (b'{"ts": "yesterday", "values": {"pm10": 1}}', Reason.BAD_TIME),
    "a time before 1970": (b'{"ts": -1, "values": {"pm10": 1}}', Reason.BAD_TIME),
    "a clock that was never set": (b'{"ts": 12000, "values": {"pm10": 1}}', Reason.BAD_TIME),
    "seconds for milliseconds": (b'{"ts": 1764900000, "values": {"pm10": 1}}', Reason.BAD_TIME),
    "a fractional time": (b'{"ts": 1.5, "values": {"pm10": 1}}', Reason.WRONG_TYPE),
    "too many readings": (b"[" + b",".join([b'{"values":{"pm10":1}}'] * 1001) + b"]", Reason.TOO_MANY_READINGS),
    "too large": (b'{"values": {"pm10": 1}}' + b" " * 256 * 1024, Reason.TOO_LARGE),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_payload_has_its_reason(name: str) -> None:
    payload, reason = BAD[name]
    with pytest.raises(Malformed) as caught:
        understood(payload)
    assert caught.value.reason is reason
    assert caught.value.detail


@given(st.lists(readings(st.just("air_quality"), flagged=False), min_size=1, max_size=5))
def test_what_is_written_is_read_again(rows: list[Reading]) -> None:
    own = [Reading("aq-1", "air_quality", r.time_ns, r.values, r.lat, r.lon) for r in rows]
    assert understood(direct.encode(own)) == own


@given(st.lists(readings(st.just("air_quality"), flagged=False), min_size=1, max_size=3))
def test_every_truncation_has_a_reason(rows: list[Reading]) -> None:
    payload = direct.encode(rows)
    for end in range(len(payload)):
        with pytest.raises(Malformed):
            understood(payload[:end])


@given(st.binary(max_size=200))
def test_any_bytes_become_readings_or_a_reason(payload: bytes) -> None:
    try:
        assert understood(payload)
    except Malformed as error:
        assert error.reason in Reason


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ts", "values", "lat", "lon", "pm10"]), inner),
    )
)
def test_any_json_becomes_readings_or_a_reason(document: object) -> None:
    try:
        assert understood(json.dumps(document).encode())
    except Malformed as error:
        assert error.reason in Reason
