"""Times and places that are none, at every decoder that reads them."""

import json
from typing import Any, Final

import pytest

from city.reading import Reading
from city.wire.direct import apart
from gateway.decoders import DECODERS, Context, DecodeError, Origin
from gateway.decoders.mapping import load_mapping
from gateway.naming import Decoding, Naming

NOW: Final = 1_764_900_000 * 10**9
_MAPPING: Final = load_mapping(
    "m",
    {
        "kind": "vehicle",
        "device_fixed": "d",
        "lat": "lat",
        "lon": "lon",
        "time": {"path": "at", "format": "ms"},
        "values": {"speed": "speed"},
    },
)
_CHIP: Final = {"deviceInfo": {"devEui": "24e124136d316361"}, "object": {"temperature": 21}}
_NGSI: Final = {"id": "v1", "type": "Vehicle", "speed": 20}


def decoded(name: str, message: Any, **parameters: str) -> list[Reading]:
    context = Context(
        NOW, parameters.pop("device", None), parameters.pop("kind", None), parameters, {}, {"m": _MAPPING}
    )
    return DECODERS[name](json.dumps(message).encode(), context).readings


UNSET: Final = {
    "native": {"device": "a", "kind": "rain", "ts": 1_764_900_000, "values": {"rain_rate": 1}},
    "senml": [{"n": "a:temp", "u": "Cel", "v": 1, "t": 300_000_000}],
    "mapped": {"at": 1_764_900_000, "speed": 3, "lat": 14.9, "lon": 102.0},
    "osmand": {"device_id": "a", "location": {"timestamp": 40, "coords": {"latitude": 14.9, "longitude": 102}}},
    "owntracks": {"_type": "location", "tid": "a", "lat": 14.9, "lon": 102, "tst": 40},
    "shelly": {"src": "shelly-1", "method": "NotifyStatus", "params": {"ts": 12.5, "temperature:0": {"tC": 20}}},
    "zigbee2mqtt": {"temperature": 21, "last_seen": 1_764_900_000},
    "ngsi": _NGSI | {"observationDateTime": "x", "dateObserved": "1970-01-01T00:00:12Z"},
    "chirpstack": _CHIP | {"time": "1970-01-01T00:00:12Z"},
    "tasmota": {"Time": "1970-01-01T00:00:12Z", "AM2301": {"Temperature": 20}},
}


@pytest.mark.parametrize("name", UNSET)
def test_a_clock_that_was_never_set_tells_no_time(name: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decoded(name, UNSET[name], mapping="m", topic=f"{name}/a/b/SENSOR")
    assert caught.value.reason == "bad_time"


NOWHERE: Final = {
    "native": {"device": "a", "kind": "vehicle", "values": {"speed": 1}, "lat": 0, "lon": 0},
    "senml": [{"n": "a:speed", "v": 1}, {"n": "a", "u": "lat", "v": 0}, {"n": "a", "u": "lon", "v": 0}],
    "mapped": {"at": 1_764_900_000_000, "speed": 3, "lat": "0.000", "lon": 0},
    "osmand": {"device_id": "a", "location": {"coords": {"latitude": 0, "longitude": 0, "speed": 1}}},
    "owntracks": {"_type": "location", "tid": "a", "lat": 0, "lon": 0, "vel": 3},
    "ngsi": _NGSI | {"location": {"type": "Point", "coordinates": [0, 0]}},
    "chirpstack": _CHIP | {"object": {"temperature": 21, "latitude": 0, "longitude": 0}},
}


@pytest.mark.parametrize("name", NOWHERE)
def test_0_0_is_no_position_and_the_values_stay(name: str) -> None:
    readings = decoded(name, NOWHERE[name], mapping="m")
    assert [(one.lat, one.lon) for one in readings] == [(None, None)] * len(readings)
    assert any(one.values for one in readings)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("osmand", {"device_id": "a", "location": {"coords": {"latitude": 0, "longitude": 0}}}),
        ("owntracks", {"_type": "location", "tid": "a", "lat": 0, "lon": 0}),
        ("ngsi", {"id": "v1", "type": "Vehicle", "location": {"type": "Point", "coordinates": [0, 0]}}),
    ],
)
def test_a_report_of_0_0_alone_says_that_there_is_no_fix(name: str, message: Any) -> None:
    (reading,) = decoded(name, message)
    assert (reading.values, reading.lat) == ({"position_fix": 0.0}, None)


