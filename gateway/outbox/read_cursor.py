"""Which fresh packs are read next: while a backlog drains, a share of the places belongs to what comes in now.

Packs have one order, by number. As long as the gateway keeps up they are sent in it. Once more packs wait than may be
in flight, all of them become the backlog, and what comes after is live. Both are sent oldest first, each in its share
of the places, so a backlog of hours delays a reading of now by no more than what is on its way already. Live packs that
fall behind become backlog in turn. No clock, no I/O.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

_LIVE_SHARE: Final = 4
"""A quarter of the places; with fewer places than this all share them."""

_NO_END: Final = 2**63


class SeqRange(NamedTuple):
    """Packs to be read: up to `max_packs`, with numbers above `after` and up to `until`."""

    after: int
    until: int
    max_packs: int


class ReadCursor:
    """How far live packs and the backlog were read.

    Args:
        max_in_flight: Packs without a receipt, of both together.
        former: The highest number of a pack that was made before this process.

    Attributes:
        boundary: Highest number that ever belonged to the backlog; above it everything is live.
    """

    def __init__(self, max_in_flight: int, former: int = 0) -> None:
        self._max_in_flight = max_in_flight
        self._former = former
        self._share = max_in_flight // _LIVE_SHARE
        self._backlog: deque[tuple[int, int]] = deque()
        self._live = 0
        self._last = 0
        self.boundary = 0

    def notice(self, last: int) -> None:
        """Learn the highest number that exists."""
        self._last = last
        if not self._share or last - self._live <= self._max_in_flight:
            return
        if self._backlog and self._backlog[-1][1] == self._live:
            self._backlog[-1] = (self._backlog[-1][0], last)
        else:
            self._backlog.append((self._live, last))
        self._live = self.boundary = last

    def next(self, room: int, live: int, old: int, max_packs: int) -> list[SeqRange]:
        """Say what to read, live packs first.

        Args:
            room: Packs that may be let in.
            live: Packs above the boundary that are on their way.
            old: Packs up to the boundary that are.
            max_packs: Packs to read in one go.
        """
        share = self._share if self._backlog else self._max_in_flight
        of_live = SeqRange(self._live, self._last, min(room, share - live, max_packs, self._last - self._live))
        room = min(room, max_packs) - max(0, of_live.max_packs)
        after, until = self._backlog[0] if self._backlog else (0, 0)
        of_old = SeqRange(after, until, min(room, self._max_in_flight - share - old, until - after))
        return [each for each in (of_live, of_old) if each.max_packs > 0]

    def advance(self, wanted: SeqRange, numbers: list[int]) -> None:
        """Note what was found of a range, rising; what wasn't found doesn't exist any more."""
        reached = numbers[-1] if len(numbers) == wanted.max_packs else wanted.until
        if wanted.after == self._live:
            self._live = reached
            return
        self._backlog[0] = (reached, wanted.until)
        if reached == wanted.until:
            self._backlog.popleft()

    def sent_of(self, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Cut ranges down to the numbers that were read to be sent, or that a process before this may have sent."""
        unread = ((max(after, self._former), until) for after, until in (*self._backlog, (self._live, _NO_END)))
        unsent = [(after, until) for after, until in unread if after < until]
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
