"""The states of a pack from the spool to its receipt, and the circuit breaker that keeps refused packs aside. No clock.

README.md draws the states. Two kinds of circuit breaker (M. Nygard, Release It!, 2007) stand between spool and broker:

- Each pack has one. It is closed at first. When the broker refuses the pack, or the pack ends a connection alone, it
  opens: the pack is parked and rests, ever longer. Then it is half-open: the pack is tried beside the others, a few at
  a time, and a failure opens it again.
- All fresh packs have one together. It opens when the broker refused very many packs in a row and took none: fresh
  packs wait. Half-open, a single one goes as a probe, and the first that the broker takes closes it.
"""

import enum
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

MAX_LOSSES: Final = 2
"""Connections that end while a pack is unanswered, one after the other, before it is sent alone."""

_MAX_REST_S: Final = 3600.0
_MAX_PARDON_INTERVAL_S: Final = 600.0
"""Between two times that all parked packs may try again before they have rested, when that helped none of them."""

_MAX_FAILURES: Final = 1_000
"""Refusals with nothing taken between them, after which fresh packs wait, and probe."""

_BLAME: Final = 100
"""Failures that a pack counts for which ended a connection alone."""

_MAX_PARKED: Final = 100_000
"""Parked packs beyond which fresh ones probe too: it bounds the memory, some 20 MB."""


class State(enum.Enum):
    """Where a pack is; the value says it in words."""

    FRESH = "in the spool, not sent since the gateway started"
    SENDING = "published, the broker has not answered yet"
    AWAITING_RECEIPT = "the broker has it, ingest has not settled it yet"
    DUE = "to be sent again at once"
    ISOLATED = "two connections ended on it: to be sent again while nothing else is"
    SENDING_ALONE = "published while nothing else is"
    PARKED = "the broker refused it: it rests"
    BLAMED = "it ended a connection alone: it rests"
    SETTLED = "ingest has it: forgotten"


class Event(enum.Enum):
    """What happens to a pack; the value says it in words."""

    SEND = "sent"
    TAKEN = "the broker takes it"
    UNSENT = "it never left"
    LOST = "the connection ends"
    LOST_AGAIN = "a second connection ends"
    REFUSED = "the broker refuses it"
    RECONNECTED = "a new connection"
    PARDONED = "the cause may be mended"
    RESTED = "it has rested"
    RECEIPT = "a receipt"


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.FRESH, Event.SEND): State.SENDING,
    (State.SENDING, Event.TAKEN): State.AWAITING_RECEIPT,
    (State.SENDING, Event.UNSENT): State.DUE,
    (State.SENDING, Event.LOST): State.DUE,
    (State.SENDING, Event.LOST_AGAIN): State.ISOLATED,
    (State.SENDING, Event.REFUSED): State.PARKED,
    (State.AWAITING_RECEIPT, Event.SEND): State.SENDING,
    (State.AWAITING_RECEIPT, Event.RECONNECTED): State.DUE,
    (State.DUE, Event.SEND): State.SENDING,
    (State.ISOLATED, Event.SEND): State.SENDING_ALONE,
    (State.SENDING_ALONE, Event.TAKEN): State.AWAITING_RECEIPT,
    (State.SENDING_ALONE, Event.UNSENT): State.ISOLATED,
    (State.SENDING_ALONE, Event.LOST): State.BLAMED,
    (State.SENDING_ALONE, Event.REFUSED): State.PARKED,
    (State.PARKED, Event.RESTED): State.DUE,
    (State.BLAMED, Event.RESTED): State.ISOLATED,
    (State.BLAMED, Event.PARDONED): State.PARKED,
    **{(state, Event.RECEIPT): State.SETTLED for state in State if state is not State.SETTLED},
}

_DUE_S: Final[Mapping[State, float]] = {
    State.SENDING: math.inf,
    State.SENDING_ALONE: math.inf,
    State.DUE: -math.inf,
    State.ISOLATED: -math.inf,
}


@dataclass(slots=True)
class InFlight:
    """One pack without a receipt.

    Attributes:
        state: Where it is.
        due_s: When it is sent again, or has rested: it follows from the state, or is set where one has to wait.
        tries: Times it was sent without a receipt while ingest listened.
        losses: Connections that ended before the broker answered, one after the other.
        trips: Times it was parked. From the first on it is sent beside the others, in places of its own.
    """

    state: State = State.FRESH
    due_s: float = 0.0
    tries: int = 0
    losses: int = 0
    trips: int = 0

    def on(self, event: Event) -> None:
        """Go to the next state.

        Raises:
            KeyError: This can't happen to a pack in this state.
        """
        self.state = TRANSITIONS[self.state, event]
        self.due_s = _DUE_S.get(self.state, self.due_s)


class Circuit(enum.Enum):
    """Whether fresh packs go (closed), wait (open), or go one at a time to see (half-open)."""

    CLOSED = enum.auto()
    OPEN = enum.auto()
    HALF_OPEN = enum.auto()


