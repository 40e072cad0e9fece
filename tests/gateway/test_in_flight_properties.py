"""Whatever happens to packs on their way, none is lost, few are in flight, and poison keeps no other from its way."""

import math
from itertools import pairwise
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.outbox import circuit_breaker
from gateway.outbox.circuit_breaker import State
from gateway.outbox.in_flight import InFlightQueue

FIRST_S, MAX_S, HOUR_S = 5.0, 60.0, 3600.0
RESTING = {State.PARKED, State.BLAMED}
SENDING = {State.SENDING, State.SENDING_ALONE}


class Sending(RuleBasedStateMachine):
    """A queue, and what a publisher and ingest know of its packs."""

    @initialize(places=st.integers(1, 20))
    def begin(self, places: int) -> None:
        self.places = places
        self.queue = InFlightQueue(places, FIRST_S, MAX_S)
        self.now_s = 0.0
        self.last = 0
        self.unsettled: set[int] = set()
        self.sending: set[int] = set()

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 5.0, 30.0, 60.0, 600.0, 3600.0]))
    def time(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(max_packs=st.integers(1, 16), fresh=st.integers(0, 30))
    def turn(self, max_packs: int, fresh: int) -> None:
        """Do what the relay does: send what is due, then fresh packs as far as there is room."""
        due = self.queue.take_due(self.now_s, max_packs)
        assert len(set(due)) == len(due) <= max_packs
        assert set(due) <= self.unsettled - self.sending, "sent twice at a time, or settled already"
        assert due or self.queue.next_due_s() > self.now_s, "it is due and isn't given: the relay would spin"
        self.sending |= set(due)
        for _ in range(min(fresh, self.queue.room)):
            self.last += 1
            self.queue.admit(self.last)
            self.unsettled.add(self.last)
            self.sending.add(self.last)
        states = [self.state(seq) for seq in self.sending & self.unsettled]
        assert len(states) == 1 or State.SENDING_ALONE not in states, "alone is alone"

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), answer=st.sampled_from(["taken", "taken", "nobody listens", "refused", "unsent"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        seq = data.draw(st.sampled_from(sorted(self.sending)))
        self.sending.remove(seq)
        match answer:
            case "refused":
                self.queue.refused(seq, self.now_s)
            case "unsent":
                self.queue.unsent(seq)
            case _:
                self.queue.taken(seq, self.now_s, has_subscribers=answer == "taken")

    @rule()
    def the_connection_ends(self) -> None:
        was_alone = {seq for seq in self.sending & self.unsettled if self.state(seq) is State.SENDING_ALONE}
        blamed = {seq for seq in self.sending if self.queue.lost(seq, self.now_s)}
        assert blamed == was_alone
        self.sending.clear()
        self.queue.reconnected()

    @rule(data=st.data(), length=st.integers(0, 3) | st.just(2**53))
    def receipt(self, data: st.DataObject, length: int) -> None:
        first = data.draw(st.integers(1, self.last + 1))
        self.queue.settle([(first, first + length)], self.now_s)
        self.unsettled -= {seq for seq in self.unsettled if first <= seq <= first + length}

    @invariant()
    def each_pack_is_in_one_state_until_it_is_settled(self) -> None:
        assert len(self.queue) == len(self.unsettled)
        assert set(self.queue._packs) | set(self.queue._parked) == self.unsettled
        assert all(self.state(seq) in RESTING for seq in self.queue._parked)
        for seq, pack in self.queue._packs.items():
            assert pack.state not in RESTING | {State.FRESH, State.SETTLED}
            assert (pack.state in SENDING) == (seq in self.sending)

    @invariant()
    def no_more_are_in_flight_than_there_are_places(self) -> None:
        in_flight = [pack for pack in self.queue._packs.values() if pack.state is not State.FRESH]
        trials = sum(pack.trips > 0 for pack in in_flight)
        assert trials <= max(1, self.places // 4)
        assert len(in_flight) - trials + max(0, self.queue.room) <= self.places

    def state(self, seq: int) -> State:
        pack = self.queue._packs.get(seq) or self.queue._parked._packs[seq]
        return pack.state


TestSending = Sending.TestCase
TestSending.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


class Broker:
    """A simulated broker and ingest: refuses some packs, ends its connection over others, until it is mended.

    Args:
        queue: Whose packs it gets.
        packs: How many there are.
        refused: Numbers that it refuses.
        killing: Numbers that it ends the connection over.
        mended_s: From when on it takes all.
        lossy: Every so many receipts one is lost.
    """

    def __init__(
        self, queue: InFlightQueue, packs: int, refused: set[int], killing: set[int], mended_s: float, lossy: int
    ) -> None:
        self.queue = queue
        self.waiting = list(range(packs))
        self.refused, self.killing, self.mended_s, self.lossy = refused, killing, mended_s, lossy
        self.now_s = 0.0
        self.unsettled = set(self.waiting)
        self.tries_s: dict[int, list[float]] = {seq: [] for seq in self.waiting}
        self._receipts = 0

    def run(self, until_s: float, *, done: set[int]) -> None:
        """Let time pass until then, or until all but these are settled."""
        while self.now_s < until_s and self.unsettled - done:
            sent = self.queue.take_due(self.now_s, 16)
            for seq in self.waiting[: max(0, min(self.queue.room, 16))]:
                self.queue.admit(seq)
                self.waiting.remove(seq)
                sent.append(seq)
            self.answer(sent)
            if not sent:
                # the publisher looks twice a second; where all is parked a minute will do
                longest_s = 0.5 if self.waiting else MAX_S
                self.now_s += min(max(self.queue.next_due_s() - self.now_s, 0.5), longest_s)

    def answer(self, sent: list[int]) -> None:
        for at, seq in enumerate(sent):
            self.tries_s[seq].append(self.now_s)
            is_mended = self.now_s >= self.mended_s
            if seq in self.killing and not is_mended:
                for lost in sent[at:]:
                    self.queue.lost(lost, self.now_s)
                self.queue.reconnected()
                self.now_s += 1
                return
            if seq in self.refused and not is_mended:
                self.queue.refused(seq, self.now_s)
                continue
            self.queue.taken(seq, self.now_s, has_subscribers=True)
            self._receipts += 1
            if self.lossy == 0 or self._receipts % self.lossy:
                self.queue.settle([(seq, seq)], self.now_s)
                self.unsettled.discard(seq)


@settings(max_examples=320, deadline=None)
@given(
    places=st.sampled_from([1, 2, 4, 16, 64]),
    packs=st.integers(1, 80),
    refused=st.sets(st.integers(0, 79), max_size=12),
    killing=st.sets(st.integers(0, 79), max_size=6),
    lossy=st.sampled_from([0, 2, 5]),
    mended_s=st.sampled_from([math.inf, 600.0, 7200.0]),
    max_failures=st.sampled_from([20, 1000]),
)
def test_good_packs_get_through_beside_poison_and_poison_once_it_is_none(
    places: int, packs: int, refused: set[int], killing: set[int], lossy: int, mended_s: float, max_failures: int
) -> None:
    queue = InFlightQueue(places, FIRST_S, MAX_S)
    broker = Broker(queue, packs, refused, killing, mended_s, lossy)
    poison = (refused | killing) & set(range(packs))
    with mock.patch.object(circuit_breaker, "_MAX_FAILURES", max_failures):
        broker.run(HOUR_S, done=poison)
        assert broker.unsettled <= poison, "a good pack starves"
        broker.run(3 * HOUR_S, done=set())
    if mended_s < math.inf:
        assert not broker.unsettled, "mended, and still not tried"
        return
    assert broker.unsettled == poison, "nothing is lost either"
    assert len(queue) == len(poison)
    for seq in poison:
        gaps = [later - earlier for earlier, later in pairwise([*broker.tries_s[seq], broker.now_s])]
        assert max(gaps) <= HOUR_S + 60 * len(poison), "poison too is tried again, at least about every hour"
