"""Which fresh pack is sent next: while a backlog drains, a share of the window belongs to what comes in now.

Packs have one order, by number. As long as the gateway keeps up they are sent in it. Once more packs wait than fit the
window, all of them become the backlog, and what comes after is live. Both lanes send oldest first, each in its share
of the window, so a backlog of hours delays a reading of now by no more than what is on its way already. A live lane
that falls behind itself becomes backlog in turn. No clock, no I/O.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

_LIVE_SHARE: Final = 4
"""A quarter of the window; a window of fewer packs than this has one lane."""

_NO_END: Final = 2**63


class SeqRange(NamedTuple):
    """Packs to be read: up to `most`, with numbers above `after` and up to `until`."""

    after: int
    until: int
    most: int


class SendScheduler:
    """Where each lane has got to.

    Args:
        window: Packs on their way without a receipt, of both lanes together.
        before: The highest number of a pack that was made before this process.

    Attributes:
        boundary: Highest number that ever belonged to the backlog; above it everything is live.
    """

    def __init__(self, window: int, before: int = 0) -> None:
        self._window = window
        self._before = before
        self._share = window // _LIVE_SHARE
        self._backlog: deque[tuple[int, int]] = deque()
        self._live = 0
        self._last = 0
        self.boundary = 0

    def notice(self, last: int) -> None:
        """Learn the highest number that exists."""
        self._last = last
        if not self._share or last - self._live <= self._window:
            return
        if self._backlog and self._backlog[-1][1] == self._live:
            self._backlog[-1] = (self._backlog[-1][0], last)
        else:
            self._backlog.append((self._live, last))
        self._live = self.boundary = last

    def next(self, room: int, live: int, old: int, most: int) -> list[SeqRange]:
        """Say what to read, live packs first.

        Args:
            room: Packs that the window takes.
            live: Packs above the boundary that are on their way.
            old: Packs up to the boundary that are.
            most: Packs to read in one go.
        """
        share = self._share if self._backlog else self._window
        of_live = SeqRange(self._live, self._last, min(room, share - live, most, self._last - self._live))
        room = min(room, most) - max(0, of_live.most)
        after, until = self._backlog[0] if self._backlog else (0, 0)
        of_old = SeqRange(after, until, min(room, self._window - share - old, until - after))
        return [stretch for stretch in (of_live, of_old) if stretch.most > 0]

    def took(self, stretch: SeqRange, numbers: list[int]) -> None:
        """Note what was found of a stretch, rising; what wasn't found doesn't exist any more."""
        reached = numbers[-1] if len(numbers) == stretch.most else stretch.until
        if stretch.after == self._live:
            self._live = reached
            return
        self._backlog[0] = (reached, stretch.until)
        if reached == stretch.until:
            self._backlog.popleft()

    def sent(self, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Cut ranges down to the numbers that were read to be sent, or that a process before this may have sent."""
        stretches = ((max(after, self._before), until) for after, until in (*self._backlog, (self._live, _NO_END)))
        unsent = [(after, until) for after, until in stretches if after < until]
        parts = []
        for first, last in ranges:
            rest = first
            for after, until in unsent:
                if rest > last:
                    break
                if rest <= min(last, after):
                    parts.append((rest, min(last, after)))
                rest = max(rest, until + 1)
        return parts
