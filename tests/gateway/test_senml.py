"""SenML: RFC 8428's own examples, JSON and CBOR, and what they mean here."""

import contextlib
import json
import time
from collections.abc import Iterable
from itertools import islice, product
from pathlib import Path
from typing import Any

import cbor2
import pytest

from city.reading import Reading
from city.wire.direct import MAX_BYTES
from gateway.decoders import Context, DecodeError
from gateway.decoders.senml import resolve
from gateway.decoders.senml_pack import Record, parse
from support.cases import readings_by

decode = readings_by("senml")

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
        ({"t": 10**9}, 10**18),
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
        ("URN:DEV:os:32473-123456_humidity", None, "urn-dev-os-32473-123456-xdbefffa20e96", "humidity"),
        ("plant/pump7/pressure", "hPa", "plant-pump7-x60e192fbd4e3", "pressure"),
        ("plant/pump7/vibration", "m/s2", "plant-pump7-x60e192fbd4e3", "vibration"),
        ("station-a", "Cel", "station-a", "temperature"),
        (
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "Cel",
            "urn-uuid-f81d4fae-7dec-11d0-a765-00a0c91e6bf6-x25a82544e9e8",
            "temperature",
        ),
        ("2001:db8::3", "V", "2001-db8-3-x80a1c5af32a9", "voltage"),
    ],
)
def test_names(name: str, unit: str | None, device: str, quantity: str) -> None:
    record = {"n": name, "v": 7} | ({"u": unit} if unit else {})
    assert [(got.device, list(got.values)) for got in read(record)] == [(device, [quantity])]


@pytest.mark.parametrize(
    ("names", "device", "keys"),
    [
        ((f"{OW}:1/temp", f"{OW}:2/temp"), None, ["temperature_1", "temperature_2"]),
        ((f"{OW}:1", f"{OW}:2"), None, ["temperature_1", "temperature_2"]),
        ((f"{OW}:1", OW), None, ["temperature_1", "temperature"]),
        ((f"{OW}:temp", f"{OW}:temperature"), None, ["temperature_temp", "temperature"]),
        (("yard/temp", "yard/temperature"), None, ["temperature_temp", "temperature"]),
        (("room1/temp", "room2/temp"), "house", ["temperature_room1", "temperature_room2"]),
        (("cold/room1/temp", "temp"), "house", ["temperature_cold_room1", "temperature_temp"]),
        (("room1/temp", "room2/temp"), None, ["temperature", "temperature"]),
    ],
)
def test_names_that_mean_one_quantity_keep_apart(names: list[str], device: str | None, keys: list[str]) -> None:
    records = [{"n": name, "u": "Cel", "v": value} for value, name in enumerate(names)]
    told = sorted((key, float(value)) for value, key in enumerate(keys))
    for pack in (records, records[::-1]):
        readings = read(*pack, context=Context(NOW, device))
        assert sorted(item for reading in readings for item in reading.values.items()) == told


def test_the_energy_of_a_sum_is_not_that_of_a_meter() -> None:
    pack = ({"bn": f"{OW}:", "n": "power", "u": "W", "v": 5, "s": 3.6e6}, {"n": "energy", "u": "kWh", "v": 500})
    assert read(*pack) == [Reading(OW_ID, "energy_meter", NOW, {"power": 5.0, "energy_power": 1.0, "energy": 500.0})]


def test_the_battery_does_not_choose_the_kind() -> None:
    pack = ({"bn": f"{OW}:", "n": "level", "u": "m", "v": 2}, {"n": "battery", "u": "%EL", "v": 50})
    assert [reading.kind for reading in read(*pack)] == ["water_level"]
    assert [reading.kind for reading in read(pack[1] | {"n": f"{OW}:battery"})] == ["sensor"]


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
    assert read({"n": f"{OW}:door_open", "vb": True}) == [Reading(OW_ID, "sensor", NOW, {"door_open": 1.0})]
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
        ('[{"n": "temperature", "u": "Cel", "v": 1}]', "missing_field"),
        ('[{"n": "a:pm10", "u": "kg/m3", "v": 1e300}]', "not_finite"),
        ('[{"n": "a:7", "u": "m/s", "v": 1}]', "bad_quantity"),
        ('[{"n": "a:temp", "u": "V", "v": 1}]', "bad_quantity"),
        ('[{"n": "a:rx", "v": 1}]', "bad_quantity"),
        (
            '[{"bn": "urn:dev:ow:1:", "n": "1/temp", "u": "Cel", "v": 1}, {"n": "1-", "u": "Cel", "v": 1}]',
            "duplicate_key",
        ),
        ('[{"n": "urn:dev:ow:1:temp", "v": 1}, {"n": "urn:dev:ow:1_temp", "v": 1}]', "duplicate_key"),
        ('[{"n": "' + "a" * 257 + '", "v": 1}]', "bad_device"),
        ('[{"n": "a:temp", "v": 1, "bver": ' + "9" * 4000 + "}]", "pack_version"),
        ('[{"n": "a:where", "u": "lat", "vb": true}]', "bad_position"),
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


