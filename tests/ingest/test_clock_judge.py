"""Whose clock is wrong: gateways that agree outvote the rest, and a minority changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.wire.status import Status
from ingest.city_clock import CityClock, ClockWrong
from ingest.clock_judge import AGREE_S, Hysteresis, Verdict, judge

HOUR = 3600
TRUTH = st.floats(-1e7, 1e7)
LIES = st.floats(-1e12, 1e12)


@given(
    truth=TRUTH,
    errors=st.lists(st.floats(0, AGREE_S - 1), min_size=2, max_size=12),
    lies=st.lists(LIES, max_size=11),
    database=st.none() | LIES,
    data=st.data(),
)
def test_a_minority_of_liars_never_moves_the_verdict_off_the_others(
    truth: float, errors: list[float], lies: list[float], database: float | None, data: st.DataObject
) -> None:
    honest = [truth - error for error in errors]
    lies = lies[: len(honest) - 1]
    if len(honest) + len(lies) < 3:
        honest.append(truth)
    verdict = judge(data.draw(st.permutations(honest + lies)), database)
    assert verdict is not None
    assert "gateways" in verdict.witnesses
    assert min(honest) - AGREE_S <= -verdict.ahead_s <= max(honest) + AGREE_S


@given(truth=TRUTH, lies=st.lists(LIES, max_size=6), data=st.data())
def test_what_the_minority_says_changes_no_decision(truth: float, lies: list[float], data: st.DataObject) -> None:
    honest = [truth] * (len(lies) + 3)
    alone, among = Hysteresis(300), Hysteresis(300)
    alone.update(judge(honest, None))
    among.update(judge(data.draw(st.permutations(honest + lies)), data.draw(st.none() | LIES)))
    assert (alone.wrong is None) == (among.wrong is None)


@pytest.mark.parametrize(
    ("gateways", "database", "ahead_s"),
    [
        ([], None, None),
        ([HOUR], None, None),
        ([HOUR, HOUR], None, None),
        ([HOUR, HOUR], 0, 0),
        ([HOUR, HOUR, HOUR], None, -HOUR),
        ([HOUR, HOUR, HOUR], 0, -HOUR),
        ([HOUR, HOUR, 0], None, -HOUR),
        ([HOUR, 0, 0], None, 0),
        ([0, 0, 0], HOUR, 0),
        ([HOUR, 2 * HOUR, 3 * HOUR], None, None),
        ([HOUR, 2 * HOUR, 3 * HOUR], -HOUR, HOUR),
        ([], HOUR, -HOUR),
        ([HOUR, HOUR, 0, 0], None, None),
        ([-HOUR, -HOUR + 30, -HOUR + 40, 5, 9e9], None, HOUR - 30),
    ],
)
def test_who_decides(gateways: list[float], database: float | None, ahead_s: float | None) -> None:
    verdict = judge(gateways, database)
    assert (verdict and verdict.ahead_s) == (ahead_s if verdict else None)
    assert (verdict is None) == (ahead_s is None)


def test_wrong_from_the_limit_on_until_within_half_of_it() -> None:
    state = Hysteresis(300)
    assert state.limit_s == 120

    def after(ahead_s: float | None) -> bool:
        state.update(None if ahead_s is None else Verdict(ahead_s, "x"))
        return state.wrong is not None

    assert [after(at) for at in (119, -119, 121, 119, None, -70, 61, 59, 119, -121, None)] == [
        *(False, False, True, True, True, True, True, False, False, True, True)
    ]
    assert Hysteresis(10**6).limit_s == 120
    assert Hysteresis(0).limit_s == 60


class Clocks:
    """A clock and an uptime that a test sets."""

    def __init__(self) -> None:
        self.up_s = 1000.0
        self.wrong_s = 0.0

    def true_ns(self) -> int:
        return 1_764_900_000 * 10**9 + int(self.up_s * 10**9)

    def city(self) -> CityClock:
        return CityClock(read=lambda: self.true_ns() + int(self.wrong_s * 1e9), uptime=lambda: int(self.up_s * 10**9))


def is_wrong(clock: CityClock) -> bool:
    try:
        clock.check()
    except ClockWrong:
        return True
    return False


def tell(clock: CityClock, clocks: Clocks, *, late_s: float = 0, retained: bool = False, count: int = 3) -> None:
    for number in range(count):
        status = Status(online=True, spool="s", at_ns=clocks.true_ns() - int(late_s * 1e9))
        clock.note_status(f"gw-{number}", status, retained=retained)
    clock.judge_anew()


def test_a_step_of_our_clock_shows_at_once_and_so_does_its_mending() -> None:
    clocks = Clocks()
    clock = clocks.city()
    tell(clock, clocks)
    assert not is_wrong(clock)
    clocks.wrong_s = -3600
    assert is_wrong(clock)
    clocks.wrong_s = 0
    assert not is_wrong(clock)


def test_a_delayed_status_is_no_wrong_clock() -> None:
    clocks = Clocks()
    clock = clocks.city()
    tell(clock, clocks)
    tell(clock, clocks, late_s=900)
    assert not is_wrong(clock)


def test_a_retained_status_tells_that_we_are_behind_and_never_that_we_are_ahead() -> None:
    clocks = Clocks()
    old = clocks.city()
    tell(old, clocks, late_s=7200, retained=True)
    assert not is_wrong(old)
    clocks.wrong_s = -3600
    behind = clocks.city()
    tell(behind, clocks, late_s=20, retained=True)
    assert is_wrong(behind)
    clocks.wrong_s = 3600
    ahead = clocks.city()
    tell(ahead, clocks, late_s=20, retained=True)
    assert not is_wrong(ahead)
    tell(ahead, clocks)
    assert is_wrong(ahead)


def test_wills_farewells_and_absurd_times_tell_nothing_or_are_outvoted() -> None:
    clocks = Clocks()
    clock = clocks.city()
    for number in range(3):
        clock.note_status(f"gw-{number}", Status(online=False, spool="s", at_ns=5), retained=False)
        clock.note_status(f"gw-{number}", Status(online=True, spool="s", at_ns=-(2**70)), retained=False)
    clock.judge_anew()
    assert not is_wrong(clock)
    assert clock.verdict is None
    tell(clock, clocks)
    clock.note_status("liar", Status(online=True, spool="s", at_ns=2**70), retained=False)
    clock.judge_anew()
    assert not is_wrong(clock)


def test_a_slow_answer_of_the_database_tells_nothing() -> None:
    clocks = Clocks()
    clock = clocks.city()
    clock.note_database(clocks.true_ns() - 3600 * 10**9, clock.uptime() - 3 * 10**9)
    assert not is_wrong(clock)
    clock.note_database(clocks.true_ns() - 3600 * 10**9, clock.uptime())
    clock.judge_anew()
    assert is_wrong(clock)
