"""The readers of recordings: what they keep, what they refuse, and with which sentence."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.errors import ConfigurationError
from city.mqtt.address import Address
from city.reading import Reading
from simulators.replay import Record, ReplayOptions, read_records, write_record
from simulators.replay.mapping import load_mapping
from simulators.replay.options import BadLine
from simulators.replay.recording import Item, Recording
from simulators.replay.tally import BadFile, Tally

_MAPPING = """
format = "csv"
kind = "weather"
missing = ["", "-999"]
[time]
column = "when"
format = "%Y-%m-%d %H:%M"
zone = "Europe/Berlin"
[device]
column = "station"
prefix = "x-"
[columns]
t = {quantity = "temperature", unit = "degF"}
h = "humidity"
"""

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, "utf-8")
        return str(tmp_path / name)

    return write


def _read(file: str, mapping: str | None, *, device: str | None = None, skip: bool = False) -> tuple[list[Item], Tally]:
    recording = Recording(
        ReplayOptions(
            file=Path(file),
            province="th-30",
            broker=Address("127.0.0.1", 1),
            mapping=mapping,
            device=device,
            bad_line=BadLine.SKIP if skip else BadLine.STOP,
        )
    )
    tally = recording.tally()
    return list(recording.items(tally)), tally


def test_local_times_become_utc_and_units_the_catalogs(write: Write) -> None:
    table = "station,when,t,h\nA 1,2024-01-10 12:00,212,0\nA 1,2024-07-10 12:00,32,50.5\n"
    found, tally = _read(write("a.csv", table), write("m.toml", _MAPPING))
    assert [row.time_ns for row in found] == [1704884400 * 10**9, 1720605600 * 10**9]
    first, second = found
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert (first.device, first.kind) == ("x-a-1", "weather")
    assert first.values == {"temperature": pytest.approx(100), "humidity": 0.0}
    assert second.values == {"temperature": pytest.approx(0), "humidity": 50.5}
    assert (tally.rows, tally.gaps, tally.bad) == (2, 0, 0)


def test_missing_markers_are_gaps_and_zeros_are_values(write: Write) -> None:
    table = "station,when,t,h\na,2024-01-10 12:00,-999,\na,2024-01-10 13:00,,0\na,2024-01-10 14:00,-999.0,1\n"
    with pytest.raises(BadFile):
        _read(write("b.csv", table.replace("-999.0", "x")), write("m.toml", _MAPPING))
    found, tally = _read(write("a.csv", table), write("m.toml", _MAPPING))
    assert [row.values for row in found if isinstance(row, Reading)] == [
        {"humidity": 0.0},
        {"temperature": pytest.approx((-999 - 32) / 1.8), "humidity": 1.0},
    ]
    assert (tally.rows, tally.gaps) == (3, 1)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("a,2024-01-10 12:00,1", "line 3: 3 cells under a header of 4"),
        ("a,2024-01-10 12:00,1,2,3", "line 3: 5 cells"),
        ("a,2024-13-10 12:00,1,2", "line 3: '2024-13-10 12:00' is not a time as '%Y"),
        ("a,2024-01-10 12:00,1,warm", "line 3: column 'h': 'warm' is no number"),
        ("a,2024-01-10 12:00,1,1_000", "line 3: column 'h': '1_000' is no number"),
        ("a,2024-01-10 12:00,1,inf", "line 3: column 'h': 'inf' is not finite"),
        ("-,2024-01-10 12:00,1,2", "line 3: no device id"),
        ("A,2024-01-10 12:00,1,2", "line 3: 'A' and 'a' would both become the device x-a"),
        ("a,2024-03-31 02:30,1,2", "line 3: '2024-03-31 02:30' does not exist in Europe/Berlin"),
        ("a,2024-10-27 02:30,1,2", "line 3: '2024-10-27 02:30' happens twice in Europe/Berlin"),
        ("a,1960-01-01 00:00,1,2", "line 3: '1960-01-01 00:00' is outside"),
    ],
)
def test_a_bad_line_is_named_or_counted(write: Write, row: str, sentence: str) -> None:
    table = f"station,when,t,h\na,2024-01-10 11:00,1,2\n{row}\na,2024-01-10 13:00,1,2\n"
    file, mapping = write("a.csv", table), write("m.toml", _MAPPING)
    with pytest.raises(BadFile) as caught:
        _read(file, mapping)
    assert f"{file}, {sentence}" in str(caught.value)
    found, tally = _read(file, mapping, skip=True)
    assert (len(found), tally.rows, tally.bad) == (2, 3, 1)
    assert tally.first_bad == str(caught.value)


def test_an_hour_that_happens_twice_can_be_decided(write: Write) -> None:
    file = write("a.csv", "station,when,t,h\na,2024-10-27 02:30,1,2\n")
    times = [
        _read(file, write("m.toml", _MAPPING.replace("[device]", f'ambiguous = "{which}"\n[device]')))[0][0].time_ns
        for which in ("earlier", "later")
    ]
    assert times[1] - times[0] == 3600 * 10**9


def test_the_hour_that_comes_twice_is_kept_twice_where_the_order_of_lines_tells(write: Write) -> None:
    times = "00:30", "01:30", "02:30", "02:30", "03:30"
    lines = "".join(f"{device},2024-10-27 {at},1,2\n" for at in times for device in "ab")
    found, tally = _read(write("a.csv", f"station,when,t,h\n{lines}"), write("m.toml", _MAPPING))
    start_ns = found[0].time_ns
    hours = [((one.time_ns - start_ns) // (3600 * 10**9), one.device[-1]) for one in found]
    assert hours == [(hour, device) for hour in range(5) for device in "ab"]
    assert (tally.rows, tally.bad) == (10, 0)


def test_a_file_of_the_second_hour_alone_is_refused_line_by_line(write: Write) -> None:
    table = "station,when,t,h\na,2024-10-27 02:10,1,2\na,2024-10-27 02:40,1,2\na,2024-10-27 03:10,1,2\n"
    found, tally = _read(write("a.csv", table), write("m.toml", _MAPPING), skip=True)
    assert (len(found), tally.bad) == (1, 2)
    assert "line 2: '2024-10-27 02:10' happens twice in Europe/Berlin: neither the order of rows" in tally.first_bad


@pytest.mark.parametrize("where", ['lat = "la"\nlon = "lo"', 'wkt = "w"'])
def test_a_line_at_0_0_has_no_position_and_its_values_stay(write: Write, where: str) -> None:
    table = (
        "station,when,t,h,la,lo,w\na,2024-01-10 11:00,1,2,0,0.0,POINT(0 0)\na,2024-01-10 12:00,1,2,0,102,POINT(102 0)\n"
    )
    found, tally = _read(write("a.csv", table), write("m.toml", f"{_MAPPING}[position]\n{where}\n"))
    assert [(one.lat, one.lon) for one in found] == [(None, None), (0.0, 102.0)]
    assert (tally.rows, tally.bad) == (2, 0)


def test_lines_are_counted_through_quoted_line_ends(write: Write) -> None:
    table = 'station,when,t,h,note\na,2024-01-10 11:00,1,2,"two\nlines"\na,bad,1,2,""\n'
    with pytest.raises(BadFile, match="line 4"):
        _read(write("a.csv", table), write("m.toml", _MAPPING))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('kind = "weather"', 'kind = "wether"', "'wether'"),
        ('kind = "weather"', 'kind = "weather"\ncolour = 1', "there is no key 'colour', did you mean columns?"),
        ('"humidity"', '"Humidity"', "'Humidity' can't name a quantity"),
        ('"humidity"', '"lat"', "'lat' can't name a quantity"),
        ("Europe/Berlin", "Europe/Atlantis", "time.zone: there is no time zone"),
        ('zone = "Europe/Berlin"', "", "zone must say it"),
        ('"%Y-%m-%d %H:%M"', '"rfc3339"', "zone must go"),
        ('"degF"', '"degR"', "no unit 'degR'"),
        ('"degF"', '"mph"', "mph (speed) is no Cel (temperature)"),
        ('column = "station"', 'tag = "station"', "either name or column"),
        ('column = "station"', 'name = "No Id"', "not a well-formed id"),
        ('[time]\ncolumn = "when"', "[time]", "time.column: Field required"),
        ('format = "csv"', 'format = "xml"', "format: it must be 'csv', 'json' or 'line_protocol'"),
        ('unit = "degF"', 'from = "degF"', "columns.t has no key 'from'"),
        ('unit = "degF"', 'unit = "degF", over = 0', "columns.t: scale, over and offset"),
        ('"temperature", unit', '"temprature", unit', "'temprature' is not in the catalog"),
    ],
)
def test_a_wrong_mapping_is_refused_with_a_sentence(write: Write, old: str, new: str, sentence: str) -> None:
    assert old in _MAPPING
    name = write("m.toml", _MAPPING.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(name)
    assert sentence in str(caught.value)
    assert name in str(caught.value)


def test_the_shipped_mappings_are_right_and_an_unknown_one_lists_them() -> None:
    for name in ("air4thai", "air4thai-station", "river-gauges", "noaa-weather", "point-track"):
        load_mapping(name)
    with pytest.raises(ConfigurationError, match="air4thai, air4thai-station, noaa-weather, point-track, river-gauges"):
        load_mapping("nothing")


def test_a_column_that_the_file_lacks_is_refused(write: Write) -> None:
    with pytest.raises(ConfigurationError, match=r"has no column h; it has station, when, t"):
        _read(write("a.csv", "station,when,t\n"), write("m.toml", _MAPPING))
    optional = _MAPPING.replace("missing =", 'absent_columns = "allow"\nmissing =')
    found, _ = _read(write("a.csv", "station,when,t\na,2024-01-10 11:00,32\n"), write("m.toml", optional))
    assert [row.values for row in found if isinstance(row, Reading)] == [{"temperature": pytest.approx(0, abs=1e-9)}]
    with pytest.raises(ConfigurationError, match="none of the columns"):
        _read(write("a.csv", "station,when\na,2024-01-10 11:00\n"), write("m.toml", optional))


def test_a_device_given_by_the_user_stands_in_for_the_files(write: Write) -> None:
    found, _ = _read(
        write("a.csv", "station,when,t,h\na,2024-01-10 11:00,1,2\n"), write("m.toml", _MAPPING), device="mine"
    )
    assert [row.device for row in found if isinstance(row, Reading)] == ["mine"]


def test_a_wide_table_has_a_device_in_each_column(write: Write) -> None:
    mapping = """