@pytest.mark.parametrize(
    ("fraction", "value"),
    [
        (b"\x21\x19\x01\x01", 2.57),
        (b"\x02\x03", 300.0),
        (b"\x20\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 1844674407370955161.5),
        (b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff\x01", 0.0),
    ],
)
def test_decimal_fractions_are_numbers(fraction: bytes, value: float) -> None:
    (reading,) = decode(b"\x81\xa2\x00\x66a:temp\x02\xc4\x82" + fraction, BARE)
    assert reading.values == {"temperature": value}


def test_a_long_pack_in_cbor_may_not_nest() -> None:
    pack = [{0: "a:temp", 2: 1, 99: [1]}]
    assert decode(cbor2.dumps(pack), BARE)[0].values == {"temperature": 1.0}
    with pytest.raises(DecodeError):
        decode(cbor2.dumps([*pack, *({2: 1, 6: -second} for second in range(2000))]), BARE)


def map_of(keys: Iterable[bytes]) -> bytes:
    """Make a pack of one record with these keys."""
    pairs = [key + b"\x00" for key in keys]
    return b"\x81\xb9" + len(pairs).to_bytes(2) + b"".join(pairs)


def shared(entries: int, references: int) -> bytes:
    """Make a pack of one map, told again and again."""
    first = b"\xd8\x1c" + map_of(b"\x19" + (300 + entry).to_bytes(2) for entry in range(entries))[1:]
    return b"\x99" + (references + 1).to_bytes(2) + first + b"\xd8\x1d\x00" * references


HEAD = b"\x81\xa2\x00\x61a\x02"
COSTLY = {
    "references": shared(4000, 2000),
    "few references": shared(1000, 1000),
    "a huge integer": HEAD + cbor2.dumps(1 << 8 * 200_000),
    "a fraction of a huge integer": HEAD + b"\xc4\x82\x01" + cbor2.dumps(1 << 8 * 200_000),
    "a huge version": cbor2.dumps([{-1: 10**5000, 0: "a", 2: 1}]),
    "a pattern": HEAD + b"\xd8\x23" + cbor2.dumps("(?i)" + "[\u0100-\u0fff]" * 5000),
    "a message": HEAD + b"\xd8\x24" + cbor2.dumps("Content-Type: multipart/mixed; boundary=a\n\n" + "--a\n" * 50_000),
    "integers that collide": map_of(cbor2.dumps((number + 1) * (2**61 - 1)) for number in range(10_000)),
    "64 bits that collide": map_of(b"\x1b" + (number % 8 * (2**61 - 1)).to_bytes(8) for number in range(25_000)),
    "lists that collide": map_of(b"\x8e" + bytes(key) for key in islice(product((0x20, 0x21), repeat=14), 16_000)),
    "few lists that collide": map_of(b"\x8e" + bytes(key) for key in islice(product((0x20, 0x21), repeat=14), 500)),
    "tags in tags": HEAD + b"\xc4" * 200_000,
    "a long base name": json.dumps([{"bn": "a" * 150_000, "v": 1}] + [{"v": 1}] * 4999).encode(),
}


@pytest.mark.parametrize("payload", COSTLY.values(), ids=COSTLY)
def test_no_pack_costs_much(payload: bytes) -> None:
    assert len(payload) <= MAX_BYTES
    costs = []
    for _ in range(3):
        began_s = time.thread_time()
        with contextlib.suppress(DecodeError):
            decode(payload, BARE)
        costs.append(time.thread_time() - began_s)
    assert min(costs) < 0.05


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DecodeError) as raised:
        decode(b'[{"n": "a:temp", "v": 1}]', Context(NOW, kind="toaster"))
    assert raised.value.reason == "unknown_kind"
