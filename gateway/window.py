"""Which packs are on their way without a receipt, and when each is sent again. No clock, no I/O.

A pack may be poison: the broker refuses it, or even ends the connection over it. The first is set aside for long. Of
the second nobody says which one it was, so packs that two connections ended on are sent alone, and one that ends a
connection alone is set aside as well. All others go their way meanwhile.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_MOST_LOSSES: Final = 2
_MOST_REST_S: Final = 3600.0
_MOST_REFUSED: Final = 1_000
"""Packs that the broker refused are set aside; with this many aside no new one is sent: then it refuses everything."""


@dataclass(slots=True)
class Flight:
    """One pack without a receipt.

    Attributes:
        due_s: When it is sent (again); infinite while the broker has it and has not answered.
        tries: Times it was sent without a receipt while somebody listened.
        losses: Connections that ended before the broker answered, one after the other.
        refusals: Times that it was set aside, one after the other.
    """

    due_s: float = -math.inf
    tries: int = 0
    losses: int = 0
    refusals: int = 0

    @property
    def suspect(self) -> bool:
        """Whether it is sent only when nothing else is on its way to the broker."""
        return self.losses >= _MOST_LOSSES or self.refusals > 0


class Window:
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
        self._flights: dict[int, Flight] = {}
        self._refused = 0
        self._alone = False

    def __len__(self) -> int:
        """Count the packs without a receipt, refused ones included."""
        return len(self._flights)

    @property
    def room(self) -> int:
        """How many fresh packs may be let in."""
        return 0 if self._alone or self._refused >= _MOST_REFUSED else self._most - (len(self._flights) - self._refused)

    def admit(self, seq: int) -> None:
        """Let in a fresh pack that is being sent now."""
        self._flights[seq] = Flight(math.inf)

    def above(self, seq: int) -> tuple[int, int]:
        """Count the packs above a number and up to it, those aside that were refused."""
        numbers = [other for other, flight in self._flights.items() if not flight.refusals]
        above = sum(number > seq for number in numbers)
        return above, len(numbers) - above

    def take_due(self, now_s: float, most: int) -> list[int]:
        """Take up to `most` packs to send again now, oldest first; a suspect one alone."""
        due = sorted(seq for seq, flight in self._flights.items() if flight.due_s <= now_s)[:most]
        sending = [flight for flight in self._flights.values() if flight.due_s == math.inf]
        suspects = [seq for seq in due if self._flights[seq].suspect]
        self._alone = bool(suspects) or any(flight.suspect for flight in sending)
        if self._alone:
            due = [] if sending else suspects[:1]
        for seq in due:
            self._flights[seq].due_s = math.inf
        return due

    def sent(self, seq: int, now_s: float, *, heard: bool) -> None:
        """The broker has it; `heard` says whether anybody subscribes. If nobody does, the next wait is no longer."""
        flight = self._flights.get(seq)
        if flight is not None:
            self._refused -= flight.refusals > 0
            flight.losses = flight.refusals = 0
            flight.due_s = now_s + min(self._most_s, self._first_s * 2**flight.tries)
            flight.tries = min(flight.tries + heard, 30)

    def lost(self, seq: int, now_s: float) -> bool:
        """The connection ended before the broker answered: send it again at once, or set it aside.

        Returns:
            Whether it was set aside, because it was sent alone and is the one to blame.
        """
        flight = self._flights.get(seq)
        if flight is None:
            return False
        if flight.suspect:
            self._set_aside(flight, now_s, self._first_s)
            return True
        flight.losses += 1
        flight.due_s = -math.inf
        return False

    def refused(self, seq: int, now_s: float) -> None:
        """The broker said no: set it aside for long, so that it doesn't keep the others from their way."""
        flight = self._flights.get(seq)
        if flight is not None:
            self._set_aside(flight, now_s, self._most_s)

    def _set_aside(self, flight: Flight, now_s: float, rest_s: float) -> None:
        self._refused += flight.refusals == 0
        flight.due_s = now_s + min(_MOST_REST_S, rest_s * 2**flight.refusals)
        flight.refusals = min(flight.refusals + 1, 30)

    def reconnected(self) -> None:
        """A new connection: what the broker had may be gone, so all that it had is due."""
        for flight in self._flights.values():
            if not math.isinf(flight.due_s) and not flight.refusals:
                flight.due_s, flight.tries = -math.inf, 0

    def settle(self, ranges: Sequence[tuple[int, int]], now_s: float) -> None:
        """Ingest has settled these. It is awake, so the others needn't wait longer than at first."""
        for seq in [seq for seq in self._flights if any(first <= seq <= last for first, last in ranges)]:
            self.drop((seq,))
        for flight in self._flights.values():
            if not flight.refusals:
                flight.due_s = flight.due_s if math.isinf(flight.due_s) else min(flight.due_s, now_s + self._first_s)
                flight.tries = 0

    def drop(self, numbers: Iterable[int]) -> None:
        """Let go of packs that are no longer in the spool."""
        for seq in numbers:
            flight = self._flights.pop(seq, None)
            self._refused -= flight is not None and flight.refusals > 0

    def next_due_s(self) -> float:
        """When the next pack must be sent again; infinite if none, or if it must be alone and isn't yet."""
        if self._alone and any(flight.due_s == math.inf for flight in self._flights.values()):
            return math.inf
        return min((flight.due_s for flight in self._flights.values()), default=math.inf)