@pytest.mark.parametrize(
    ("ring", "middle"),
    [
        ([[179, 10], [-179, 10], [-179, 12], [179, 12]], 180),
        ([[178, 10], [-179, 10], [-179, 12], [178, 12]], 179.5),
        ([[179, 10], [-178, 10], [-178, 12], [179, 12]], -179.5),
        ([[102, 10], [103, 10], [103, 12], [102, 12]], 102.5),
    ],
)
def test_an_area_over_the_date_line_has_its_middle_there(ring: list[list[float]], middle: float) -> None:
    (reading,) = decoded("ngsi", _NGSI | {"location": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}})
    assert (reading.lat, reading.lon) == (11, middle)


UNDATED: Final = {
    "native": [{"device": "a", "kind": "rain", "values": {"rain_rate": value}} for value in (1, 2, 3)],
    "senml": [{"n": "a:temperature", "u": "Cel", "v": value} for value in (1, 2, 3)],
    "mapped": [{"speed": value} for value in (1, 2, 3)],
    "ngsi": [_NGSI | {"speed": value} for value in (1, 2, 3)],
    "osmand": {"device_id": "a", "location": [{"coords": {"speed": value}} for value in (1, 2, 3)]},
}


@pytest.mark.parametrize("name", UNDATED)
def test_rows_without_a_time_have_instants_of_their_own(name: str) -> None:
    mapping = load_mapping("m", {"kind": "vehicle", "device_fixed": "d", "values": {"speed": "speed"}})
    decoding = Decoding(Naming(mappings={"m": mapping}))
    origin, payload = Origin("http", name, {"mapping": "m"}), json.dumps(UNDATED[name]).encode()
    readings, undecoded = decoding.decode(origin, payload, NOW)
    assert undecoded == []
    assert [reading.time_ns for reading in readings] == [NOW, NOW + 1, NOW + 2]
    assert [*(one for reading in readings for one in reading.values.values())] == sorted(
        one for reading in readings for one in reading.values.values()
    )
    assert decoding.decode(origin, payload, NOW)[0] == readings


def test_what_is_decoded_later_never_falls_upon_its_neighbours() -> None:
    mapping = load_mapping("m", {"kind": "vehicle", "device_fixed": "d", "values": {"speed": "speed"}})
    decoding = Decoding(Naming(mappings={"m": mapping}))
    payload = b'[{"speed": 1}, {"speed": "fast"}, {"speed": 3}]'
    readings, (rest,) = decoding.decode(Origin("http", "mapped", {"mapping": "m"}), payload, NOW)
    later, _ = decoding.decode_again(rest.origin, rest.payload.replace(b'"fast"', b"2"), rest.received_at_ns)
    assert len({reading.time_ns for reading in [*readings, *later]}) == 3


def test_portions_and_dated_rows_stay_at_one_instant() -> None:
    wide = [Reading("a", "sensor", NOW, {f"q{n}": 1.0 for n in range(first, first + 64)}) for first in (0, 64)]
    dated = [Reading("a", "sensor", NOW - 5, {"q": value}) for value in (1.0, 2.0)]
    assert apart([*wide, *dated], NOW) == [*wide, *dated]


