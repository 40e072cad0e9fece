"""Which packs are sent next: those that are due again, then fresh ones as far as there is room. No clock.

Packs have one order, by number. As long as the gateway keeps up they are sent in it. Once more packs wait than may be
in flight, all of them become the backlog, and what comes after is live. Both are sent oldest first, each in its share
of the places, so a backlog of hours delays a reading of now by no more than what is on its way already. Live packs that
fall behind become backlog in turn.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.outbox.in_flight import InFlightQueue
from gateway.outbox.spool import SpoolThread, Stored

_MAX_PACKS: Final = 16
"""Packs read from the spool in one go: it bounds the memory."""

_LIVE_SHARE: Final = 4
"""A quarter of the places; with fewer places than this all share them."""

_NO_END: Final = 2**63


class NextPacks(NamedTuple):
    """What to send now: packs that were sent before, and packs that were not."""

    again: list[Stored]
    fresh: list[Stored]


class SendScheduler:
    """Chooses packs, and reads them from the spool.

    Args:
        spool: Where they are.
        max_in_flight: Packs on their way without a receipt.
        resend_s: Seconds after which a pack without a receipt is sent again; they double each time.
        max_resend_s: Where the doubling ends.

    Attributes:
        in_flight: Is told what became of each pack.
    """

    def __init__(self, spool: SpoolThread, max_in_flight: int, resend_s: float, max_resend_s: float) -> None:
        self._spool = spool
        self._cursor = ReadCursor(max_in_flight, spool.last)
        self.in_flight = InFlightQueue(max_in_flight, resend_s, max_resend_s)

    async def next(self, now_s: float) -> NextPacks:
        """Take what may be sent now, which is in flight from here on.

        Raises:
            Broken: The spool is damaged.
        """
        return NextPacks(await self._again(now_s), await self._fresh())

    def sent_of(self, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Cut ranges down to packs that were sent, or may have been by a process before this."""
        return self._cursor.sent_of(ranges)

    async def _again(self, now_s: float) -> list[Stored]:
        numbers = self.in_flight.take_due(now_s, _MAX_PACKS)
        if not numbers:
            return []
        packs = await self._spool.pick(numbers)
        self.in_flight.drop(set(numbers) - {pack.seq for pack in packs})
        return packs

    async def _fresh(self) -> list[Stored]:
        self._cursor.notice(self._spool.last)
        packs: list[Stored] = []
        room, in_flight = self.in_flight.room, self.in_flight.above(self._cursor.boundary)
        for wanted in self._cursor.next(room, *in_flight, _MAX_PACKS):
            found = await self._spool.oldest(wanted.after, wanted.max_packs, wanted.until)
            self._cursor.advance(wanted, [pack.seq for pack in found])
            for pack in found:
                self.in_flight.admit(pack.seq)
            packs += found
        return packs


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
