"""The queue says what is sent again, and when."""

import math
from itertools import pairwise

from gateway.outbox.in_flight import InFlightQueue


def queue(*sent: int) -> InFlightQueue:
    """Give a queue of four with these packs sent at time 0."""
    made = InFlightQueue(4, first_s=5, max_s=60)
    for seq in sent:
        made.admit(seq)
        made.taken(seq, 0, has_subscribers=True)
    return made


def test_waits_double_up_to_their_end() -> None:
    made = queue(1)
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(made.next_due_s() - now)
        now = made.next_due_s()
        assert made.take_due(now - 0.001, 9) == []
        assert made.take_due(now, 9) == [1]
        made.taken(1, now, has_subscribers=True)
    assert waits == [5, 10, 20, 40, 60, 60]


def test_waits_stay_short_while_nobody_listens() -> None:
    made = queue()
    made.admit(1)
    for now in (0, 5, 10):
        made.taken(1, now, has_subscribers=False)
        assert made.next_due_s() == now + 5
        assert made.take_due(now + 5, 9) == [1]


def test_what_the_broker_has_not_answered_is_not_due() -> None:
    made = queue()
    made.admit(1)
    assert made.take_due(10**9, 9) == []
    assert made.next_due_s() == math.inf


def test_all_are_due_after_a_reconnect_oldest_first() -> None:
    made = queue(3, 1, 2)
    assert made.take_due(1, 9) == []
    made.reconnected()
    assert made.take_due(1, 2) == [1, 2]
    assert made.take_due(1, 2) == [3]


def test_a_receipt_makes_room_and_shortens_the_waits_of_the_others() -> None:
    made = queue(1, 2, 3, 4)
    assert made.room == 0
    for now in (5, 15):
        made.take_due(now, 9)
        for seq in (1, 2, 3, 4):
            made.taken(seq, now, has_subscribers=True)
    assert made.next_due_s() == 35
    made.settle([(1, 2), (9, 9)], 16)
    assert (made.room, len(made), made.above(3)) == (2, 2, (1, 1))
    assert made.next_due_s() == 21


def test_a_refused_pack_rests_ever_longer_and_takes_no_room() -> None:
    made = queue(1, 2)
    made.admit(3)
    made.refused(3, 0)
    assert made.room == 2
    made.settle([(1, 2)], 0)
    assert made.take_due(59, 9) == []
    assert made.take_due(60, 9) == [3]
    made.refused(3, 60)
    assert made.next_due_s() == 180
    made.take_due(180, 9)
    made.taken(3, 180, has_subscribers=True)
    made.take_due(185, 9)
    assert (made.room, len(made)) == (4, 1), "what was ever refused has room of its own"


def test_one_that_ends_connections_is_found_by_sending_it_alone() -> None:
    made = queue()
    for seq in (1, 2, 3):
        made.admit(seq)
    assert not any(made.lost(seq, 0) for seq in (1, 2, 3))
    assert made.take_due(0, 9) == [1, 2, 3]
    assert not any(made.lost(seq, 0) for seq in (1, 2, 3))
    assert made.take_due(0, 9) == [1], "twice lost: alone from here on"
    assert (made.take_due(0, 9), made.room, made.next_due_s()) == ([], 0, math.inf)
    made.taken(1, 0, has_subscribers=True)
    assert made.take_due(0, 9) == [2]
    assert made.lost(2, 0), "it is the one"
    made.reconnected()
    assert made.take_due(0, 9) == [3]
    made.taken(3, 0, has_subscribers=True)
    assert made.take_due(0, 9) == [1], "it was with the broker that went away"
    assert made.room == 2


def refuse(made: InFlightQueue, *numbers: int, now_s: float) -> None:
    for seq in numbers:
        made.admit(seq)
        made.refused(seq, now_s)


def blame(made: InFlightQueue, seq: int) -> None:
    """Let in a pack that connections end on until it is parked."""
    made.admit(seq)
    for _ in range(2):
        assert not made.lost(seq, 0)
        assert made.take_due(0, 9) == [seq]
    assert made.lost(seq, 0)


def test_the_innocent_are_tried_before_those_that_were_blamed() -> None:
    made = queue()
    blame(made, 1)  # and due again at 5
    made.admit(2)
    made.lost(2, 1)
    assert made.take_due(1, 9) == [2]
    made.lost(2, 1)
    assert made.take_due(10, 1) == [2], "a suspect, but never blamed"
    made.taken(2, 10, has_subscribers=True)
    assert made.take_due(10, 1) == [1]


def test_a_refusal_explains_why_a_connection_ended() -> None:
    made = queue()
    made.admit(1)
    made.admit(2)
    for number in (3, 4, 5):
        refuse(made, number, now_s=0)
        assert not any(made.lost(seq, 0) for seq in (1, 2))
        made.reconnected()
        assert made.take_due(0, 9)[:2] == [1, 2], "none of them is sent alone"


def test_what_was_never_sent_is_not_to_blame() -> None:
    made = queue()
    made.admit(1)
    for _ in range(5):
        made.unsent(1)
        assert made.take_due(0, 9) == [1]
    assert not made.lost(1, 0)


