"""The states of a pack: each can be reached and left, and the README draws them."""

import pytest

from gateway.outbox.circuit_breaker import TRANSITIONS, Event, InFlight, State
from support import pack_states


def test_the_readme_draws_the_states() -> None:
    assert pack_states.written() == pack_states.section(), "run: PYTHONPATH=tests python -m support.pack_states"


def test_each_state_is_reached_and_only_the_last_is_never_left() -> None:
    reached = {State.FRESH}
    while more := {after for (state, _), after in TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert set(State) - {state for state, _ in TRANSITIONS} == {State.SETTLED}
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_what_cannot_happen_to_a_pack_is_an_error() -> None:
    pack = InFlight()
    pack.on(Event.RECEIPT)
    assert pack.state is State.SETTLED
    with pytest.raises(KeyError):
        pack.on(Event.SEND)
