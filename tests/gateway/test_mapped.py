"""Any JSON by a mapping: what settings may say, and what comes of documents."""

import csv
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from city.errors import ConfigurationError
from city.reading import Reading
from gateway.decoders import DECODERS, Context, DecodeError, Origin
from gateway.decoders.decoder import Rest
from gateway.decoders.mapping import load_mapping
from gateway.naming import Decoding, Naming
from support.cases import readings_by

decode = readings_by("mapped")

NOW: Final = 1_764_900_000 * 10**9


def read(table: dict[str, Any], document: object, device: str | None = "d-1") -> Any:
    """Give what the mapping makes of the document: device, kind, seconds, values, place; or the reason."""
    context = Context(NOW, device, parameters={"mapping": "m"}, mappings={"m": load_mapping("m", table)})
    try:
        readings = decode(json.dumps(document).encode(), context)
    except DecodeError as error:
        return str(error.reason)
    return [(r.device, r.kind, r.time_ns / 1e9, r.values, r.lat, r.lon) for r in readings]


def value(source: object, document: object, **more: object) -> Any:
    """Give the temperature that one source makes of a document."""
    made = read({"kind": "weather", "values": {"temperature": source}} | more, document)
    return made if isinstance(made, str) else [row[3]["temperature"] for row in made]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("a", {"a": 7}),
        ("a.b", {"a": {"b": 7}}),
        ("a.1", {"a": [1, 7]}),
        ("a.name=x.v", {"a": [{"name": "y", "v": 1}, {"name": "x", "v": 7}]}),
        ("a.id=3.v", {"a": [{"id": 3, "v": 7}]}),
        ("a\\.b", {"a.b": 7}),
        ("$.a", {"a": 7}),
    ],
)
def test_paths(path: str, document: object) -> None:
    assert value(path, document) == [7.0]


@pytest.mark.parametrize(
    ("document", "made"),
    [
        ({"a": {"b": None}}, []),
        ({"a": {"b": " "}}, []),
        ({}, "missing_field"),
        ({"a": []}, "missing_field"),
        ({"a": 7}, "missing_field"),
        ({"a": [{"b": 1}]}, "missing_field"),
        ({"renamed": {"b": 1}}, "missing_field"),
        ({"wrapped": {"a": {"b": 1}}}, "missing_field"),
    ],
)
def test_what_says_that_it_is_nothing_is_absent_and_what_is_not_there_is_refused(
    document: object, made: object
) -> None:
    assert value("a.b", document) == made


def test_what_a_mapping_neither_reads_nor_ignores_is_told() -> None:
    table = {
        "each": "rows", "device": "id", "time": "$.at", "ignore": ["row", "meta", "$.version"],
        "values": {"temperature": "s.name=t.v", "humidity": "s.1.v"},
    }  # fmt: skip
    context = Context(NOW, parameters={"mapping": "m"}, mappings={"m": load_mapping("m", table)})
    sensors = [{"name": "t", "v": 21.5, "raw": 3}, {"v": "60"}, {"name": "x", "v": 7}]
    document = {"at": "2026-11-23T06:00:00Z", "version": 2, "count": "1", "rows": [{"id": 4, "row": 9, "s": sensors}]}
    document["rows"][0] |= {"meta": {"a": 1}, "door": "open", "deep": {"list": [[1], {"x": True}]}}  # type: ignore[index]
    decoded = DECODERS["mapped"](json.dumps(document).encode(), context)
    assert [reading.values for reading in decoded.readings] == [{"temperature": 21.5, "humidity": 60.0}]
    assert sorted(decoded.rest.unread) == ["count", "deep.list", "deep.list.x", "door", "s.raw", "s.v"]


@pytest.mark.parametrize(
    ("source", "given", "expected"),
    [
        ("v", "21.5", [21.5]),
        ("v", " -3 ", [-3.0]),
        ("v", True, [1.0]),
        ({"path": "v", "unit": "degF"}, 77, [25.0]),
        ({"path": "v", "over": 10}, 251, [25.1]),
        ({"path": "v", "scale": 2}, 10, [20.0]),
        ({"path": "v", "states": {"warm": 30, "on": True}}, "warm", [30.0]),
        ({"path": "v", "states": {"warm": 30, "on": True}}, "on", [1.0]),
        ("v", "-", []),
        ("v", -999, []),
        ("v", "-999.0", []),
        ("v", "warm", "wrong_type"),
        ("v", [1], "wrong_type"),
        ("v", {"x": 1}, "wrong_type"),
        ("v", 10**400, "wrong_type"),
    ],
)
def test_values(source: object, given: object, expected: object) -> None:
    assert value(source, {"v": given}, missing=["-", -999]) == expected


