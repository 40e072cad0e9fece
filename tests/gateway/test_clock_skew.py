"""What receipts show of the gateway's clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbox.clock_skew import ClockSkew, Estimate

S = 10**9


def test_a_receipt_bounds_the_difference_by_its_journey() -> None:
    skew = ClockSkew(0)
    skew.sent([1], 100 * S)
    skew.settled([(1, 1)], 70 * S, 100 * S + S // 10)
    assert skew.take() == pytest.approx((30.05, 0.05))
    assert skew.take() is None, "each look starts anew"


def test_the_quickest_journey_counts() -> None:
    skew = ClockSkew(0)
    for seq, journey_ns in ((1, S // 2), (2, S // 100), (3, S // 5)):
        skew.sent([seq], 100 * S)
        skew.settled([(seq, seq)], 100 * S + journey_ns // 2, 100 * S + journey_ns)
    assert skew.take() == pytest.approx((0, 0.005))


def test_the_pack_that_was_sent_last_counts() -> None:
    skew = ClockSkew(0)
    skew.sent([1], 10 * S)
    skew.sent([2], 100 * S)
    skew.settled([(1, 2)], 100 * S, 100 * S + S // 10)
    assert skew.take() == pytest.approx((0.05, 0.05))


def test_what_took_long_or_was_made_before_says_nothing() -> None:
    skew = ClockSkew(5)
    skew.sent([5, 6], 100 * S)
    skew.settled([(5, 5)], 70 * S, 100 * S)
    skew.settled([(6, 6)], 101 * S, 103 * S)
    skew.settled([(7, 9)], 1 * S, 103 * S)
    skew.sent([7], 103 * S)
    skew.settled([(7, 7)], 0, 103 * S)
    assert skew.take() is None


@pytest.mark.parametrize(("ahead_s", "error_s", "min_s"), [(0.1, 0.2, 0), (-3, 0.5, -2.5), (3, 0.5, 2.5), (-0.1, 1, 0)])
def test_clocks_that_may_be_equal_are_taken_for_equal(ahead_s: float, error_s: float, min_s: float) -> None:
    assert Estimate(ahead_s, error_s).min_s == min_s


@given(st.integers(-(10**6), 10**6), st.lists(st.tuples(st.integers(0, S), st.integers(0, S)), min_size=1, max_size=9))
def test_the_truth_lies_within_the_error(ahead_s: int, journeys: list[tuple[int, int]]) -> None:
    skew = ClockSkew(0)
    for seq, (there_ns, back_ns) in enumerate(journeys, start=1):
        sent_ns = (10**7 + seq) * S
        skew.sent([seq], sent_ns)
        skew.settled([(seq, seq)], sent_ns + there_ns - ahead_s * S, sent_ns + there_ns + back_ns)
    found = skew.take()
    assert found is not None
    assert abs(found.ahead_s - ahead_s) <= found.error_s + 1e-6