@pytest.mark.parametrize(
    ("sensor", "value", "flags"),
    [
        ("DS18B20", 85, {"temperature": 3}),
        ("DS18B20-2", 85.0, {"temperature_ds18b20_2": 3}),
        ("DS18B20", -127, {"temperature": 4}),
        ("DS18B20", 84.9, {}),
        ("AM2301", 85, {}),
    ],
)
def test_a_dallas_probe_that_has_not_measured_is_not_good(sensor: str, value: float, flags: dict[str, int]) -> None:
    message = {"Time": "2025-12-05T02:00:00Z", sensor: {"Temperature": value}, "TempUnit": "C"}
    (reading,) = decoded("tasmota", message, topic="tele/hall/SENSOR")
    assert reading.flags == flags


def lorawan(label: str, **fields: float) -> dict[str, Any]:
    info = {"devEui": "24e124136d316361", "deviceProfileName": label}
    return {"deviceInfo": info, "time": "2025-12-05T02:00:00Z", "object": fields}


PROBES: Final = {
    "shelly": ("shelly", lambda c: {"src": "s-1", "method": "NotifyStatus", "params": {"temperature:101": {"tC": c}}}),
    "z2m": ("zigbee2mqtt", lambda c: {"temperature_ds18b20": c, "humidity": 40}),
    "lht65": ("chirpstack", lambda c: lorawan("LHT65", TempC_DS=c, TempC_SHT=85)),
    "lht52": ("chirpstack", lambda c: lorawan("LHT52", TempC_DS=c, TempC_SHT=85)),
    "ldds75": ("chirpstack", lambda c: lorawan("LDDS75", TempC_DS18B20=c, Distance=900)),
    "lsn50-1": ("chirpstack", lambda c: lorawan("LSN50", TempC1=c, BatV=3)),
    "lsn50-3": ("chirpstack", lambda c: lorawan("LSN50", TempC3=c, BatV=3)),
    "ds18": ("chirpstack", lambda c: lorawan("DL-DS18", temperature=c)),
    "elsys": ("chirpstack", lambda c: lorawan("ELT-2", externalTemperature=c, temperature=85)),
    "elsys-2": ("chirpstack", lambda c: lorawan("ELT-2", externalTemperature2=c)),
}
CODEC_OF: Final = {
    **dict.fromkeys(("lht65", "lht52", "ldds75"), "dragino-"),
    "lsn50-1": "dragino-lsn50",
    "lsn50-3": "dragino-lsn50",
    "ds18": "decentlab-dl-ds18",
    "elsys": "elsys",
    "elsys-2": "elsys",
}


@pytest.mark.parametrize(("celsius", "flag"), [(85, 3), (-127, 4), (84.9, None), (-12, None)])
@pytest.mark.parametrize("name", PROBES)
def test_every_dallas_probe_that_has_not_measured_is_not_good(name: str, celsius: float, flag: int | None) -> None:
    decoder, message = PROBES[name]
    codec = CODEC_OF.get(name, "")
    parameters = {"codec": codec + name if codec.endswith("-") else codec} if codec else {"topic": "zigbee2mqtt/cellar"}
    (reading,) = decoded(decoder, message(celsius), **(parameters if decoder != "shelly" else {}))
    assert [*reading.flags.values()] == ([] if flag is None else [flag])
    assert all(reading.values[key] == celsius for key in reading.flags), "the sensor beside it measures"


@pytest.mark.parametrize("name", ["lht65", "lht52", "ldds75", "lsn50-1", "lsn50-3"])
def test_a_dragino_without_a_probe_says_nothing_of_it(name: str) -> None:
    decoder, message = PROBES[name]
    codec = CODEC_OF[name]
    (reading,) = decoded(decoder, message(327.67), codec=codec + name if codec.endswith("-") else codec)
    assert not [key for key in reading.values if key.startswith("probe")]


def test_a_thermometer_of_the_shelly_itself_may_be_at_85_degrees() -> None:
    message = {"src": "s-1", "method": "NotifyStatus", "params": {"temperature:0": {"tC": 85}}}
    (reading,) = decoded("shelly", message)
    assert reading.flags == {}
