"""One language for foreign numbers and times: what it means is the same wherever it is written."""

from typing import Any

import pytest

from city.errors import ConfigurationError
from city.mapping import TimeFormat, Transform
from city.tables import parse_table

SECOND = 10**9


def time(**keys: Any) -> TimeFormat:
    return parse_table(TimeFormat, keys, "time")


@pytest.mark.parametrize(
    ("keys", "raw", "value"),
    [
        ({}, 21.5, 21.5),
        ({"scale": 2}, 10, 20),
        ({"over": 10}, 251, 25.1),
        ({"scale": 3, "over": 4, "offset": -1}, 8, 5),
        ({"unit": "degF"}, 77, 25),
        ({"over": 10, "unit": "K"}, 2981.5, 25),
    ],
)
def test_a_number_is_scaled_then_turned_into_the_catalogs_unit(keys: dict[str, Any], raw: float, value: float) -> None:
    assert parse_table(Transform, keys, "t").converter("temperature")(raw) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"over": 0}, "scale, over and offset are finite, and neither scale nor over is 0"),
        ({"scale": float("inf")}, "scale, over and offset are finite"),
        ({"unit": "spoon"}, "no unit 'spoon'"),
        ({"scale": "2"}, "scale: it must be a valid number"),
        ({"times": 2}, "there is no key 'times'"),
    ],
)
def test_a_number_that_cannot_be_read_so_is_refused(keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        parse_table(Transform, keys, "t")


@pytest.mark.parametrize(
    ("format_", "text", "time_ns"),
    [
        ({}, "2024-01-10T12:00:00+01:00", 1704884400 * SECOND),
        ({"zone": "Europe/Berlin"}, "2024-01-10 12:00", 1704884400 * SECOND),
        ({"format": "rfc3339"}, "2024-01-10T11:00:00.123456789Z", 1704884400 * SECOND + 123456789),
        ({"format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}, "10.01.2024 12:00", 1704884400 * SECOND),
        ({"format": "%Y-%m-%d %H:%M%z"}, "2024-01-10 12:00+0100", 1704884400 * SECOND),
        ({"zone": "Asia/Bangkok", "era": "buddhist"}, "2567-02-29T06:00:00", 1709161200 * SECOND),
        ({"zone": "Asia/Bangkok", "era": "buddhist"}, "25670229T060000", 1709161200 * SECOND),
        ({"zone": "Asia/Bangkok", "era": "buddhist", "format": "%Y%m%d%H%M"}, "256702290600", 1709161200 * SECOND),
        ({"zone": "Asia/Bangkok", "era": "buddhist", "format": "%d%m%Y %H:%M"}, "29022567 06:00", 1709161200 * SECOND),
        ({"zone": "Asia/Bangkok", "era": "buddhist", "format": "%y-%m-%d %H"}, "67-02-29 06", 1709161200 * SECOND),
        ({"zone": "Asia/Bangkok", "era": "buddhist", "format": "%d %B %Y"}, "1 March 2567", 1709226000 * SECOND),
        ({"zone": "Asia/Bangkok", "format": "%y-%m-%d %H"}, "24-02-29 06", 1709161200 * SECOND),
        ({"zone": "Europe/Berlin", "ambiguous": "earlier"}, "2024-10-27 02:30", 1729989000 * SECOND),
        ({"zone": "Europe/Berlin", "ambiguous": "later"}, "2024-10-27 02:30", 1729992600 * SECOND),
    ],
)
def test_a_text_is_an_instant(format_: dict[str, str], text: str, time_ns: int) -> None:
    assert time(**format_).from_text(text) == time_ns


@pytest.mark.parametrize(
    ("format_", "text", "sentence"),
    [
        ({}, "2024-01-10 12:00", "has no offset"),
        ({"zone": "Europe/Berlin"}, "2024-10-27 02:30", "happens twice in Europe/Berlin"),
        ({"zone": "Europe/Berlin"}, "2024-03-31 02:30", "does not exist in Europe/Berlin"),
        ({"zone": "UTC"}, "1969-12-31", "outside 2000 to 2100"),
        ({"zone": "UTC"}, "25680101", "a Buddhist one"),
        ({"zone": "UTC"}, "2568-01-01", "a Buddhist one"),
        ({"zone": "UTC"}, "68-01-01", "is not a time as ISO 8601 has it"),
        ({"zone": "UTC", "era": "buddhist"}, "68-01-01", "is not a time as ISO 8601 has it"),
        ({"zone": "UTC", "format": "%y%m%d"}, "990101", "outside 2000 to 2100"),
        ({"zone": "UTC"}, "soon", "is not a time as ISO 8601 has it"),
        ({"format": "rfc3339"}, "2024-01-10", "RFC 3339"),
    ],
)
def test_a_text_that_is_no_instant_is_refused(format_: dict[str, str], text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        time(**format_).from_text(text)


@pytest.mark.parametrize(
    ("format_", "sentence"),
    [
        ({"format": "unix"}, "format: 'unix' is neither iso, rfc3339, s, ms, us, ns nor"),
        ({"format": "%Q"}, "can't be read back"),
        ({"format": "%H:%M"}, "has no offset, so zone must say it"),
        ({"format": "%H:%M%z", "zone": "UTC"}, "has its own offset, so zone must go"),
        ({"format": "s", "zone": "UTC"}, "has its own offset, so zone must go"),
        ({"format": "ms", "era": "buddhist"}, "knows no other era"),
        ({"zone": "Asia/Korat"}, "zone: there is no time zone 'Asia/Korat'"),
    ],
)
def test_a_way_to_write_times_that_contradicts_itself_is_refused(format_: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        time(**format_)


@pytest.mark.parametrize(
    ("unit", "number", "time_ns"),
    [
        ("s", 1e9 + 0.5, 10**9 * SECOND + SECOND // 2),
        ("ms", 10**12 + 500, 10**9 * SECOND + SECOND // 2),
        ("ns", 10**18 + 1, 10**18 + 1),
    ],
)
def test_a_number_is_an_instant(unit: str, number: float, time_ns: int) -> None:
    assert time(format=unit).from_number(number) == time_ns
