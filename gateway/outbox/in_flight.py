"""Which packs are on their way without a receipt, and when each is sent again. No clock, no I/O.

A pack may be poison: the broker refuses it, or even ends the connection over it. The first is parked. Of the second
the broker doesn't say which one it was, so packs that two connections ended on are sent alone, and one that ends a
connection alone is parked as well (`circuit_breaker`). All others go their way meanwhile.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.outbox.circuit_breaker import MAX_LOSSES, Circuit, CircuitBreaker, Event, InFlight, ParkedPacks, State

_SENDING: Final = (State.SENDING, State.SENDING_ALONE)
_ALONE: Final = (State.ISOLATED, State.SENDING_ALONE)
_TRIAL_SHARE: Final = 4
"""Packs that were parked try again in a quarter of the queue's places, which is added to them."""


class InFlightQueue:
    """At most `max_packs` packs between their first sending and their receipt, and those that were ever parked.

    Args:
        max_packs: How many.
        first_s: Seconds until a pack without a receipt is sent again; they double each time.
        max_s: Where the doubling ends, and how long a pack rests that was refused for the first time.
    """

    def __init__(self, max_packs: int, first_s: float, max_s: float) -> None:
        self._max_packs = max_packs
        self._first_s = first_s
        self._max_s = max_s
        self._packs: dict[int, InFlight] = {}
        self._parked = ParkedPacks(first_s, max_s)
        self._breaker = CircuitBreaker(first_s)
        self._now_s = -math.inf
        self._was_refused = False
        self._is_isolating = False

    def __len__(self) -> int:
        """Count the packs without a receipt, those that are parked included."""
        return len(self._packs) + len(self._parked)

    @property
    def room(self) -> int:
        """How many fresh packs may be let in now, by the time of the last `take_due`."""
        if self._is_isolating:
            return 0
        room = self._max_packs - sum(not pack.trips for pack in self._packs.values())
        circuit = self._breaker.circuit(self._now_s, len(self._parked))
        if circuit is Circuit.CLOSED:
            return room
        is_probing = any(pack.state is State.SENDING and not pack.trips for pack in self._packs.values())
        return 0 if circuit is Circuit.OPEN or is_probing else min(1, room)

    def admit(self, seq: int) -> None:
        """Let in a fresh pack that is being sent now."""
        pack = self._packs[seq] = InFlight()
        pack.on(Event.SEND)

    def above(self, seq: int) -> tuple[int, int]:
        """Count the packs above a number and up to it, without those that were ever parked."""
        numbers = [other for other, pack in self._packs.items() if not pack.trips]
        above = sum(number > seq for number in numbers)
        return above, len(numbers) - above

    def take_due(self, now_s: float, max_packs: int) -> list[int]:
        """Take packs to send again now, the least parked and oldest first; an isolated one while nothing else is."""
        self._now_s = now_s
        self._packs.update(self._parked.release(now_s, self._trial_places))
        due = [seq for seq, pack in self._packs.items() if pack.due_s <= now_s]
        due.sort(key=lambda seq: (self._packs[seq].trips, seq))
        self._is_isolating = self._any(_ALONE)
        if self._is_isolating:
            isolated = [seq for seq in due if self._packs[seq].state is State.ISOLATED]
            due = [] if self._any(_SENDING) else isolated[:1]
        for seq in due[:max_packs]:
            self._packs[seq].on(Event.SEND)
        return due[:max_packs]

    def taken(self, seq: int, now_s: float, *, has_subscribers: bool) -> None:
        """The broker took it. While ingest isn't subscribed, the next wait is no longer than this one."""
        self._breaker.succeeded()
        pack = self._packs.get(seq)
        if pack is None:
            return
        if pack.trips:
            self._parked.trial_succeeded(was_alone=pack.state is State.SENDING_ALONE)
        pack.on(Event.TAKEN)
        pack.losses = 0
        pack.due_s = now_s + min(self._max_s, self._first_s * 2**pack.tries)
        pack.tries = min(pack.tries + has_subscribers, 30)

    def unsent(self, seq: int) -> None:
        """It never left, so it is no worse for it: send it at once."""
        pack = self._packs.get(seq)
        if pack is not None:
            pack.on(Event.UNSENT)

    def lost(self, seq: int, now_s: float) -> bool:
        """The connection ended before the broker answered: send it again at once, or park it.

        Returns:
            Whether it was parked, because it was sent alone and is the one to blame.
        """
        pack = self._packs.get(seq)
        if pack is None:
            return False
        if pack.state is State.SENDING_ALONE:
            pack.on(Event.LOST)
            self._breaker.blamed(now_s)
            self._parked.park(seq, self._packs.pop(seq), now_s)
            return True
        # brokers that refuse may end the connection as well, and then that pack was the one to blame
        pack.losses += not self._was_refused
        pack.on(Event.LOST if pack.losses < MAX_LOSSES else Event.LOST_AGAIN)
        return False

    def refused(self, seq: int, now_s: float) -> None:
        """The broker said no: park it, so that it doesn't keep the others from their way."""
        pack = self._packs.get(seq)
        self._was_refused = True
        self._breaker.refused(now_s, is_fresh=pack is None or not pack.trips)
        if pack is not None:
            pack.losses = 0
            pack.on(Event.REFUSED)
            self._parked.park(seq, self._packs.pop(seq), now_s)

    def reconnected(self) -> None:
        """A new connection: what the broker had may be gone, so all that it had is due; what it refused it may take."""
        for pack in self._packs.values():
            if pack.state is State.AWAITING_RECEIPT:
                pack.on(Event.RECONNECTED)
                pack.tries = 0
        self._was_refused = False
        self._breaker.reconnected()
        self._parked.reconnected()

    def settle(self, ranges: Sequence[tuple[int, int]], now_s: float) -> None:
        """Ingest has settled these. It is awake, so the others needn't wait longer than at first."""
        for first, last in ranges:
            self.drop(self._known(first, last))
        awaiting, latest_s = State.AWAITING_RECEIPT, now_s + self._first_s
        for pack in self._packs.values():
            if pack.state is awaiting and pack.due_s > latest_s:
                pack.due_s = latest_s
            pack.tries = 0

    def drop(self, numbers: Iterable[int]) -> None:
        """Let go of packs that are no longer in the spool."""
        for seq in numbers:
            pack = self._packs.pop(seq, None) or self._parked.drop(seq)
            if pack is not None:
                pack.on(Event.RECEIPT)

    def next_due_s(self) -> float:
        """When the next pack must be sent again; infinite if none, or if it must be alone and isn't yet."""
        if self._is_isolating and self._any(_SENDING):
            return math.inf
        rested_s = self._parked.next_s() if self._trial_places > 0 else math.inf
        return min(rested_s, min((pack.due_s for pack in self._packs.values()), default=math.inf))

    @property
    def _trial_places(self) -> int:
        """How many parked packs may try again now."""
        return max(1, self._max_packs // _TRIAL_SHARE) - sum(pack.trips > 0 for pack in self._packs.values())

    def _any(self, states: tuple[State, ...]) -> bool:
        return any(pack.state in states for pack in self._packs.values())

    def _known(self, first: int, last: int) -> Sequence[int]:
        """Name those of a range that may have no receipt; it may be far longer than what there is, or far shorter."""
        if last - first < len(self):
            return range(first, last + 1)
        return [seq for seq in (*self._packs, *self._parked) if first <= seq <= last]
