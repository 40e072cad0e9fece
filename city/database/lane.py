"""Threads for blocking work, of which nobody who gives up leaves anything behind."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Lane:
    """A few threads.

    A server that stands still holds them, so what waits for one waits in the event loop: it can be given up there, and
    then is neither in a queue nor done later.

    Args:
        threads: How many.
        name: Of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, name)
        self._free = asyncio.Semaphore(threads)

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread; what has begun comes to its end, also when its caller has given up."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        running = self._threads.submit(work)
        running.add_done_callback(lambda _: _tell(loop, self._free.release))
        return await asyncio.wrap_future(running)

    def shutdown(self) -> None:
        """Let running work end; blocking."""
        self._threads.shutdown()


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: the process ended without this thread
        loop.call_soon_threadsafe(what)