@pytest.mark.parametrize(
    ("settings", "given", "seconds"),
    [
        ({}, "2025-12-05T08:00:00+07:00", 1764896400),
        ({"zone": "Asia/Bangkok"}, "2025-12-05 08:00", 1764896400),
        ({"zone": "Asia/Bangkok"}, "2025-12-05T01:00:00Z", 1764896400),
        ({"format": "s"}, 1764896400, 1764896400),
        ({"format": "s"}, "1764896400.5", 1764896400.5),
        ({"format": "ms"}, 1764896400250, 1764896400.25),
        ({"format": "ns"}, 1764896400000000001, 1764896400.0),
        ({"format": "%d/%m/%Y %H.%M", "zone": "Asia/Bangkok"}, "05/12/2025 08.00", 1764896400),
        ({}, "2025-12-05T08:00:00", "bad_time"),
        ({"format": "s"}, "soon", "bad_time"),
        ({"format": "s"}, 10**400, "bad_time"),
        ({"format": "%Y", "zone": "UTC"}, "soon", "bad_time"),
        ({}, None, "bad_time"),
        ({}, [], "bad_time"),
    ],
)
def test_times(settings: dict[str, str], given: object, seconds: float | str) -> None:
    made = read({"values": {"temperature": "v"}, "time": {"path": "t"} | settings}, {"v": 1, "t": given})
    assert made == seconds if isinstance(seconds, str) else made[0][2] == pytest.approx(seconds, rel=0, abs=1e-6)


def test_devices() -> None:
    table: dict[str, Any] = {"values": {"temperature": "v"}}
    assert read(table, {"v": 1})[0][0] == "d-1"
    assert read(table, {"v": 1}, None) == "missing_field"
    assert read(table | {"device_fixed": "roof"}, {"v": 1})[0][0] == "roof"
    assert read(table | {"device": "id"}, {"v": 1, "id": 47})[0][0] == "m-47"
    assert (
        read(table | {"device": "id", "device_prefix": "pcd-"}, {"v": 1, "id": "A 7"})[0][0] == "pcd-a-7-x3b7150cc0321"
    )
    for absent in (None, "", " ", "N/A"):
        assert read(table | {"device": "id", "missing": ["N/A"]}, {"v": 1, "id": absent}) == "missing_field"
    for wrong in (True, 1.5, []):
        assert read(table | {"device": "id"}, {"v": 1, "id": wrong}) == "bad_device"
    assert read(table | {"device": "$.station"}, {"v": 1, "station": "x"})[0][0] == "m-x"


def test_names_beyond_ascii_stay_apart() -> None:
    table = {"device": "id", "device_prefix": "st-", "values": {"pm2_5": "v"}}
    names = ["สถานี", "พิมาย", "ปากช่อง 2", "ปากช่อง 3"]
    made = read(table, [{"id": name, "v": 1} for name in names])
    assert len({row[0] for row in made}) == len(names)
    assert made[0][0] == "st-x4feb3860e1db"


def test_what_stands_at_the_top_is_looked_up_once() -> None:
    table = {"each": "rows", "device": "id", "values": {"pm2_5": "$.all.name=x.v"}}
    document = {"all": [{"name": "y"}] * 25_000 + [{"name": "x", "v": 7}], "rows": [{"id": n} for n in range(1_000)]}
    began_s = time.thread_time()
    assert [row[3] for row in read(table, document)] == [{"pm2_5": 7.0}] * 1_000
    assert time.thread_time() - began_s < 0.5


