"""An hour that comes twice is told apart by the order of the rows, and never guessed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.mapping import DatedRow, TimeFormat, tell_apart

SECOND = 10**9
BERLIN = TimeFormat(zone="Europe/Berlin")


def rows(*times: str, device: str = "a", holds: str = "t") -> list[DatedRow]:
    return [DatedRow(device, {holds}, *BERLIN.candidates(f"2024-10-27 {text}")) for text in times]


def passes(found: list[DatedRow]) -> str:
    """Write 1 and 2 for what was told apart, ? for what was not, - for what happens once."""
    told = tell_apart(found)
    return "".join(
        "-" if not row.is_ambiguous else {row.early_ns: "1", row.late_ns: "2", None: "?"}[told.get(number)]
        for number, row in enumerate(found)
    )


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ("01:30 02:00 02:30 02:00 02:30 03:00", "-1122-"),
        ("03:00 02:30 02:00 02:30 02:00 01:30", "-2211-"),
        ("01:00 02:00 02:00 03:00", "-12-"),
        ("03:00 02:00 02:00", "-21"),
        ("02:10 02:40 02:10 02:40", "1122"),
        ("02:40 02:10 02:40 02:10", "2211"),
        ("01:30 02:00 02:30 03:00", "-??-"),
        ("02:30 02:45 03:00", "??-"),
        ("02:30", "?"),
        ("02:30 02:30", "??"),
        ("02:30 02:00", "??"),
        ("01:00 03:00 02:30 02:00", "--??"),
        ("01:00 02:30 02:00 02:30 02:00 03:00", "-????-"),
        ("12:00 13:00", "--"),
    ],
)
def test_the_order_tells_the_two_passes_apart_or_nothing(times: str, wanted: str) -> None:
    assert passes(rows(*times.split())) == wanted


def test_devices_are_told_apart_one_by_one() -> None:
    first, second = rows("01:30", "02:30", "02:30", "03:00"), rows("02:30", "02:45", device="b")
    assert passes([*first[:2], second[0], *first[2:3], second[1], *first[3:]]) == "-1?2?-"


def test_rows_that_share_an_instant_and_hold_other_quantities_are_one_pass() -> None:
    t, h = rows("01:00", "02:00", "02:00", "03:00"), rows("01:00", "02:00", "02:00", "03:00", holds="h")
    alternating = [row for pair in zip(t, h, strict=True) for row in pair]
    assert passes(alternating) == "--1122--"
    assert passes([t[0], t[1], h[1], t[3]]) == "-??-"


@given(
    minutes=st.lists(st.integers(-120, 240), min_size=1, max_size=40, unique=True),
    descending=st.booleans(),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_what_is_told_is_the_truth(minutes: list[int], *, descending: bool, zone: str) -> None:
    ends = {"Europe/Berlin": (10, 27, 1), "America/New_York": (11, 3, 6), "Australia/Lord_Howe": (4, 6, 15)}
    start = datetime(2024, *ends[zone], tzinfo=UTC)
    spelled = TimeFormat(zone=zone)
    truth, found = [], []
    for minute in sorted(minutes, reverse=descending):
        when = start + timedelta(minutes=minute)
        truth.append(int(when.timestamp()) * SECOND)
        local = when.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        found.append(DatedRow("a", {"t"}, *spelled.candidates(local.isoformat())))
    for number, time_ns in tell_apart(found).items():
        assert time_ns == truth[number]
