"""Work for a thread that stands still can be given up: it is in no queue, and never done."""

import asyncio
import threading

from city.database.lane import Lane


async def test_who_gives_up_leaves_nothing_behind() -> None:
    lane, gate, done = Lane(2, "test"), threading.Event(), []
    held = [asyncio.create_task(lane.run(gate.wait)) for _ in range(2)]
    waiting = [asyncio.create_task(lane.run(lambda: done.append(1))) for _ in range(100)]
    await asyncio.sleep(0.05)
    queued = lane._threads._work_queue.qsize()
    for task in (held[0], *waiting[1:]):
        task.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert queued == 0
    await asyncio.wait([*held, *waiting], timeout=5)
    assert (held[0].cancelled(), held[1].result(), done) == (True, True, [1])
    assert await lane.run(lambda: 7) == 7
    lane.shutdown()


async def test_an_exception_frees_the_thread() -> None:
    lane = Lane(1, "test")
    for _ in range(3):
        answers = await asyncio.gather(lane.run(lambda: 1 // 0), lane.run(lambda: 7), return_exceptions=True)
        assert isinstance(answers[0], ZeroDivisionError)
        assert answers[1] == 7
    lane.shutdown()
