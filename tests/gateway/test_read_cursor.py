"""While a backlog drains, what comes in now has its share of the places."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.outbox.send_scheduler import ReadCursor, SeqRange


class Sending:
    """ReadCursor over numbers that all exist, and what is on its way."""

    def __init__(self, places: int = 8) -> None:
        self.cursor = ReadCursor(places)
        self.places = places
        self.flying: list[int] = []
        self.sent: list[int] = []

    def turn(self, last: int, max_packs: int = 16) -> list[SeqRange]:
        """Send what may be sent."""
        self.cursor.notice(last)
        live = sum(number > self.cursor.boundary for number in self.flying)
        ranges = self.cursor.next(self.places - len(self.flying), live, len(self.flying) - live, max_packs)
        for wanted in ranges:
            numbers = list(range(wanted.after + 1, wanted.until + 1))[: wanted.max_packs]
            self.cursor.advance(wanted, numbers)
            self.flying += numbers
            self.sent += numbers
        return ranges

    def settle(self, *numbers: int) -> None:
        self.flying = [number for number in self.flying if number not in numbers]


def test_without_a_backlog_all_go_in_order_and_use_all_places() -> None:
    made = Sending()
    made.turn(3)
    made.turn(8)
    assert made.sent == [1, 2, 3, 4, 5, 6, 7, 8]
    assert made.turn(12) == []
    made.settle(1, 5)
    made.turn(12)
    assert made.sent[8:] == [9, 10]


def test_a_backlog_leaves_a_quarter_of_the_places_to_what_comes_now() -> None:
    made = Sending()
    made.turn(100)
    assert made.sent == [1, 2, 3, 4, 5, 6], "two places stay free for what comes now"
    made.turn(103)
    assert made.sent[6:] == [101, 102]
    made.settle(101, 1)
    made.turn(103)
    assert made.sent[8:] == [103, 7]


def test_live_packs_and_backlog_go_on_while_the_other_has_none() -> None:
    made = Sending()
    made.turn(10)
    made.settle(*made.flying)
    made.turn(10)
    assert made.sent == list(range(1, 11))
    made.settle(*made.flying)
    made.turn(18)
    assert made.sent == list(range(1, 19)), "with the backlog gone all places are free"


def test_live_packs_that_fall_behind_become_backlog_too() -> None:
    made = Sending()
    made.turn(100)
    made.turn(105)
    assert made.sent[6:] == [101, 102]
    made.turn(120)
    assert made.cursor.boundary == 120
    made.settle(*made.flying)
    made.turn(121)
    assert made.sent[8:] == [121, 7, 8, 9, 10, 11, 12]


def test_what_is_gone_is_skipped() -> None:
    cursor = ReadCursor(8)
    cursor.notice(1000)
    (wanted,) = cursor.next(8, 0, 0, 4)
    assert wanted == SeqRange(0, 1000, 4)
    cursor.advance(wanted, [990, 991])
    assert cursor.next(8, 0, 0, 4) == []
    cursor.notice(1001)
    assert cursor.next(8, 0, 0, 4) == [SeqRange(1000, 1001, 1)]


def test_few_places_are_shared_by_all() -> None:
    made = Sending(places=3)
    made.turn(50)
    assert made.sent == [1, 2, 3]
    made.settle(1, 2, 3)
    made.turn(60)
    assert made.sent == [1, 2, 3, 4, 5, 6]


def test_only_what_was_sent_or_may_have_been_before_us_can_be_settled() -> None:
    cursor = ReadCursor(8, former=10)
    assert cursor.sent_of([(1, 2**53)]) == [(1, 10)]
    cursor.notice(100)
    cursor.advance(SeqRange(0, 100, 3), [18, 19, 20])
    cursor.notice(104)
    cursor.advance(SeqRange(100, 104, 2), [101, 102])
    assert cursor.sent_of([(1, 2**53)]) == [(1, 20), (101, 102)]
    assert cursor.sent_of([(5, 20), (21, 21), (30, 101), (103, 103)]) == [(5, 20), (101, 101)]
    assert cursor.sent_of([]) == []
    again = ReadCursor(8, former=100)
    again.notice(100)
    again.notice(102)
    again.advance(SeqRange(100, 102, 2), [101, 102])
    assert again.sent_of([(98, 102)]) == [(98, 102)], "nothing lies between what was before us and what we sent"


@given(st.integers(0, 30), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=20))
def test_what_can_be_settled_is_exactly_what_was_sent(before: int, turns: list[tuple[int, int]]) -> None:
    made = Sending()
    made.cursor = ReadCursor(8, before)
    last = before
    for new, settled in turns:
        last += new
        made.settle(*made.flying[:settled])
        made.turn(last)
        parts = made.cursor.sent_of([(1, last // 2), (last // 2 + 1, last + 9)])
        named = [number for first, until in parts for number in range(first, until + 1)]
        assert named == sorted({*made.sent, *range(1, before + 1)})


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12), st.integers(1, 16)), max_size=60),
)
def test_every_pack_is_sent_once_within_the_places(places: int, turns: list[tuple[int, int, int]]) -> None:
    made = Sending(places)
    last = 0
    for new, settled, max_packs in turns:
        last += new
        made.settle(*made.flying[:settled])
        made.turn(last, max_packs)
        assert len(made.flying) <= places
    while len(made.sent) < last:
        made.settle(*made.flying)
        made.turn(last)
    assert sorted(made.sent) == list(range(1, last + 1))
