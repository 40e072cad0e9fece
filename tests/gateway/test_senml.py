"""SenML: RFC 8428's own examples, JSON and CBOR, and what they mean here."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest

from city.reading import Reading
from gateway.decoders import Context, DecodeError
from gateway.decoders.senml import decode, resolve
from gateway.decoders.senml_pack import Record, parse

NOW = 1_764_900_000_000_000_000
BARE = Context(NOW)
OW = "urn:dev:ow:10e2073a01080063"
OW_ID = "urn-dev-ow-10e2073a01080063"
_FIELDS = {"n": "name", "t": "time_s", "u": "unit", "s": "total"}


def vectors(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "payloads" / "senml_rfc8428_public.json").read_text())["vectors"]


def plain(record: Record) -> dict[str, Any]:
    """Write a record as the RFC's resolved form."""
    written = {label: getattr(record, name) for label, name in _FIELDS.items() if getattr(record, name) is not None}
    label = {bool: "vb", str: "vs"}.get(type(record.value), "v")
    return written | {label: record.value}


def said_now_s(vector: dict[str, Any]) -> float:
    """Say when the RFC's author resolved an example, which shows where it has no time of its own."""
    return vector["resolved"][0]["t"] if "bt" not in vector["pack"][0] else 1_498_780_179.0


def test_the_examples_of_the_rfc_resolve_as_printed(shared_data: Path) -> None:
    checked = 0
    for vector in vectors(shared_data):
        forms = [json.dumps(vector["pack"]).encode(), bytes.fromhex(vector.get("cbor_hex", ""))]
        for payload in filter(None, forms) if "resolved" in vector else ():
            records = resolve(parse(payload), round(said_now_s(vector) * 1e9))
            # the printed form leaves out data values
            shown = [plain(record) for record in records if not record.name.endswith("nfv-reader")]
            for got, expected in zip(shown, vector["resolved"], strict=True):
                assert got == {**expected, "t": pytest.approx(expected["t"], abs=1e-6)}, vector["name"]
            checked += 1
    assert checked == 10


def test_json_and_cbor_of_an_example_are_the_same_readings(shared_data: Path) -> None:
    both = [vector for vector in vectors(shared_data) if "cbor_hex" in vector]
    assert len(both) == 2
    for vector in both:
        assert decode(json.dumps(vector["pack"]).encode(), BARE) == decode(bytes.fromhex(vector["cbor_hex"]), BARE)


