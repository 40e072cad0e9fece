"""The states of a pack from the spool to its receipt, and what leads from one to the next. README.md draws them."""

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


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