def test_a_thousand_refused_packs_leave_the_way_to_the_others() -> None:
    made = queue()
    for seq in range(0, 5000, 2):
        refuse(made, seq, now_s=0)
        made.take_due(0, 9)
        assert made.room > 0
        made.admit(seq + 1)
        made.taken(seq + 1, 0, has_subscribers=True)
        made.settle([(seq + 1, seq + 1)], 0)
    assert len(made) == 2500
    assert made.room == 4


def test_where_all_are_refused_fresh_packs_probe_until_one_is_taken() -> None:
    made = queue()
    refuse(made, *range(1000), now_s=0)
    made.take_due(4, 9)
    assert made.room == 0
    made.take_due(5, 9)
    assert made.room == 1
    made.admit(1000)
    made.take_due(5, 9)
    assert made.room == 0, "one at a time"
    made.refused(1000, 6)
    made.take_due(10, 9)
    assert made.room == 0
    made.take_due(11, 9)
    assert made.room == 1
    made.admit(1001)
    made.taken(1001, 11, has_subscribers=True)
    assert made.room == 3


def test_refused_packs_try_again_few_at_a_time_beside_the_others() -> None:
    made = InFlightQueue(16, first_s=5, max_s=60)
    refuse(made, *range(100), now_s=0)
    assert made.take_due(60, 99) == [0, 1, 2, 3]
    assert (made.take_due(60, 99), made.room, made.next_due_s()) == ([], 16, math.inf)
    made.refused(0, 60)
    assert made.take_due(60, 99) == [4]


def test_one_taken_after_a_refusal_lets_all_others_try_again() -> None:
    made = InFlightQueue(16, first_s=5, max_s=60)
    refuse(made, 1, now_s=0)
    for now in (60, 180, 420):
        assert made.take_due(now, 9) == [1]
        made.refused(1, now)
    refuse(made, 2, now_s=421)
    assert made.take_due(480, 9) == []
    assert made.take_due(481, 9) == [2]
    made.taken(2, 481, has_subscribers=True)
    assert made.take_due(481, 9) == [1], "else it had rested until 900"
    made.refused(1, 481)
    made.reconnected()
    assert made.take_due(482, 9) == [2], "not twice in a minute"
    assert made.take_due(541, 9) == [1]


def test_new_connections_let_the_refused_try_again_ever_less_often() -> None:
    made = queue()
    refuse(made, 1, now_s=0)
    tries = []
    for now in range(4000):
        made.reconnected()
        if made.take_due(now, 9):
            tries.append(now)
            made.refused(1, now)
    assert tries[:4] == [0, 60, 180, 420]
    assert max(later - earlier for earlier, later in pairwise(tries)) == 600


def test_a_new_connection_lets_the_refused_try_again_but_not_the_blamed() -> None:
    made = queue()
    blame(made, 1)
    refuse(made, 2, now_s=0)
    made.reconnected()
    assert made.take_due(1, 9) == [2]


def test_those_that_end_connections_leave_time_to_the_others() -> None:
    made = queue()
    for seq in (1, 2, 3):
        blame(made, seq)
    sent = []
    for now in range(10, 30):
        made.reconnected()
        for seq in made.take_due(now, 9):
            sent.append((now, seq))
            made.lost(seq, now)
        made.take_due(now, 9)
        assert made.room == 4
    assert sent[:3] == [(10, 1), (15, 2), (20, 3)]


def test_a_receipt_settles_what_rests_too_however_long_its_ranges() -> None:
    made = queue(1, 2)
    refuse(made, 3, 4, 5, now_s=0)
    made.settle([(3, 3), (5, 10**15)], 1)
    assert len(made) == 3
    made.settle([(1, 1)], 1)
    assert made.take_due(60, 9) == [2, 4]


def test_where_ten_in_a_row_end_connections_fresh_packs_probe() -> None:
    made = queue()
    for seq in range(10):
        made.take_due(0, 9)
        assert made.room > 0
        made.admit(seq)
        for _ in range(3):
            made.lost(seq, 0)
            made.take_due(0, 9)
    made.take_due(1, 9)
    assert made.room == 0


def test_once_one_of_the_blamed_is_taken_the_others_need_not_go_alone() -> None:
    made = InFlightQueue(64, first_s=5, max_s=60)
    for seq in range(40):
        blame(made, seq)
    assert made.take_due(5, 9) == [0]
    made.taken(0, 5, has_subscribers=True)
    drained = []
    for now in range(6, 20):
        for seq in made.take_due(now, 99):
            drained.append(seq)
            made.taken(seq, now, has_subscribers=True)
            made.settle([(seq, seq)], now)
    assert sorted(set(drained)) == list(range(40)), "not one in five seconds"


def test_what_was_refused_before_does_not_keep_fresh_packs_from_probing() -> None:
    made = queue()
    refuse(made, *range(1000), now_s=0)
    for now in range(60, 70):
        for seq in made.take_due(now, 9):
            made.refused(seq, now)
    assert made.take_due(70, 1)
    assert made.room == 1
