"""Connections that ask nothing go, in time or to make room; those under way stay."""

from collections import Counter
from typing import Any

from city.connections import Connection, ConnectionLimits, Connections, Phase
from city.proxies import TrustedProxies

NO_PROXIES = TrustedProxies()


class Transport:
    """A socket that a test writes the state of."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.unsent = 0
        self.aborted = False

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return self.address, 1

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True


class Door:
    """A door of ten connections, with a clock of its own."""

    def __init__(self, proxies: TrustedProxies = NO_PROXIES) -> None:
        self.now_s = 100.0
        self.ended: Counter[str] = Counter()
        self.all = Connections(
            ConnectionLimits(10, head_s=5, idle_s=20, stalled_s=30),
            lambda reason: self.ended.update([reason]),
            lambda: self.now_s,
            proxies,
        )

    def open(self, address: str, phase: Phase = Phase.HEAD) -> Any:
        transport: Any = Transport(address)
        connection = self.all.add(transport)
        if isinstance(connection, Connection):
            self.all.turn(connection, phase)
        self.now_s += 0.001
        return connection, transport


def test_each_phase_has_its_patience_and_drops_do_not_lengthen_it() -> None:
    door = Door()
    head, idle, request = (door.open("a", phase) for phase in (Phase.HEAD, Phase.IDLE, Phase.REQUEST))
    for _ in range(6):
        door.now_s += 1
        door.all.turn(head[0], Phase.HEAD)
        door.all.sweep()
    assert (head[1].aborted, idle[1].aborted, len(door.all)) == (True, False, 2)
    door.now_s += 20
    door.all.sweep()
    assert (idle[1].aborted, request[1].aborted, door.ended) == (True, False, {"slow_head": 1})


def test_an_answer_that_is_taken_slowly_is_waited_for_and_one_that_is_not_taken_is_not() -> None:
    door = Door()
    (_, slow), (_, deaf) = door.open("a", Phase.IDLE), door.open("a", Phase.IDLE)
    slow.unsent = deaf.unsent = 1000
    for _ in range(10):
        door.all.sweep()
        door.now_s += 10
        slow.unsent -= 1
    assert (slow.aborted, deaf.aborted, door.ended) == (False, True, {"answer_not_taken": 1})


def test_the_crowd_makes_room_and_not_its_neighbour() -> None:
    door = Door()
    _, neighbour = door.open("b", Phase.IDLE)
    crowd = [door.open(address)[1] for address in ("a", "c") for _ in range(50)]
    assert len(door.all) == 10
    assert not neighbour.aborted
    assert [one.aborted for one in crowd[-4:]] == [False] * 4
    assert door.ended == {"crowded_out": 91}


def test_a_trusted_proxy_is_no_single_client() -> None:
    door = Door(TrustedProxies.parse("10.0.0.1"))
    proxied = [door.open("10.0.0.1", Phase.REQUEST)[1] for _ in range(9)]
    crowd = [door.open("a")[1] for _ in range(5)]
    assert not any(one.aborted for one in proxied)
    assert [one.aborted for one in crowd] == [True] * 4 + [False]


def test_what_is_being_answered_is_ended_for_nobody() -> None:
    door = Door()
    working = [door.open(address, Phase.REQUEST)[1] for address in "abcdefghij"]
    assert door.open("z")[0] is None
    assert not any(one.aborted for one in working)
    assert door.ended == {"too_many_connections": 1}
