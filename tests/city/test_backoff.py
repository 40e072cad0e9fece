"""Delays between tries."""

from city.backoff import Backoff


def test_delays_double_up_to_the_bound_and_start_again() -> None:
    backoff = Backoff(first_s=0.1, max_s=5.0, chance=lambda: 1.0)
    assert [backoff.next() for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 0.1


def test_delays_are_spread_over_the_whole_range() -> None:
    backoff = Backoff(first_s=1.0, max_s=1.0)
    delays = [backoff.next() for _ in range(1000)]
    assert 0 <= min(delays) < 0.1
    assert 0.9 < max(delays) <= 1.0
