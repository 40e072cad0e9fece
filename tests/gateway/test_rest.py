"""What a decoder does not read goes to quarantine and is told; a bad item goes alone, in a form that is read again."""

import json
from collections.abc import Mapping
from typing import Any, Final

import cbor2
import pytest

from city.errors import Malformed, Reason
from city.wire.pack import Pack
from gateway.decoders import Origin
from gateway.decoders.mapping import load_mapping
from gateway.naming import Decoding, Naming
from support import teltonika as tracker

NOW: Final = 1_764_900_000 * 10**9
HOUR_NS: Final = 3600 * 10**9


def uplink(fields: object, number: int = 1) -> dict[str, Any]:
    ids = {"dev_eui": f"70b3d57ed000000{number}"}
    return {"end_device_ids": ids, "uplink_message": {"f_port": 1, "decoded_payload": fields}}


NOTHING_READ: Final[list[tuple[str, Mapping[str, str], Any, str]]] = [
    ("tasmota", {"topic": "tele/hall/SENSOR"}, {"ZbReceived": {"0x1A": {"Temperature": 21.5}}}, "ZbReceived.0x1A"),
    ("tasmota", {"topic": "tele/hall/SENSOR"}, {"Time": "2026-11-22T00:00:00", "Switch1": "ON"}, "Switch1"),
    (
        "shelly",
        {},
        {"src": "s-1", "method": "NotifyStatus", "params": {"bthomesensor:204": {"value": 21.5}}},
        "204.value",
    ),
    ("shelly", {"topic": "s-1/status/bthomesensor:204"}, {"id": 204, "value": 21.5}, "bthomesensor:204.value"),
    ("shelly", {}, {"src": "s-1", "method": "NotifyOther", "params": {"temperature:0": {"tC": 2}}}, "temperature:0.tC"),
    ("ttn", {}, uplink({"m": [{"type": "t", "measurementValue": 2}]}), "m.measurementValue"),
    ("ttn", {}, uplink({"air": "21.5"}), "air"),
    ("chirpstack", {}, {"deviceInfo": {"devEui": "70b3d57ed0000001"}, "objects": {"t": 21}}, "objects.t"),
    ("ngsi", {}, {"id": "a", "type": "WeatherObserved", "temperature": [21.5, 22]}, "temperature"),
    ("zigbee2mqtt", {"topic": "zigbee2mqtt/hall"}, {"air": {"temperature": 21.5}}, "air.temperature"),
    ("senml", {}, [{"bn": "urn:dev:ow:1:", "n": "t", "vs": "21.5"}], "urn:dev:ow:1:t"),
]


@pytest.mark.parametrize(("family", "parameters", "document", "path"), NOTHING_READ)
def test_bytes_of_which_nothing_is_read_are_kept_each_time(
    family: str, parameters: dict[str, str], document: object, path: str
) -> None:
    decoding, payload = Decoding(), json.dumps(document).encode()
    origin = Origin("mqtt", family, parameters)
    for _ in range(2):
        readings, (kept,) = decoding.decode(origin, payload, NOW)
        assert (readings, kept.payload, kept.reason) == ([], payload, "unread")
        assert path in kept.detail
    with pytest.raises(Malformed) as raised:
        decoding.decode_again(kept.origin, kept.payload, NOW)
    assert raised.value.reason is Reason.UNREAD


def test_what_is_left_of_bytes_is_kept_once_an_hour_and_counted_beside_the_balance() -> None:
    decoding, origin = Decoding(), Origin("mqtt", "zigbee2mqtt", {"topic": "zigbee2mqtt/hall"})
    payload = json.dumps({"temperature": 21.5, "air": {"voc": 3}}).encode()
    kept = [decoding.decode(origin, payload, NOW + minute * 60 * 10**9)[1] for minute in range(61)]
    assert [len(items) for items in kept] == [1, *[0] * 59, 1]
    (item,) = kept[0]
    assert (item.payload, item.reason, item.detail) == (payload, "partly_read", "nothing reads air.voc")
    assert Pack("gw-1", "s", 1, 0, [], [item]).count() == 0, "its reading is counted already"
    (source,) = decoding.sources.all()
    assert source.plain()["unread"] == {"air.voc": 61}
    other = json.dumps({"temperature": 21.5, "air": {"co": 3}}).encode()
    assert len(decoding.decode(origin, other, NOW)[1]) == 1, "another set of paths"
    (reading,), (left,) = decoding.decode_again(item.origin, item.payload, NOW)
    assert (reading.values, left.reason) == ({"temperature": 21.5}, "partly_read")


def test_paths_that_a_device_makes_up_fill_no_memory_and_no_quarantine() -> None:
    decoding, origin, kept = Decoding(), Origin("mqtt", "zigbee2mqtt", {"topic": "zigbee2mqtt/hall"}), 0
    for number in range(300):
        kept += len(decoding.decode(origin, json.dumps({"t": 1, f"a{number}": {"x": 1}}).encode(), NOW)[1])
    assert kept == 20
    (source,) = decoding.sources.all()
    assert len(source.unread) == 101
    assert sum(source.unread.values()) == 300


