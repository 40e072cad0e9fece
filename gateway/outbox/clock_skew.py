"""How far the gateway's clock is from the city's, as receipts show it. No clock, no I/O.

A receipt says when ingest wrote it. Ingest wrote it after the gateway had sent the packs in it, and before the gateway
got it, so each receipt gives bounds (F. Cristian, Probabilistic clock synchronization, 1989, for the case of two
clocks); the narrowest of a while is kept. Only packs count that this process was the first to send: of others a
receipt of long ago may still be under way.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

_MAX_KNOWN: Final = 4096
_WORST_ERROR_S: Final = 1.0
"""Beyond, nothing is said: it was a backlog that took its time, not a clock."""


class Estimate(NamedTuple):
    """Seconds that our clock is ahead of the city's, negative when it is behind; give or take `error_s`."""

    ahead_s: float
    error_s: float

    @property
    def min_s(self) -> float:
        """The smallest difference that explains what was seen: 0 for clocks that may be equal."""
        sure_s = abs(self.ahead_s) - self.error_s
        return math.copysign(sure_s, self.ahead_s) if sure_s > 0 else 0.0


class ClockSkew:
    """Bounds of the difference.

    Args:
        last: The highest number of a pack that was made before this process.
    """

    def __init__(self, last: int) -> None:
        self._last = last
        self._sent_ns: dict[int, int] = {}
        self._best: Estimate | None = None

    def sent(self, numbers: Iterable[int], now_ns: int) -> None:
        """Note packs that are sent for the first time."""
        for seq in numbers:
            if seq > self._last and len(self._sent_ns) < _MAX_KNOWN:
                self._sent_ns[seq] = now_ns

    def settled(self, ranges: Iterable[tuple[int, int]], theirs_ns: int, now_ns: int) -> None:
        """Learn from a receipt.

        Args:
            ranges: The packs in it.
            theirs_ns: When ingest wrote it, by ingest's clock, nanoseconds UTC; 0: an ingest that doesn't say.
            now_ns: When it came, by ours.
        """
        spans = list(ranges)
        known = [seq for seq in self._sent_ns if any(first <= seq <= last for first, last in spans)]
        latest_ns = max((self._sent_ns.pop(seq) for seq in known), default=None)
        if latest_ns is None or not theirs_ns:
            return
        error_s = (now_ns - latest_ns) / 2e9
        if 0 <= error_s <= _WORST_ERROR_S and (self._best is None or error_s < self._best.error_s):
            self._best = Estimate(((now_ns + latest_ns) / 2 - theirs_ns) / 1e9, error_s)

    def take(self) -> Estimate | None:
        """Give the best since the last call."""
        best, self._best = self._best, None
        return best
