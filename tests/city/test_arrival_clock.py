"""Times of receipt that stand in for times of rows, whatever the system's clock does."""

import itertools
import json
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from city.arrival_clock import ArrivalClock
from city.wire import direct

NOW_NS = 1_764_900_000_000_000_000
HOUR_NS = 3_600 * 10**9


def clock(steps: list[int]) -> ArrivalClock:
    times: Iterator[int] = itertools.accumulate(steps, initial=NOW_NS)
    return ArrivalClock(times.__next__)


@given(st.lists(st.tuples(st.integers(-50, 2_000), st.integers(1, direct.MAX_READINGS)), min_size=2, max_size=20))
def test_rows_of_two_messages_never_meet(messages: list[tuple[int, int]]) -> None:
    arrived = clock([step for step, _ in messages])
    instants: list[int] = []
    for _, rows in messages:
        received_ns = arrived()
        payload = json.dumps([{"values": {"level": 1}}] * rows).encode()
        readings = direct.decode(payload, kind="water_level", device="d", received_ns=received_ns)
        assert all(direct.has_time_of_receipt(reading, received_ns) for reading in readings)
        assert readings[0].time_ns == received_ns
        instants += [reading.time_ns for reading in readings]
    assert len(set(instants)) == len(instants)


def test_it_follows_a_clock_that_is_put_back() -> None:
    arrived = clock([-HOUR_NS, 1])
    assert [arrived() for _ in range(3)] == [NOW_NS, NOW_NS - HOUR_NS, NOW_NS - HOUR_NS + direct.MAX_READINGS]
