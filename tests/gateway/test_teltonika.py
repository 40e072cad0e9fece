"""Teltonika's frames: the published ones, and those of our own encoder."""

import json
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.reading import Reading
from city.wire.direct import MAX_VALUES
from gateway.decoders import DECODERS, Context, DecodeError
from gateway.decoders.teltonika import frame
from gateway.naming.decoding import checked
from support import teltonika as tracker
from support.cases import readings_by

decode = readings_by("teltonika")

NOW: Final = 1_764_900_000_000_000_000
CONTEXT: Final = Context(NOW, "imei-356000000000017")

MEANINGS: Final = {
    "1": ("din1", 1),
    "16": ("odometer", 1000),
    "21": ("gsm_signal", 1),
    "66": ("voltage", 1000),
    "67": ("battery_voltage", 1000),
    "182": ("hdop", 10),
    "199": ("trip_distance", 1000),
    "239": ("ignition", 1),
    "240": ("movement", 1),
    "252": ("io_252", 1),
    "10804": ("humidity", 1),
}
"""Elements of the published frames to quantity and steps a unit, written without looking at the decoder's table."""


def published(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "decoders" / name).read_text())


def raw_io(record: frame.Record) -> dict[str, int | str]:
    """Give a record's elements as the published frames spell them."""
    numbers = {str(number): value for number, value in zip(record.numbers, record.values, strict=True)}
    return numbers | {str(number): content.hex() for number, content in record.long.items()}


def spelled(record: frame.Record) -> dict[str, Any]:
    return {
        "timestamp_ms": record.time_ms,
        "priority": record.priority,
        "longitude": record.lon / 1e7,
        "latitude": record.lat / 1e7,
        "altitude": record.altitude,
        "angle": record.angle,
        "satellites": record.satellites,
        "speed": record.speed,
        "event_io_id": record.event,
        "generation_type": record.origin,
        "io": raw_io(record),
    }


def compare(payload: bytes, body: bytes, expected: list[dict[str, Any]]) -> None:
    """Compare records and readings of a frame with what was published about it."""
    records = frame.records(body)
    assert [{"generation_type": 0, **record} for record in expected] == [spelled(record) for record in records]
    readings = checked(decode(payload, CONTEXT))
    for record in expected:
        ours = [reading for reading in readings if reading.time_ns == record["timestamp_ms"] * 1_000_000]
        assert ours
        values = {key: value for reading in ours for key, value in reading.values.items()}
        lat, lon = record["latitude"], record["longitude"]
        place = (lat, lon) if lat or lon else (None, None)
        assert {(reading.lat, reading.lon) for reading in ours} == {place}
        if record["satellites"] and lat:
            assert (values["speed"], values["heading"]) == (record["speed"], record["angle"])
            assert values["altitude"] == record["altitude"]
        for number, raw in record["io"].items():
            if number in MEANINGS:
                quantity, per = MEANINGS[number]
                assert values[quantity] == pytest.approx(raw / per), number


def test_captured_frames_are_read_as_published(shared_data: Path) -> None:
    passed = refused = 0
    for vector in published(shared_data, "teltonika_traccar_public.json")["vectors"]:
        payload = bytes.fromhex(vector["hex"])
        if vector["frame"]["crc_ok"] and vector["frame"]["length_ok"]:
            compare(payload, frame.of_tcp(payload), vector["frame"]["records"])
            passed += 1
        else:
            with pytest.raises(DecodeError, match=r"checksum|announced"):
                decode(payload, CONTEXT)
            refused += 1
    print(f"teltonika, captured frames: {passed} passed, {refused} refused as damaged, 0 failed")  # noqa: T201
    assert (passed, refused) == (18, 2)


def test_frames_without_records_or_sense_are_refused_or_say_nothing(shared_data: Path) -> None:
    outcomes: list[str] = []
    for vector in published(shared_data, "teltonika_traccar_public.json")["non_avl_or_malformed"]:
        try:
            assert decode(bytes.fromhex(vector["hex"]), CONTEXT) == []
            outcomes.append("nothing to say")
        except DecodeError as error:
            outcomes.append(error.reason)
    print(f"teltonika, other frames: {Counter(map(str, outcomes))}")  # noqa: T201
    assert len(outcomes) == 13