ROW: Final = {"device": "a", "kind": "weather"}
ENTITY: Final = {"type": "WeatherObserved", "dateObserved": "2026-11-22T00:00:00Z"}
ONE_BAD: Final[list[tuple[str, Any, int]]] = [
    ("native", [{**ROW, "values": {"t": 1}}, {**ROW, "values": {"t": "x"}}, {**ROW, "values": {"u": 2}}], 2),
    ("native", [{**ROW, "values": {"t": 1}}, {**ROW, "values": {"t": 2}, "ts": "soon"}, 7], 1),
    ("ngsi", [{"id": "a", **ENTITY, "temperature": 1}, {"id": "b", "type": "Toaster"}], 1),
    ("ngsi", {"data": [{"id": "a", **ENTITY, "temperature": 1}, {**ENTITY, "temperature": 2}, 3]}, 1),
    ("senml", [{"bn": "urn:dev:ow:1:", "n": "speed", "v": 1}, {"n": "level", "v": "x"}, {"n": "pm10", "v": 3}], 1),
    ("senml", [{"bn": "urn:dev:ow:1:", "n": "speed", "v": 1}, {"n": "level", "v": 1, "u": "furlong"}], 1),
    ("ttn", [uplink({"t": 1}), uplink({"t": 2}, 2), {"uplink_message": {"decoded_payload": {"t": 1}}}], 2),
    ("osmand", {"device_id": "1", "location": [{"coords": {"latitude": 1, "longitude": 2}}, {"coords": 4}]}, 1),
    ("mapped", [{"t": 1}, {"renamed": 2}, {"t": "x"}], 1),
]  # fmt: skip


@pytest.mark.parametrize(("family", "document", "good"), ONE_BAD)
def test_a_bad_item_takes_no_other_along(family: str, document: Any, good: int) -> None:
    table = {"kind": "weather", "device_fixed": "d-1", "values": {"temperature": "t"}}
    decoding = Decoding(Naming(mappings={"m": load_mapping("m", table)}))
    origin = Origin("http", family, {"mapping": "m"})
    readings, kept = decoding.decode(origin, json.dumps(document).encode(), NOW)
    assert len(readings) == good
    assert kept
    for item in kept:
        assert item.payload != json.dumps(document).encode()
        with pytest.raises(Malformed) as raised:
            decoding.decode_again(item.origin, item.payload, NOW)
        assert str(raised.value.reason) == item.reason, "the same decoder reads it, and says the same"
    again, left = decoding.decode_again(str(origin), json.dumps(document).encode(), NOW)
    assert (again, len(left)) == (readings, len(kept)), "what was kept whole is freed by a re-drive"


def test_a_bad_record_of_cbor_goes_alone() -> None:
    pack = [{-2: "urn:dev:ow:1:", 0: "speed", 2: 1}, {0: "level", 2: "x"}]
    readings, (kept,) = Decoding().decode(Origin("http", "senml", {}), cbor2.dumps(pack), NOW)
    assert readings[0].values == {"speed": 1.0}
    mended = kept.payload.replace(b"\x61x", b"\x02")
    ((again,), _) = Decoding().decode_again(kept.origin, mended, NOW)
    assert (again.device, again.values) == ("urn-dev-ow-1", {"level": 2.0})


@pytest.mark.parametrize("udp", [False, True])
def test_a_record_of_2128_goes_alone(udp: bool) -> None:  # noqa: FBT001 - a parameter of the test
    late = [1_764_900_000_000, 4_985_000_000_000, 1_764_900_060_000]
    body = tracker.body(tracker.CODEC_8, [tracker.Told(at_ms, io={239: (1, 1)}) for at_ms in late])
    frame = tracker.udp(body, "356307042441013") if udp else tracker.tcp(body)
    decoding, origin = Decoding(), Origin("tcp", "teltonika", {} if udp else {"imei": "356307042441013"})
    readings, (kept,) = decoding.decode(origin, frame, NOW)
    assert [reading.time_ns for reading in readings] == [late[0] * 10**6, late[2] * 10**6]
    assert kept.reason == "bad_time"
    with pytest.raises(Malformed, match="4985000000000"):
        decoding.decode_again(kept.origin, kept.payload, NOW)


MARKED: Final = [
    ("native", {"device": "d", "kind": "rain"}, b'{"values": {"rain_rate": 1}}'),
    ("senml", {}, b'[{"n": "urn:dev:ow:1:speed", "v": 1}]'),
    ("osmand", {}, b'{"device_id": "1", "location": {"odometer": 1}}'),
    ("tasmota", {"topic": "tele/hall/SENSOR"}, b'{"AM2301": {"Temperature": 21.5}}'),
    ("ttn", {}, json.dumps([uplink({"t": 1})]).encode()),
    ("mapped", {"mapping": "m"}, b'{"t": 1}'),
]


@pytest.mark.parametrize(("family", "parameters", "payload"), MARKED)
def test_json_may_begin_with_a_mark_but_is_never_utf_16(
    family: str, parameters: dict[str, str], payload: bytes
) -> None:
    table = {"kind": "weather", "device_fixed": "d-1", "values": {"temperature": "t"}}
    decoding = Decoding(Naming(mappings={"m": load_mapping("m", table)}))
    origin = Origin("http", family, parameters)
    assert decoding.decode(origin, b"\xef\xbb\xbf" + payload, NOW) == decoding.decode(origin, payload, NOW)
    if family != "osmand":
        for form in ("utf-16", "utf-16-le", "utf-16-be"):
            _, (kept,) = decoding.decode(origin, payload.decode().encode(form), NOW)
            assert (kept.reason, kept.detail) == ("not_utf8", "it is UTF-16; only UTF-8 is read")
