"""Times outside are exact, short, and read back to the same nanosecond."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.limits import BUCKETS, RAW
from api.times import instant, rfc3339, spelled, width
from city.reading import LAST_NS
from support.readings import instants


@given(instants)
def test_an_instant_reads_back_to_the_same_nanosecond(time_ns: int) -> None:
    assert instant(rfc3339(time_ns)) == time_ns


@given(st.integers(0, LAST_NS // 10**9 - 1))
def test_whole_seconds_are_written_as_the_standard_library_writes_them(seconds: int) -> None:
    assert rfc3339(seconds * 10**9) == f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}Z"


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (1_704_067_200_000_000_000, "2024-01-01T00:00:00Z"),
        (1_704_067_200_500_000_000, "2024-01-01T00:00:00.5Z"),
        (1_704_067_200_000_000_001, "2024-01-01T00:00:00.000000001Z"),
        (1_709_251_199_120_000_000, "2024-02-29T23:59:59.12Z"),
    ],
)
def test_the_form_is_the_shortest_exact_one(time_ns: int, text: str) -> None:
    assert rfc3339(time_ns) == text


def test_offsets_are_understood() -> None:
    assert rfc3339(instant("2024-01-01T07:00:00+07:00")) == "2024-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["", "now", "2024-01-01", "2024-01-01T00:00:00", "2024-02-30T00:00:00Z", "1704067200"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|no such day"):
        instant(text)


def test_an_offset_whose_plus_became_a_space_gets_a_hint() -> None:
    with pytest.raises(ValueError, match="%2B"):
        instant("2024-01-01T00:00:00 07:00")


_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_WIDTH = re.compile(r"[1-9][0-9]{0,6}[smhd]")


@st.composite
def near_misses(draw: st.DrawFn) -> str:
    """Draw a good text with one sign put in, left out or replaced."""
    text = draw(instants.map(rfc3339) | st.sampled_from(["2024-01-01T00:00:00+07:00", "30s", "5m", "1h", "1d"]))
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(["", *" \n_T:.,Z+-0sm\u0e51"])) + text[at + draw(st.integers(0, 1)) :]


@given(near_misses() | st.text())
@example("5ms")
@example("5m\n")
@example("2024-01-01_00:00:00Z")
@example("2024-01-01T00:00:00Z\n")
def test_any_other_text_is_refused(text: str) -> None:
    for read, grammar in ((instant, _INSTANT), (width, _WIDTH)):
        if grammar.fullmatch(text) is None:
            with pytest.raises(ValueError, match=r"RFC 3339|no such|outside|a width|wide"):
                read(text)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("1d", 86_400)])
def test_a_width_reads_both_ways(text: str, seconds: int) -> None:
    assert width(text) == seconds * 10**9
    assert spelled(seconds * 10**9) == text


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "05m", "5M", "1.5h", "-1h", "1w", "9999999d", "367d"])
def test_what_is_no_width_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"width|wide"):
        width(text)


def test_the_table_of_limits_rises() -> None:
    assert list(BUCKETS) == sorted(BUCKETS)
    ranges = [row.longest_ns for row in (RAW, *BUCKETS)]
    assert ranges == sorted(ranges)
    assert ranges[-1] >= LAST_NS