def test_the_examples_of_the_wiki_are_read_as_printed(shared_data: Path) -> None:
    passed = 0
    for vector in published(shared_data, "teltonika_wiki_examples.json")["vectors"]:
        payload = bytes.fromhex(vector["hex"])
        if vector["transport"] == "TCP-handshake":
            assert decode(payload, CONTEXT) == []
        elif vector["transport"] == "UDP":
            header, body = frame.of_udp(payload)
            told = vector["udp"]
            assert header == (told["packet_id"], told["avl_packet_id"], told["imei"])
            compare(payload, body, vector["expected"])
            assert {reading.device for reading in decode(payload, Context(NOW))} == {f"imei-{told['imei']}"}
        elif "expected" in vector:
            compare(payload, frame.of_tcp(payload), vector["expected"])
        else:
            (wanted,) = vector["expected_partial"]
            (reading,) = decode(payload, CONTEXT)
            assert (reading.lat, reading.lon) == (wanted["latitude"], wanted["longitude"])
        passed += 1
    print(f"teltonika, the wiki's examples: {passed} passed, 0 failed")  # noqa: T201
    assert passed == 10


WIDTHS = {1: 8, 2: 16, 4: 32, 8: 64}


@st.composite
def told(draw: st.DrawFn, codec: int) -> tracker.Told:
    numbers = st.integers(0, 255 if codec == tracker.CODEC_8 else 65_535)
    widths = st.sampled_from(sorted(WIDTHS))
    values = widths.flatmap(lambda width: st.tuples(st.just(width), st.integers(0, 2 ** WIDTHS[width] - 1)))
    degrees = st.integers(-(2**31), 2**31 - 1)
    sixteen = st.integers(0, 65_535)
    eight = st.integers(0, 255)
    io = draw(st.dictionaries(numbers, values, max_size=90))
    long = draw(st.dictionaries(numbers, st.binary(max_size=20), max_size=4)) if codec == tracker.CODEC_8E else {}
    return tracker.Told(
        draw(st.integers(946_684_800_000, 4_102_444_799_999)),
        lat=draw(degrees),
        lon=draw(degrees),
        altitude=draw(st.integers(-(2**15), 2**15 - 1)),
        angle=draw(sixteen),
        satellites=draw(eight),
        speed=draw(sixteen),
        priority=draw(eight),
        event=draw(numbers),
        origin=draw(eight) if codec == tracker.CODEC_16 else 0,
        io=io,
        long=long,
    )


codecs = st.sampled_from([tracker.CODEC_8, tracker.CODEC_8E, tracker.CODEC_16])
bodies = codecs.flatmap(lambda codec: st.tuples(st.just(codec), st.lists(told(codec), max_size=4)))