def test_lists_and_places() -> None:
    table = {"each": "rows", "lat": "lat", "lon": "lon", "values": {"rain_rate": "r"}, "missing": ["-"]}
    rows = [{"r": 1, "lat": "14.9", "lon": 102}, {"r": 2, "lat": "-", "lon": None}, {"r": None}]
    assert [row[1:] for row in read(table, {"rows": rows})] == [
        ("weather", NOW / 1e9, {"rain_rate": 1.0}, 14.9, 102.0),
        ("weather", NOW / 1e9, {"rain_rate": 2.0}, None, None),
    ]
    assert read(table, {"rows": [{"r": 1, "lat": 14}]}) == "bad_position"
    assert read(table, {}) == "missing_field"
    assert read({"values": {"rain_rate": "r"}}, rows)[1][3] == {"rain_rate": 2.0}
    assert read({"values": {"rain_rate": "r"}}, [{"r": 1}] * 20_001) == "too_many_readings"
    assert len(read({"values": {"rain_rate": "r"}}, [{"r": 1}] * 20_000)) == 20_000
    assert read({"values": {"rain_rate": "r"}}, [{"r": 1, "x": "x" * 2**20}] * 8) == "too_large"


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({}, "values"),
        ({"values": {}}, "values"),
        ({"values": {"temperature": "a"}, "vlaues": 1}, "vlaues"),
        ({"values": {"temperature": {"path": "a", "unit": "V"}}}, "values.temperature: V"),
        ({"values": {"soil": {"path": "a", "unit": "furlong"}}}, "furlong"),
        ({"values": {"Soil": "a"}}, "Soil"),
        ({"values": {"temperature": "a..b"}}, "empty key"),
        ({"values": {"temperature": {"path": "a", "over": 0}}}, "is 0"),
        ({"values": {"temperature": "a"}, "kind": "toaster"}, "toaster"),
        ({"values": {"temperature": "a"}, "time": {"path": "t", "zone": "Asia/Korat"}}, "time.zone: .*Asia/Korat"),
        ({"values": {"temperature": "a"}, "time": {"path": "t", "zone": "../etc"}}, "time.zone"),
        ({"values": {"temperature": "a"}, "time": {"path": "t", "format": "unix"}}, "time.format: .unix."),
        ({"values": {"temperature": "a"}, "lat": "a"}, "together"),
        ({"values": {"temperature": "a"}, "device": "a", "device_fixed": "b"}, "exclude"),
        ({"values": {"temperature": "a"}, "device_fixed": "A B"}, "device_fixed"),
    ],
)
def test_a_wrong_mapping_is_refused_with_a_sentence(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"mapping 'm'.*{sentence}"):
        load_mapping("m", table)


def test_recorded_air_quality_of_four_stations(shared_data: Path) -> None:
    path = shared_data / "timeseries/thai_pcd_air4thai_4stations_2024-02-27.csv"
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    names = {"PM25": "pm2_5", "PM10": "pm10", "O3": "o3", "CO": "co", "NO2": "no2", "SO2": "so2", "TEMP": "temperature"}
    table = {
        "kind": "air_quality",
        "device": "stationID",
        "time": {"path": "DATETIMEDATA", "zone": "Asia/Bangkok"},
        "values": {quantity: name for name, quantity in names.items()},
    }
    made = read(table, rows, None)
    measured = [row for row in rows if any(row[name] for name in names)]
    assert len(rows) == 96
    assert len(made) == len(measured)
    for (device, _, seconds, values, _, _), row in zip(made, measured, strict=True):
        assert device == f"m-{row['stationID']}"
        assert seconds == datetime.fromisoformat(row["DATETIMEDATA"] + "+07:00").timestamp()
        assert values == {quantity: float(row[name]) for name, quantity in names.items() if row[name]}
    print(f"Air4Thai rows by a mapping: {len(made)} passed, 0 failed, {len(rows) - len(made)} empty")  # noqa: T201


def test_one_bad_item_holds_back_no_other() -> None:
    naming = Naming(mappings={"m": load_mapping("m", {"device": "id", "values": {"rain_rate": "r"}, "kind": "rain"})})
    decoding, came = Decoding(naming), Origin("poll", "mapped", {"mapping": "m"})
    items = [{"id": 1, "r": 1}, {"id": 2, "r": "heavy"}, {"id": 3, "r": 3}, {"id": 4, "r": "light"}]
    payload = json.dumps(items).encode()
    readings, (kept,) = decoding.decode(came, payload, NOW)
    assert [(reading.device, reading.values["rain_rate"]) for reading in readings] == [("m-1", 1.0), ("m-3", 3.0)]
    assert (json.loads(kept.payload), kept.reason) == ([items[1], items[3]], "wrong_type")
    assert kept.detail.startswith("2 of 4 items: rain_rate is 'heavy'")
    mended = kept.payload.replace(b'"heavy"', b"2").replace(b'"light"', b"4")
    assert [reading.device for reading in decoding.decode_again(kept.origin, mended, NOW)[0]] == ["m-2", "m-4"]
    one = json.dumps({"id": 2, "r": "heavy"}).encode()
    assert decoding.decode(came, one, NOW)[1][0].detail.startswith("rain_rate is")


