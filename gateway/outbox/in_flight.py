"""Which packs are on their way without a receipt, and when each is sent again. No clock, no I/O.

A pack may be poison: the broker refuses it, or even ends the connection over it. The first is set aside for long. Of
the second nobody says which one it was, so packs that two connections ended on are sent alone, and one that ends a
connection alone is set aside as well. All others go their way meanwhile.

What is set aside tries again a few at a time, beside the window. Once the broker takes one of them, or the connection
is a new one, the cause may be mended: then the others needn't rest any longer. Where it refuses all there is, fresh
packs only probe.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

_MOST_LOSSES: Final = 2
_MOST_REST_S: Final = 3600.0
_MOST_PATIENCE_S: Final = 600.0
"""Between two times that all aside may try again before they have rested, when that helped none of them."""

_MOST_IN_A_ROW: Final = 1_000
"""Refusals with nothing taken between them, after which fresh packs probe, one every `first_s`."""

_BLAME: Final = 100
"""What a pack counts there that ended a connection alone."""

_MOST_ASIDE: Final = 100_000
"""Packs aside beyond which fresh ones probe too: it bounds the memory, some 20 MB."""

_SHARE: Final = 4
"""Packs that were set aside try again in a quarter of a window, which is added to the window."""


@dataclass(slots=True)
class InFlight:
    """One pack without a receipt.

    Attributes:
        due_s: When it is sent (again); infinite while the broker has it and has not answered.
        tries: Times it was sent without a receipt while somebody listened.
        losses: Connections that ended before the broker answered, one after the other.
        refusals: Times that it was set aside.
    """

    due_s: float = -math.inf
    tries: int = 0
    losses: int = 0
    refusals: int = 0

    @property
    def suspect(self) -> bool:
        """Whether it is sent only when nothing else is on its way to the broker."""
        return self.losses >= _MOST_LOSSES


class InFlightQueue:
    """At most `most` packs between their first sending and their receipt.

    Args:
        most: How many.
        first_s: Seconds until a pack without a receipt is sent again; they double each time.
        most_s: Where the doubling ends, and how long a pack rests that was refused for the first time; one that ended
            connections rests `first_s`, since it may have been chance. Both double up to an hour.
    """

    def __init__(self, most: int, first_s: float, most_s: float) -> None:
        self._most = most
        self._first_s = first_s
        self._most_s = most_s
        self._flights: dict[int, InFlight] = {}
        self._aside: dict[int, InFlight] = {}
        # when each of those aside is due, its refusals and its number, soonest first; some entries are out of date
        self._rests: list[tuple[float, int, int]] = []
        self._in_a_row = 0
        self._was_refused = False
        # whose cause may be mended: of those that end connections (True), of those that were refused (False)
        self._pardoned: set[bool] = set()
        self._patience_s = most_s
        self._now_s = self._probe_s = self._pardon_s = self._blamed_s = -math.inf
        self._alone = False

    def __len__(self) -> int:
        """Count the packs without a receipt, those aside included."""
        return len(self._flights) + len(self._aside)

    @property
    def room(self) -> int:
        """How many fresh packs may be let in now, by the time of the last `take_due`."""
        if self._alone:
            return 0
        room = self._most - sum(not flight.refusals for flight in self._flights.values())
        if self._in_a_row < _MOST_IN_A_ROW and len(self._aside) < _MOST_ASIDE:
            return room
        is_probing = any(flight.due_s == math.inf and not flight.refusals for flight in self._flights.values())
        return 0 if is_probing or self._now_s < self._probe_s else min(1, room)

    def admit(self, seq: int) -> None:
        """Let in a fresh pack that is being sent now."""
        self._flights[seq] = InFlight(math.inf)

    def above(self, seq: int) -> tuple[int, int]:
        """Count the packs above a number and up to it, without those that were ever set aside."""
        numbers = [other for other, flight in self._flights.items() if not flight.refusals]
        above = sum(number > seq for number in numbers)
        return above, len(numbers) - above

    def take_due(self, now_s: float, most: int) -> list[int]:
        """Take up to `most` packs to send again now, the least refused and oldest first; a suspect one alone."""
        self._now_s = now_s
        self._wake()
        due = [seq for seq, flight in self._flights.items() if flight.due_s <= now_s]
        due.sort(key=lambda seq: (self._flights[seq].refusals, seq))
        sending = [flight for flight in self._flights.values() if flight.due_s == math.inf]
        suspects = [seq for seq in due if self._flights[seq].suspect]
        self._alone = bool(suspects) or any(flight.suspect for flight in sending)
        if self._alone:
            due = [] if sending else suspects[:1]
        for seq in due[:most]:
            self._flights[seq].due_s = math.inf
        return due[:most]

    def sent(self, seq: int, now_s: float, *, heard: bool) -> None:
        """The broker has it; `heard` says whether anybody subscribes. If nobody does, the next wait is no longer."""
        flight = self._flights.get(seq)
        self._in_a_row = 0
        if flight is not None:
            if flight.refusals:
                self._pardoned |= {flight.suspect}
                self._patience_s = self._most_s
            flight.losses = 0
            flight.due_s = now_s + min(self._most_s, self._first_s * 2**flight.tries)
            flight.tries = min(flight.tries + heard, 30)

    def unsent(self, seq: int) -> None:
        """It never left, so it is no worse for it: send it at once."""
        flight = self._flights.get(seq)
        if flight is not None:
            flight.due_s = -math.inf

    def lost(self, seq: int, now_s: float) -> bool:
        """The connection ended before the broker answered: send it again at once, or set it aside.

        Returns:
            Whether it was set aside, because it was sent alone and is the one to blame.
        """
        flight = self._flights.get(seq)
        if flight is None:
            return False
        if flight.suspect:
            self._in_a_row += _BLAME
            self._probe_s = now_s + self._first_s
            self._set_aside(seq, now_s, self._first_s)
            return True
        # brokers that refuse may end the connection as well, and then that pack was the one to blame
        flight.losses += not self._was_refused
        flight.due_s = -math.inf
        return False

    def refused(self, seq: int, now_s: float) -> None:
        """The broker said no: set it aside for long, so that it doesn't keep the others from their way."""
        flight = self._flights.get(seq)
        self._in_a_row += 1
        self._was_refused = True
        if flight is None or not flight.refusals:
            self._probe_s = now_s + self._first_s
        if flight is not None:
            flight.losses = 0
            self._set_aside(seq, now_s, self._most_s)

    def reconnected(self) -> None:
        """A new connection: what the broker had may be gone, so all that it had is due; what it refused it may take."""
        for flight in self._flights.values():
            if not math.isinf(flight.due_s):
                flight.due_s, flight.tries = -math.inf, 0
        self._probe_s = -math.inf
        self._was_refused = False
        if self._aside:
            self._pardoned |= {False}

    def settle(self, ranges: Sequence[tuple[int, int]], now_s: float) -> None:
        """Ingest has settled these. It is awake, so the others needn't wait longer than at first."""
        for first, last in ranges:
            self.drop(self._known(first, last))
        for flight in self._flights.values():
            flight.due_s = flight.due_s if math.isinf(flight.due_s) else min(flight.due_s, now_s + self._first_s)
            flight.tries = 0

    def drop(self, numbers: Iterable[int]) -> None:
        """Let go of packs that are no longer in the spool."""
        for seq in numbers:
            self._flights.pop(seq, None)
            self._aside.pop(seq, None)

    def next_due_s(self) -> float:
        """When the next pack must be sent again; infinite if none, or if it must be alone and isn't yet."""
        if self._alone and any(flight.due_s == math.inf for flight in self._flights.values()):
            return math.inf
        rested_s = self._rests[0][0] if self._rests and self._free > 0 else math.inf
        return min(rested_s, min((flight.due_s for flight in self._flights.values()), default=math.inf))

    @property
    def _free(self) -> int:
        """How many of those aside may try again now."""
        return max(1, self._most // _SHARE) - sum(flight.refusals > 0 for flight in self._flights.values())

    def _set_aside(self, seq: int, now_s: float, rest_s: float) -> None:
        flight = self._aside[seq] = self._flights.pop(seq)
        flight.due_s = now_s + min(_MOST_REST_S, rest_s * 2**flight.refusals)
        flight.refusals = min(flight.refusals + 1, 30)
        heappush(self._rests, (flight.due_s, flight.refusals, seq))

    def _pardon(self) -> None:
        """Let those try again whose cause may be mended; ever less often, since each may end a connection once more."""
        if not self._pardoned or self._now_s < self._pardon_s:
            return
        for flight in self._aside.values():
            if flight.suspect in self._pardoned:
                flight.due_s = min(flight.due_s, self._now_s)
                flight.losses = min(flight.losses, _MOST_LOSSES - 1)
        self._rests = [(flight.due_s, flight.refusals, seq) for seq, flight in self._aside.items()]
        heapify(self._rests)
        self._pardoned.clear()
        self._pardon_s = self._now_s + self._patience_s
        self._patience_s = min(_MOST_PATIENCE_S, 2 * self._patience_s)

    def _wake(self) -> None:
        """Let a few go that have rested; those that end connections one by one, so that others get through between."""
        self._pardon()
        free = self._free
        while free > 0 and self._rests and self._rests[0][0] <= self._now_s:
            due_s, _, seq = heappop(self._rests)
            flight = self._aside.get(seq)
            if flight is None or flight.due_s != due_s:
                continue  # settled or pardoned meanwhile
            if flight.suspect and self._now_s < self._blamed_s:
                flight.due_s = self._blamed_s
                heappush(self._rests, (flight.due_s, flight.refusals, seq))
                continue
            if flight.suspect:
                self._blamed_s = self._now_s + self._first_s
            self._flights[seq] = self._aside.pop(seq)
            free -= 1

    def _known(self, first: int, last: int) -> Sequence[int]:
        """Name those of a range that may have no receipt; it may be far longer than what there is, or far shorter."""
        if last - first < len(self):
            return range(first, last + 1)
        return [seq for seq in (*self._flights, *self._aside) if first <= seq <= last]
