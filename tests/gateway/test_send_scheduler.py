"""One object answers which packs are sent next."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from city.reading import Reading
from gateway.outbox.group_commit import Contents
from gateway.outbox.send_scheduler import SendScheduler
from gateway.outbox.spool import Spool, SpoolThread


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "a.spool", "gw-1", 2**20)
    yield opened
    opened.close()


@pytest.fixture
def scheduler(spool: Spool) -> Iterator[SendScheduler]:
    with ThreadPoolExecutor(1) as worker:
        yield SendScheduler(SpoolThread(spool, worker), 4, 5, 60)


def append(spool: Spool, packs: int) -> None:
    spool.append([Contents([Reading("d", "rain", seq, {"rain_rate": 1.0})], []) for seq in range(packs)])


async def sent(scheduler: SendScheduler, now_s: float) -> tuple[list[int], list[int]]:
    """Give the numbers of what is sent again, and of what is sent for the first time."""
    packs = await scheduler.next(now_s)
    return [pack.seq for pack in packs.again], [pack.seq for pack in packs.fresh]


async def test_due_packs_come_first_and_fresh_ones_as_far_as_there_is_room(
    scheduler: SendScheduler, spool: Spool
) -> None:
    assert await sent(scheduler, 0) == ([], [])
    append(spool, 3)
    assert await sent(scheduler, 0) == ([], [1, 2, 3])
    append(spool, 2)
    for seq in (1, 2, 3):
        scheduler.in_flight.taken(seq, 0, has_subscribers=True)
    scheduler.in_flight.settle([(2, 2)], 1)
    assert await sent(scheduler, 1) == ([], [4, 5])
    assert await sent(scheduler, 5) == ([1, 3], [])
    assert scheduler.sent_of([(4, 9)]) == [(4, 5)]


async def test_a_due_pack_that_the_spool_has_no_more_makes_room(scheduler: SendScheduler, spool: Spool) -> None:
    append(spool, 4)
    assert await sent(scheduler, 0) == ([], [1, 2, 3, 4])
    for seq in (1, 2, 3, 4):
        scheduler.in_flight.taken(seq, 0, has_subscribers=True)
    spool.forget([(1, 2)])
    append(spool, 1)
    assert await sent(scheduler, 5) == ([3, 4], [5])
    assert len(scheduler.in_flight) == 3