class CircuitBreaker:
    """The breaker of all fresh packs together.

    Args:
        probe_s: Seconds between two probes.
    """

    def __init__(self, probe_s: float) -> None:
        self._interval_s = probe_s
        self._probe_s = -math.inf
        self._failures = 0

    def circuit(self, now_s: float, parked: int) -> Circuit:
        """Say what fresh packs may do while so many are parked."""
        if self._failures < _MAX_FAILURES and parked < _MAX_PARKED:
            return Circuit.CLOSED
        return Circuit.OPEN if now_s < self._probe_s else Circuit.HALF_OPEN

    def succeeded(self) -> None:
        """Note that the broker took a pack."""
        self._failures = 0

    def refused(self, now_s: float, *, is_fresh: bool) -> None:
        """Note that the broker refused a pack; one that was parked before doesn't put off the next probe."""
        self._failures += 1
        if is_fresh:
            self._probe_s = now_s + self._interval_s

    def blamed(self, now_s: float) -> None:
        """Note that a pack ended a connection alone."""
        self._failures += _BLAME
        self._probe_s = now_s + self._interval_s

    def reconnected(self) -> None:
        """Note a new connection, on which a probe may go at once."""
        self._probe_s = -math.inf


class ParkedPacks:
    """Packs whose own breaker is open. They rest; once the cause may be mended they needn't rest any longer.

    Args:
        first_s: How long a pack rests that ended a connection, which may have been chance; and the time between two
            such packs that are let go, so that others get through between them.
        max_s: How long a pack rests that was refused. Both double each time, up to an hour.
    """

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._packs: dict[int, InFlight] = {}
        # when each has rested, its trips and its number, soonest first; some entries are out of date
        self._rests: list[tuple[float, int, int]] = []
        # those whose cause may be mended
        self._pardoned: set[State] = set()
        self._pardon_s = self._next_blamed_s = -math.inf
        self._pardon_interval_s = max_s

    def __len__(self) -> int:
        """Packs that rest."""
        return len(self._packs)

    def __iter__(self) -> Iterator[int]:
        """Give their numbers."""
        return iter(self._packs)

    def park(self, seq: int, pack: InFlight, now_s: float) -> None:
        """Let a pack rest, ever longer."""
        rest_s = self._first_s if pack.state is State.BLAMED else self._max_s
        pack.due_s = now_s + min(_MAX_REST_S, rest_s * 2**pack.trips)
        pack.trips = min(pack.trips + 1, 30)
        self._packs[seq] = pack
        heappush(self._rests, (pack.due_s, pack.trips, seq))

    def release(self, now_s: float, places: int) -> Iterator[tuple[int, InFlight]]:
        """Let up to so many go that have rested: half-open. Those that end connections go one every `first_s`."""
        self._pardon(now_s)
        while places > 0 and self._rests and self._rests[0][0] <= now_s:
            due_s, _, seq = heappop(self._rests)
            pack = self._packs.get(seq)
            if pack is None or pack.due_s != due_s:
                continue  # settled or pardoned meanwhile
            if pack.state is State.BLAMED:
                if now_s < self._next_blamed_s:
                    pack.due_s = self._next_blamed_s
                    heappush(self._rests, (pack.due_s, pack.trips, seq))
                    continue
                self._next_blamed_s = now_s + self._first_s
            pack.on(Event.RESTED)
            yield seq, self._packs.pop(seq)
            places -= 1

    def next_s(self) -> float:
        """Say when the next one has rested; infinite if there is none."""
        return self._rests[0][0] if self._rests else math.inf

    def trial_succeeded(self, *, was_alone: bool) -> None:
        """Note that the broker took one that was parked, so that the others of its kind may be mended too."""
        self._pardoned.add(State.BLAMED if was_alone else State.PARKED)
        self._pardon_interval_s = self._max_s

    def reconnected(self) -> None:
        """Note a new connection: it may be with a broker that takes what the last one refused."""
        if self._packs:
            self._pardoned.add(State.PARKED)

    def drop(self, seq: int) -> InFlight | None:
        """Let go of a pack that is no longer in the spool."""
        return self._packs.pop(seq, None)

    def _pardon(self, now_s: float) -> None:
        """End the rest of those that were pardoned; ever less often, since each may end a connection once more."""
        if not self._pardoned or now_s < self._pardon_s:
            return
        for pack in self._packs.values():
            if pack.state in self._pardoned:
                pack.due_s = min(pack.due_s, now_s)
                if pack.state is State.BLAMED:
                    pack.on(Event.PARDONED)
                    pack.losses = MAX_LOSSES - 1
        self._rests = [(pack.due_s, pack.trips, seq) for seq, pack in self._packs.items()]
        heapify(self._rests)
        self._pardoned.clear()
        self._pardon_s = now_s + self._pardon_interval_s
        self._pardon_interval_s = min(_MAX_PARDON_INTERVAL_S, 2 * self._pardon_interval_s)