format = "csv"
kind = "water_level"
delimiter = ";"
[time]
column = "t"
format = "s"
[gauges]
a = {device = "gauge-a", quantity = "flow"}
b = {device = "gauge-b", quantity = "level", scale = 0.01, offset = 100.0}
"""
    found, tally = _read(
        write("a.csv", "t;a;b\n1000000001;-0.5;\n1000000002;0;250\n1000000003;;\n"), write("m.toml", mapping)
    )
    assert found == [
        Reading("gauge-a", "water_level", 1_000_000_001 * 10**9, {"flow": -0.5}),
        Reading("gauge-a", "water_level", 1_000_000_002 * 10**9, {"flow": 0.0}),
        Reading("gauge-b", "water_level", 1_000_000_002 * 10**9, {"level": 102.5}),
    ]
    assert (tally.rows, tally.gaps) == (3, 3)


_TRACK = '[{"id": "\\\\x01", "time": "2024-01-01 01:00:00+0100", "point": "POINT(102.5 14.5)"}, %s]'


def test_a_json_track_keeps_its_positions(write: Write) -> None:
    found, _ = _read(write("a.json", _TRACK.replace(", %s", "")), "point-track")
    assert found == [Reading("track-x01", "vehicle", 1704067200 * 10**9, {"fix": 1.0}, 14.5, 102.5)]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("3", "object 2: '3' is no object"),
        ('{"id": "b", "time": "2024-01-01 01:00:00+0100"}', "object 2: there is no column 'point'"),
        ('{"id": "b", "time": "2024-01-01 01:00:00+0100", "point": "POINT(1)"}', "object 2: column 'point'"),
        ('{"id": "b", "time": "2024-01-01 01:00:00+0100", "point": "POINT(181 1)"}', "object 2: 1.0, 181.0 is not"),
        (
            '{"id": "b", "time": "2024-01-01 01:00:00", "point": "POINT(1 1)"}',
            "object 2: '2024",
        ),
        ("{", "line 1: "),
    ],
)
def test_a_bad_object_is_named(write: Write, row: str, sentence: str) -> None:
    with pytest.raises(BadFile) as caught:
        _read(write("a.json", _TRACK % row), "point-track")
    assert sentence in str(caught.value)


def test_points_are_mapped_by_measurement_tag_and_field(write: Write) -> None:
    mapping = """
