"""The clock that says when messages came: each gets an instant of its own, whichever way it came into this process."""

import time
from collections.abc import Callable
from typing import Final

from city.wire.direct import MAX_READINGS

_BURST_NS: Final = 10**9
"""Messages may run ahead of the clock by so much; farther ahead, the clock was put back."""


class ArrivalClock:
    """Gives times of receipt that are at least `MAX_READINGS` nanoseconds apart.

    They stand in for the times that rows lack, and `city.wire.direct.apart` lays the rows of one payload a nanosecond
    apart: so rows of two messages never meet.

    Args:
        now: Nanoseconds UTC.
    """

    def __init__(self, now: Callable[[], int] = time.time_ns) -> None:
        self._now = now
        self._next_ns = 0

    def __call__(self) -> int:
        """Give the time of receipt of the message at hand, nanoseconds UTC."""
        now_ns = self._now()
        if 0 < self._next_ns - now_ns < _BURST_NS:
            now_ns = self._next_ns
        self._next_ns = now_ns + MAX_READINGS
        return now_ns


arrival_ns: Final = ArrivalClock()
"""The one of this process."""
