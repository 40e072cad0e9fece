"""Which packs are sent next: those that are due again, then fresh ones as far as there is room. No clock."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.outbox.in_flight import InFlightQueue
from gateway.outbox.read_cursor import ReadCursor
from gateway.outbox.spool import SpoolThread, Stored

_MAX_PACKS: Final = 16
"""Packs read from the spool in one go: it bounds the memory."""


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