def test_the_bad_items_of_a_document_keep_what_stands_at_its_top() -> None:
    table = {
        "each": "a.b", "device": "id", "time": "$.at", "ignore": ["$.a.c"],
        "values": {"rain_rate": {"path": "r", "scale": 10}},
    }  # fmt: skip
    decoding = Decoding(Naming(mappings={"m": load_mapping("m", table)}))
    came = Origin("poll", "mapped", {"mapping": "m"})
    document = {"at": "2026-11-23T06:00:00Z", "a": {"b": [{"id": 1, "r": 1}, {"id": 2, "r": 1.7e308}], "c": 1}}
    (reading,), (kept,) = decoding.decode(came, json.dumps(document).encode(), NOW)
    assert (reading.device, kept.reason) == ("m-1", "not_finite")
    assert json.loads(kept.payload) == document | {"a": {"b": [{"id": 2, "r": 1.7e308}], "c": 1}}
    listed = load_mapping("m", table | {"each": "a.0.b", "ignore": ["$.a.0.c"]})
    decoding = Decoding(Naming(mappings={"m": listed}))
    payload = json.dumps({"at": document["at"], "a": [document["a"]]}).encode()
    readings, (kept,) = decoding.decode(came, payload, NOW)
    assert (len(readings), kept.payload) == (1, payload), "it can't be told without them"


@pytest.mark.parametrize(
    ("text", "form"),
    [("29/02/2567 06:00", "%d/%m/%Y %H:%M"), ("2567-02-29T06:00:00", "iso"), ("29/02/2024 06:00", "%d/%m/%Y %H:%M")],
)
def test_years_of_the_buddhist_era(text: str, form: str) -> None:
    time = {"path": "t", "format": form, "zone": "Asia/Bangkok"}
    table = {"time": time | {"era": "buddhist"}, "values": {"rain_rate": "r"}}
    ((_, _, seconds, *_),) = read(table, {"t": text, "r": 1})
    assert seconds == datetime.fromisoformat("2024-02-29T06:00:00+07:00").timestamp()
    if "2567" in text:
        assert read(table | {"time": time}, {"t": text, "r": 1}) == "bad_time"


AUTUMN: Final = {
    "kind": "weather",
    "device": "id",
    "time": {"path": "at", "zone": "Europe/Berlin"},
    "values": {"temperature": "t"},
}


def autumn(*times: str) -> list[dict[str, Any]]:
    return [{"id": "a", "at": f"2024-10-27 {text}", "t": number} for number, text in enumerate(times)]


def decode_with(table: dict[str, Any], document: object) -> tuple[list[Reading], Rest]:
    context = Context(NOW, parameters={"mapping": "m"}, mappings={"m": load_mapping("m", table)})
    made = DECODERS["mapped"](json.dumps(document).encode(), context)
    return made.readings, made.rest


def test_the_hour_that_comes_twice_is_kept_twice_where_the_order_of_items_tells() -> None:
    readings, _ = decode_with(AUTUMN, autumn("01:30", "02:30", "02:30", "03:30"))
    assert [one.time_ns // 10**9 - 1_729_985_400 for one in readings] == [0, 3600, 7200, 10_800]
    newest_first, _ = decode_with(AUTUMN, autumn("03:30", "02:30", "02:30", "01:30"))
    assert [one.time_ns for one in newest_first] == [one.time_ns for one in reversed(readings)]


@pytest.mark.parametrize("which", ["earlier", "later"])
def test_the_order_comes_before_the_setting(which: str) -> None:
    time = {"path": "at", "zone": "Europe/Berlin", "ambiguous": which}
    readings, _ = decode_with(AUTUMN | {"time": time}, autumn("01:30", "02:30", "02:30", "03:30"))
    assert len({one.time_ns for one in readings}) == 4
    ((alone,), _) = decode_with(AUTUMN | {"time": time}, autumn("02:30"))
    assert alone.time_ns // 10**9 == 1_729_989_000 + 3600 * (which == "later")


def test_where_the_order_tells_nothing_the_item_is_refused_and_its_neighbours_are_not() -> None:
    readings, rest = decode_with(AUTUMN, autumn("01:30", "02:30", "03:30"))
    assert [one.values["temperature"] for one in readings] == [0, 2]
    (kept,) = rest.refused
    assert "happens twice in Europe/Berlin: neither the order of rows nor" in kept.error.detail
    assert json.loads(kept.payload) == autumn("01:30", "02:30", "03:30")[1:2]


def test_the_hour_that_does_not_exist_is_refused() -> None:
    item = {"id": "a", "at": "2024-03-31 02:30", "t": 1}
    with pytest.raises(DecodeError, match="does not exist in Europe/Berlin"):
        decode_with(AUTUMN, [item])