def read(*records: dict[str, Any], context: Context = BARE) -> list[Reading]:
    """Decode records as JSON, and see that CBOR, with labels as text or numbers, says the same."""
    readings = decode(json.dumps(records).encode(), context)
    numbers = {"bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "bver": -1, "n": 0, "u": 1, "v": 2, "vs": 3}
    numbers |= {"vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}
    short = [{numbers.get(label, label): value for label, value in record.items()} for record in records]
    assert decode(cbor2.dumps(short), context) == readings
    assert decode(cbor2.dumps(cbor2.CBORTag(55799, list(records))), context) == readings
    return readings


def test_a_device_with_several_quantities_is_one_reading() -> None:
    readings = read({"bn": f"{OW}:", "n": "voltage", "u": "V", "v": 120.1}, {"n": "current", "u": "A", "v": 1.2})
    assert readings == [Reading(OW_ID, "energy_meter", NOW, {"voltage": 120.1, "current": 1.2})]


def test_the_unit_tells_the_quantity_where_the_name_does_not() -> None:
    assert read({"n": OW, "u": "Cel", "v": 23.1}) == [Reading(OW_ID, "weather", NOW, {"temperature": 23.1})]
    assert read({"n": OW, "u": "%EL", "v": 98})[0].values == {"battery": 98.0}


def test_positions_join_the_reading_of_their_instant() -> None:
    pack = ({"bn": OW, "bt": 1.76e9, "u": "%RH", "v": 20}, {"u": "lon", "v": 102.1}, {"u": "lat", "v": 14.97})
    assert read(*pack, {"t": 60, "u": "%RH", "v": 21}, context=Context(NOW, kind="weather")) == [
        Reading(OW_ID, "weather", 1_760_000_000 * 10**9, {"humidity": 20.0}, 14.97, 102.1),
        Reading(OW_ID, "weather", 1_760_000_060 * 10**9, {"humidity": 21.0}),
    ]


@pytest.mark.parametrize(
    ("record", "time_ns"),
    [
        ({}, NOW),
        ({"t": -5}, NOW - 5 * 10**9),
        ({"t": 5}, NOW + 5 * 10**9),
        ({"bt": 100, "t": -200}, NOW - 100 * 10**9),
        ({"t": 2**28 - 1}, NOW + (2**28 - 1) * 10**9),
        ({"t": 2**28}, 2**28 * 10**9),
        ({"bt": 1320067464.123456, "t": 1}, 1320067465123456000),
        ({"t": 1.5e9}, 1_500_000_000 * 10**9),
    ],
)
def test_times(record: dict[str, Any], time_ns: int) -> None:
    assert [got.time_ns for got in read({"n": OW, "u": "Cel", "v": 1, **record})] == [time_ns]


@pytest.mark.parametrize(
    ("name", "unit", "device", "quantity"),
    [
        (f"{OW}:temperature", "Cel", OW_ID, "temperature"),
        (f"{OW}_temp", "Cel", OW_ID, "temperature"),
        (f"{OW}:outside:7", "Cel", OW_ID, "temperature"),
        (f"{OW}:soil_moisture", "%", OW_ID, "soil_moisture"),
        ("urn:dev:mac:a4c138fffe123456", "Cel", "urn-dev-mac-a4c138fffe123456", "temperature"),
        ("URN:DEV:os:32473-123456_humidity", None, "urn-dev-os-32473-123456", "humidity"),
        ("plant/pump7/pressure", "hPa", "plant-pump7", "pressure"),
        ("plant/pump7/vibration", "m/s2", "plant-pump7", "vibration"),
        ("station-a", "Cel", "station-a", "temperature"),
        (
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "Cel",
            "urn-uuid-f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "temperature",
        ),
        ("2001:db8::3", "V", "2001-db8--3", "voltage"),
    ],
)
def test_names(name: str, unit: str | None, device: str, quantity: str) -> None:
    record = {"n": name, "v": 7} | ({"u": unit} if unit else {})
    assert [(got.device, list(got.values)) for got in read(record)] == [(device, [quantity])]


def test_the_context_names_device_and_kind() -> None:
    context = Context(NOW, "tank-1", "water_level")
    assert read({"n": "level", "u": "m", "v": 181.2}, context=context) == [
        Reading("tank-1", "water_level", NOW, {"level": 181.2})
    ]


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "expected"),
    [
        ("temperature", "K", 300.15, 27.0),
        ("pressure", "Pa", 101325, 1013.25),
        ("speed", "m/s", 10, 36.0),
        ("wind_speed", "m/s", 10, 10.0),
        ("wind_speed", "km/h", 36, 10.0),
        ("fill_level", "/", 0.5, 50.0),
        ("lamp_on", "/", 1, 1.0),
        ("energy", "J", 3.6e6, 1.0),
        ("power", "kW", 2, 2000.0),
        ("odometer", "m", 1500, 1.5),
        ("pm2_5", "kg/m3", 25e-9, 25.0),
        ("temperature", None, 27, 27.0),
        ("soil_moisture", "furlong", 3, 3.0),
    ],
)
def test_values_come_in_the_unit_of_the_catalog(quantity: str, unit: str | None, value: float, expected: float) -> None:
    record = {"n": f"{OW}:{quantity}", "v": value} | ({"u": unit} if unit else {})
    assert read(record)[0].values == {quantity: pytest.approx(expected)}


def test_base_values_sums_and_versions() -> None:
    assert read({"bn": f"{OW}:", "bv": 20, "bu": "Cel", "bver": 5, "n": "temperature", "v": 3})[0].values == {
        "temperature": 23.0
    }
    assert read({"n": f"{OW}:power", "u": "W", "s": 3.6e6, "v": 5})[0].values == {"power": 5.0, "energy": 1.0}
    assert read({"n": f"{OW}:flow", "u": "m3/s", "s": 7})[0].values == {"flow_sum": 7.0}
    assert read({"bn": f"{OW}:", "bs": 1, "n": "flow", "s": 7})[0].values == {"flow_sum": 8.0}


def test_truths_are_numbers_and_texts_are_no_readings() -> None:
    assert read({"n": f"{OW}:door_open", "vb": True}) == [Reading(OW_ID, "cargo", NOW, {"door_open": 1.0})]
    assert read({"n": f"{OW}:label", "vs": "Machine Room"}, {"n": f"{OW}:nfv", "vd": "aGkgCg"}) == []
    assert decode(cbor2.dumps([{0: OW, 8: b"raw"}]), BARE) == []


