"""The bookkeeping of received messages, without any I/O."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from city.mqtt.inbox import Inbox, Message


def message(inbox: Inbox, packet_id: int, size: int = 10) -> Message:
    return Message("t", bytes(size), 0, qos=1 if packet_id else 0, epoch=inbox.epoch, packet_id=packet_id)


@given(st.permutations(range(1, 12)), st.lists(st.integers(0, 11), max_size=4))
def test_acknowledgements_leave_in_order_of_receipt_whatever_order_they_come_in(
    order: list[int], cuts: list[int]
) -> None:
    inbox = Inbox(100, 10_000)
    for packet_id in range(1, 12):
        inbox.accept(message(inbox, packet_id))
    received = {taken.packet_id: taken for taken in inbox.take(100)}
    sent: list[int] = []
    edges = [0, *sorted(cuts), len(order)]
    for first, last in pairwise(edges):
        sent += inbox.acknowledge([received[number] for number in order[first:last]])
        assert sent == list(range(1, len(sent) + 1))
    assert sent == list(range(1, 12))
    assert (inbox.messages, inbox.bytes) == (0, 0)


def test_twice_acknowledged_is_once_acknowledged() -> None:
    inbox = Inbox(100, 10_000)
    inbox.accept(message(inbox, 7))
    taken = inbox.take(1)
    assert inbox.acknowledge([*taken, *taken]) == [7]
    assert inbox.acknowledge(taken) == []
    assert inbox.messages == 0


def test_qos_0_sends_nothing_but_frees_its_share() -> None:
    inbox = Inbox(1, 10_000)
    inbox.accept(message(inbox, 0))
    assert inbox.full
    assert inbox.acknowledge(inbox.take(1)) == []
    assert not inbox.full


def test_one_packet_larger_than_the_budget_passes() -> None:
    inbox = Inbox(100, 50)
    assert not inbox.full
    inbox.accept(message(inbox, 1, size=500))
    assert inbox.full
    assert inbox.acknowledge(inbox.take(1)) == [1]
    assert not inbox.full


def test_messages_of_a_lost_connection_count_until_the_consumer_lets_them_go() -> None:
    inbox = Inbox(4, 10_000)
    for packet_id in (1, 2, 3):
        inbox.accept(message(inbox, packet_id))
    first, second = inbox.take(2)
    assert inbox.acknowledge([second]) == []
    assert inbox.messages == 3
    inbox.lost()
    # The second was only waiting for its turn; the first is still in use, and the third may be the only copy there is.
    assert inbox.messages == 2
    assert inbox.waiting == 1
    inbox.accept(message(inbox, 1))
    assert inbox.acknowledge([first]) == []
    third, again = inbox.take(10)
    assert (third.packet_id, again.packet_id) == (3, 1)
    assert inbox.acknowledge([third, again]) == [1]
    assert (inbox.messages, inbox.bytes) == (0, 0)


class InboxMachine(RuleBasedStateMachine):
    """Whatever happens, the budget says what is held, and PUBACKs follow the order of receipt."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox = Inbox(5, 200)
        self.number = 0
        self.expected: list[int] = []
        self.held: list[Message] = []
        self.untaken = 0

    @precondition(lambda self: not self.inbox.full)
    @rule(qos=st.integers(0, 1), size=st.integers(0, 300))
    def receive(self, qos: int, size: int) -> None:
        self.number += qos
        self.inbox.accept(message(self.inbox, self.number if qos else 0, size))
        self.untaken += 1
        if qos:
            self.expected.append(self.number)

    @rule(most=st.integers(1, 3))
    def take(self, most: int) -> None:
        taken = self.inbox.take(most)
        assert len(taken) == min(most, self.untaken)
        self.untaken -= len(taken)
        self.held += taken

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.held), unique_by=id)) if self.held else []
        sent = self.inbox.acknowledge(chosen)
        assert sent == self.expected[: len(sent)]
        del self.expected[: len(sent)]
        self.held = [held for held in self.held if held not in chosen]

    @rule()
    def lose(self) -> None:
        self.inbox.lost()
        self.expected.clear()

    @invariant()
    def the_budget_covers_what_is_held(self) -> None:
        in_use = len(self.held) + self.untaken
        assert in_use <= self.inbox.messages <= in_use + len(self.expected)
        assert self.inbox.messages <= 5
        assert self.inbox.full == (self.inbox.messages >= 5 or self.inbox.bytes >= 200)

    def teardown(self) -> None:
        self.inbox.acknowledge([*self.held, *self.inbox.take(100)])
        assert (self.inbox.messages, self.inbox.bytes) == (0, 0)


TestInbox = InboxMachine.TestCase
