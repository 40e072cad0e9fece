"""The window says what is sent again, and when."""

import math

from gateway.window import Window


def window(*sent: int) -> Window:
    """Give a window of four with these packs sent at time 0."""
    made = Window(4, first_s=5, most_s=60)
    for seq in sent:
        made.admit(seq)
        made.sent(seq, 0, heard=True)
    return made


def test_waits_double_up_to_their_end() -> None:
    made = window(1)
    now, waits = 0.0, []
    for _ in range(6):
        waits.append(made.next_due_s() - now)
        now = made.next_due_s()
        assert made.take_due(now - 0.001, 9) == []
        assert made.take_due(now, 9) == [1]
        made.sent(1, now, heard=True)
    assert waits == [5, 10, 20, 40, 60, 60]


def test_waits_stay_short_while_nobody_listens() -> None:
    made = window()
    made.admit(1)
    for now in (0, 5, 10):
        made.sent(1, now, heard=False)
        assert made.next_due_s() == now + 5
        assert made.take_due(now + 5, 9) == [1]


def test_what_the_broker_has_not_answered_is_not_due() -> None:
    made = window()
    made.admit(1)
    assert made.take_due(10**9, 9) == []
    assert made.next_due_s() == math.inf


def test_all_are_due_after_a_reconnect_oldest_first() -> None:
    made = window(3, 1, 2)
    assert made.take_due(1, 9) == []
    made.reconnected()
    assert made.take_due(1, 2) == [1, 2]
    assert made.take_due(1, 2) == [3]


def test_a_receipt_makes_room_and_shortens_the_waits_of_the_others() -> None:
    made = window(1, 2, 3, 4)
    assert made.room == 0
    for now in (5, 15):
        made.take_due(now, 9)
        for seq in (1, 2, 3, 4):
            made.sent(seq, now, heard=True)
    assert made.next_due_s() == 35
    made.settle([(1, 2), (9, 9)], 16)
    assert (made.room, len(made), made.above(3)) == (2, 2, (1, 1))
    assert made.next_due_s() == 21


def test_a_refused_pack_rests_ever_longer_and_takes_no_room() -> None:
    made = window(1, 2)
    made.admit(3)
    made.refused(3, 0)
    assert made.room == 2
    made.settle([(1, 2)], 0)
    assert made.take_due(59, 9) == []
    assert made.take_due(60, 9) == [3]
    made.refused(3, 60)
    assert made.next_due_s() == 180
    made.take_due(180, 9)
    made.sent(3, 180, heard=True)
    made.take_due(185, 9)
    assert (made.room, len(made)) == (3, 1)


def test_one_that_ends_connections_is_found_by_sending_it_alone() -> None:
    made = window()
    for seq in (1, 2, 3):
        made.admit(seq)
    assert not any(made.lost(seq, 0) for seq in (1, 2, 3))
    assert made.take_due(0, 9) == [1, 2, 3]
    assert not any(made.lost(seq, 0) for seq in (1, 2, 3))
    assert made.take_due(0, 9) == [1], "twice lost: alone from here on"
    assert (made.take_due(0, 9), made.room, made.next_due_s()) == ([], 0, math.inf)
    made.sent(1, 0, heard=True)
    assert made.take_due(0, 9) == [2]
    assert made.lost(2, 0), "it is the one"
    made.reconnected()
    assert made.take_due(0, 9) == [3]
    made.sent(3, 0, heard=True)
    assert made.take_due(0, 9) == [1], "it was with the broker that went away"
    assert made.room == 2


def test_with_a_thousand_refused_nothing_fresh_is_sent() -> None:
    made = window()
    for seq in range(1000):
        assert made.room > 0
        made.admit(seq)
        made.refused(seq, 0)
    assert made.room == 0
    made.drop(range(500))
    assert made.room == 4