def test_base_records_alone_say_nothing_and_extensions_are_passed_over() -> None:
    assert read({"bn": OW, "bu": "Cel"}) == []
    assert read({"bn": OW}, {"u": "Cel", "v": 1, "ext": 7, "ut": 60})[0].values == {"temperature": 1.0}


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("[]", "empty"),
        ("{}", "wrong_type"),
        ("[1]", "wrong_type"),
        ("[{", "malformed_json"),
        ('[{"n": "a", "n": "b", "v": 1}]', "duplicate_key"),
        ('[{"n": "a:temp", "v": NaN}]', "not_finite"),
        ('[{"n": "a:temp", "v": 1e999}]', "not_finite"),
        ('[{"n": "a:temp", "bv": 1e308, "v": 1e308}]', "not_finite"),
        ('[{"n": "a:temp", "v": "1"}]', "wrong_type"),
        ('[{"n": "a:temp", "v": true}]', "wrong_type"),
        ('[{"n": "a:temp", "v": null}]', "wrong_type"),
        ('[{"n": 7, "v": 1}]', "wrong_type"),
        ('[{"n": "a:temp", "vb": 1}]', "wrong_type"),
        ('[{"n": "a:temp", "v": 1, "bver": "10"}]', "wrong_type"),
        ('[{"n": "a:temp", "v": 1, "bver": 11}]', "pack_version"),
        ('[{"n": "a:temp", "v": 1}, {"bver": 5, "v": 1}]', "pack_version"),
        ('[{"n": "a:temp", "v": 1, "new_": 2}]', "unknown_field"),
        ('[{"n": "a:temp"}]', "missing_field"),
        ('[{"n": "a:temp", "v": 1, "vb": true}]', "missing_field"),
        ('[{"v": 1, "u": "Cel"}]', "bad_device"),
        ('[{"n": ":temp", "v": 1}]', "bad_device"),
        ('[{"n": "a b:temp", "v": 1}]', "bad_device"),
        ('[{"n": "a:temp\\n", "v": 1}]', "bad_device"),
        ('[{"n": "' + "a" * 65 + ':temp", "v": 1}]', "bad_device"),
        ('[{"n": "temperature", "u": "Cel", "v": 1}]', "missing_field"),
        ('[{"n": "a:pm10", "u": "kg/m3", "v": 1e300}]', "not_finite"),
        ('[{"n": "a:7", "u": "m/s", "v": 1}]', "bad_quantity"),
        ('[{"n": "a:temp", "u": "V", "v": 1}]', "bad_quantity"),
        ('[{"n": "a:rx", "v": 1}]', "bad_quantity"),
        ('[{"n": "a:temp", "v": 1, "t": -1e300}]', "bad_time"),
        ('[{"n": "a:temp", "v": 1, "t": 1e300}]', "bad_time"),
        ('[{"n": "urn:dev:ow:1", "u": "lat", "v": 1}]', "no_values"),
        ('[{"bn": "urn:dev:ow:1", "u": "lat", "v": 1}, {"u": "Cel", "v": 1}]', "bad_position"),
        ('[{"bn":"urn:dev:ow:1","u":"lat","v":91},{"u":"lon","v":1},{"u":"Cel","v":1}]', "bad_position"),
    ],
)
def test_what_is_wrong_is_said(pack: str, reason: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(pack.encode(), BARE)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    "payload",
    [
        b"\x9b\x00\x00\x00\x10\x00\x00\x00\x00",  # an array of 2**36 records that don't come
        b"\x81" * 100_000,
        b"\x81\xa1\x00\xd8\x23\x61(",  # a pattern that is none
        b"\x81\xa1\x02\xc4\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",  # a fraction beyond all bounds
        cbor2.dumps([{"n": "a:temp", "v": 1}]) + b"\x00",
        cbor2.dumps([{"n": "a:temp", "v": float("nan")}]),
        cbor2.dumps([{"n": "a:temp", "v": 10**400}]),
        cbor2.dumps([{7: 1, (1, 2): 3, 0: "a:temp"}]),
    ],
)
def test_cbor_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(payload, BARE)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DecodeError) as raised:
        decode(b'[{"n": "a:temp", "v": 1}]', Context(NOW, kind="toaster"))
    assert raised.value.reason == "unknown_kind"