format = "line_protocol"
precision = "s"
[[points]]
measurement = "my weather"
kind = "weather"
device = {tag = "place"}
[points.fields]
temp = {quantity = "temperature", unit = "degF"}
raining = "raining"
count = "count"
"""
    text = (
        "my\\ weather,place=San\\ Jose temp=50,raining=t 1000000010\n\n# nothing\n"
        "my\\ weather,place=b count=3u 1000000011\n"
    )
    file, name = write("a.lp", text), write("m.toml", mapping)
    assert _read(file, name)[0] == [
        Reading("san-jose", "weather", 1_000_000_010 * 10**9, {"temperature": pytest.approx(10), "raining": 1.0}),
        Reading("b", "weather", 1_000_000_011 * 10**9, {"count": 3.0}),
    ]
    for line, sentence in [
        ("other a=1 1", "no measurement 'other'"),
        ("my\\ weather,place=b wind=1 1", "no field 'wind'"),
        ("my\\ weather temp=1 1", "no tag 'place'"),
        ("my\\ weather,place=b temp=1", "no timestamp"),
        ('my\\ weather,place=b temp="a" 1', "is text"),
        ("my\\ weather,place=b temp=1 1 1", "is no timestamp"),
    ]:
        bad = write("b.lp", text + line + "\n")
        with pytest.raises(BadFile, match="line 5: ") as caught:
            _read(bad, name)
        assert sentence in str(caught.value)
        found, tally = _read(bad, name, skip=True)
        assert (len(found), tally.rows, tally.bad) == (2, 3, 1)


def test_a_record_gives_back_the_bytes(tmp_path: Path) -> None:
    payloads = [b'{"ts": 1, "values": {"a": 1.50}}', b"\x00\xff", b"", b" 1", b'{"a":\n1}', b'"text"', b"NaN", b"1"]
    records = [Record(number, f"city/a/{number}", payload) for number, payload in enumerate(payloads)]
    file = tmp_path / "a.korat.jsonl"
    with file.open("wb") as out:
        for record in records:
            write_record(out, record)
    assert list(read_records(file, Tally("a"))) == records
    assert b'"payload":{"ts": 1,' in file.read_bytes()


@given(
    payload=st.binary(max_size=40) | st.text(max_size=20).map(str.encode) | st.floats().map(lambda x: str(x).encode())
)
def test_any_payload_survives_a_record(tmp_path_factory: pytest.TempPathFactory, payload: bytes) -> None:
    out = io.BytesIO()
    write_record(out, Record(5, "t", payload))
    assert out.getvalue().count(b"\n") == 1
    file = tmp_path_factory.mktemp("record") / "a.korat.jsonl"
    file.write_bytes(out.getvalue())
    assert list(read_records(file, Tally("a"))) == [Record(5, "t", payload)]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "{}",
        '{"t":1,"topic":"a"}',
        '{"t":1,"topic":"a/#","payload":1}',
        '{"t":1,"topic":"a","base64":"?"}',
        '{"t":1,"topic":"a","payload":1,"base64":""}',
        '{"t":1,"topic":"","payload":1}',
        '{"t":1,"topic":"a","payload":1,"x":2}',
    ],
)
def test_a_bad_record_is_named(write: Write, line: str) -> None:
    with pytest.raises(BadFile, match="line 2: "):
        _read(write("a.korat.jsonl", '{"t":1,"topic":"a","payload":1}\n' + line + "\n"), None)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file"):
        _read(str(tmp_path / "none.csv"), "air4thai")


_cells = st.floats(allow_nan=False, allow_infinity=False) | st.none()


@settings(max_examples=50)
@given(rows=st.lists(st.tuples(st.integers(10**9, 4 * 10**9), _cells, _cells), max_size=20))
def test_a_written_table_comes_back_as_csv_and_as_json(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float | None, float | None]]
) -> None:
    folder = tmp_path_factory.mktemp("table")
    mapping = (
        '{0}\nkind = "weather"\n[time]\ncolumn = "t"\nformat = "s"\n'
        '[device]\nname = "d"\n[columns]\na = "aa"\nb = "bb"\n'
    )
    expected = [
        Reading("d", "weather", t * 10**9, {k: v for k, v in (("aa", a), ("bb", b)) if v is not None})
        for t, a, b in rows
        if (a, b) != (None, None)
    ]
    lines = "".join(f"{t},{'' if a is None else a},{'' if b is None else b}\n" for t, a, b in rows)
    (folder / "a.csv").write_text("t,a,b\n" + lines)
    (folder / "a.json").write_text(json.dumps([{"t": t, "a": a, "b": b} for t, a, b in rows]))
    for form in ("csv", "json"):
        (folder / "m.toml").write_text(mapping.format(f'format = "{form}"'))
        found, tally = _read(str(folder / f"a.{form}"), str(folder / "m.toml"))
        assert found == expected
        assert (tally.rows, tally.gaps) == (len(rows), len(rows) - len(expected))