@given(bodies)
@settings(max_examples=60, deadline=None)
def test_what_a_tracker_writes_is_what_we_read(drawn: tuple[int, list[tracker.Told]]) -> None:
    codec, written = drawn
    body = tracker.body(codec, written)
    payload = tracker.tcp(body)
    assert frame.of_tcp(payload) == body
    records = frame.records(body)
    for record, one in zip(records, written, strict=True):
        assert (record.time_ms, record.priority, record.lat, record.lon) == (
            one.time_ms,
            one.priority,
            one.lat,
            one.lon,
        )
        assert (record.altitude, record.angle, record.satellites, record.speed) == (
            one.altitude,
            one.angle,
            one.satellites,
            one.speed,
        )
        assert (record.event, record.origin, record.long) == (one.event, one.origin, one.long)
        groups = [[(number, value) for number, (size, value) in one.io.items() if size == width] for width in WIDTHS]
        assert record.counts == tuple(map(len, groups))
        assert list(zip(record.numbers, record.values, strict=True)) == list(chain.from_iterable(groups))
    readings = checked(decode(payload, CONTEXT))
    assert {reading.time_ns // 1_000_000 for reading in readings} == {one.time_ms for one in written}
    assert checked(decode(tracker.udp(body, "356000000000017"), Context(NOW))) == readings


def test_more_values_than_a_reading_takes_are_spread_over_several() -> None:
    io = {number: (1, number % 256) for number in range(1000, 1100)}
    payload = tracker.tcp(tracker.body(tracker.CODEC_8E, [tracker.Told(1_764_900_000_000, io=io)]))
    readings = checked(decode(payload, CONTEXT))
    assert [len(reading.values) for reading in readings] == [MAX_VALUES, 101 - MAX_VALUES]
    together = {key: value for reading in readings for key, value in reading.values.items()}
    assert together == {"satellites": 0.0, **{f"io_{number}": number % 256 for number in io}}


@pytest.mark.parametrize(
    ("element", "values"),
    [
        ({25: (2, 0xFFFF)}, {"temperature": -0.01}),
        ({25: (2, 0x8000)}, {"temperature": -327.68}),
        ({25: (2, 32767)}, {}),
        ({72: (4, 2**32 - 1)}, {"temperature": -0.1}),
        ({72: (4, 850)}, {}),
        ({86: (2, 1000)}, {"humidity": 100.0}),
        ({86: (2, 4000)}, {}),
        ({29: (1, 0)}, {}),
    ],
)
def test_a_sensor_that_is_lost_measures_nothing(element: dict[int, tuple[int, int]], values: dict[str, float]) -> None:
    payload = tracker.tcp(tracker.body(tracker.CODEC_16, [tracker.Told(1_764_900_000_000, io=element)]))
    expected = [Reading(CONTEXT.device or "", "vehicle", NOW, {"satellites": 0.0})]
    if values:
        expected.append(Reading(CONTEXT.device or "", "cargo", NOW, values))
    assert decode(payload, CONTEXT) == expected


@pytest.mark.parametrize(
    ("elements", "values"),
    [
        ({25: (2, 500), 72: (4, 213)}, {"temperature": 5.0, "io_72": 21.3}),
        ({72: (4, 213), 25: (2, 3000)}, {"io_72": 21.3}),
        ({25: (2, 500), 10800: (2, 600), 72: (4, 850)}, {"temperature": 5.0, "io_10800": 6.0}),
        ({86: (2, 65535), 10804: (1, 60)}, {"io_10804": 60.0}),
        ({48: (1, 40), 89: (1, 70)}, {"fuel_level": 40.0, "io_89": 70.0}),
        ({89: (1, 70), 48: (1, 40)}, {"fuel_level": 40.0, "io_89": 70.0}),
        ({89: (1, 70), 48: (1, 255)}, {"io_89": 70.0}),
        ({89: (1, 70)}, {"fuel_level": 70.0}),
    ],
)
def test_a_sensor_that_is_lost_leaves_its_name_to_no_other(
    elements: dict[int, tuple[int, int]], values: dict[str, float]
) -> None:
    payload = tracker.tcp(tracker.body(tracker.CODEC_8E, [tracker.Told(1_764_900_000_000, io=elements)]))
    measured = {key: value for reading in decode(payload, CONTEXT) for key, value in reading.values.items()}
    assert measured == {"satellites": 0.0, **values}


def test_long_elements_are_told_unless_they_are_named_texts() -> None:
    long = {256: b"WDB1234567890123V", 9_999: bytes(9)}
    payload = tracker.tcp(tracker.body(tracker.CODEC_8E, [tracker.Told(1_764_900_000_000, long=long)]))
    assert DECODERS["teltonika"](payload, CONTEXT).rest.unread == ["io_9999"]


def test_what_is_too_large_is_not_looked_at() -> None:
    for payload in (bytes(frame.MAX_BYTES + 1), b"\x01" * (frame.MAX_BYTES + 1)):
        with pytest.raises(DecodeError) as raised:
            decode(payload, CONTEXT)
        assert raised.value.reason == "too_large"


def test_a_login_that_the_link_refused_stays_refused() -> None:
    assert decode(b"\0\x0f356307042441013", CONTEXT) == []
    with pytest.raises(DecodeError) as raised:
        decode(b"\0\x0f35630704244101X", CONTEXT)
    assert raised.value.reason == "bad_device"
