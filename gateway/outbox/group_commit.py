"""Where links hand over: calls wait here until a pack is closed, and are answered when it is on disk."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from city.errors import Unavailable
from gateway.outbox.packing import Contents

_MOST_GROUP: Final = 10_000
"""Readings that one commit takes at most: it bounds the memory and the time of one transaction."""

_STOPPING: Final = "the gateway is stopping"


@dataclass(slots=True, eq=False)
class PendingWrite:
    """One link's call of `accept`: what it hands over, since when it waits (loop time), and its answer."""

    contents: Contents
    since_s: float
    answer: asyncio.Future[None]


class GroupCommit:
    """Calls in order of arrival.

    Args:
        enough: Readings at which a pack is closed at once.
        patience_s: Seconds after which it is closed with what is there.
    """

    def __init__(self, enough: int, patience_s: float) -> None:
        self._enough = enough
        self._patience_s = patience_s
        self._calls: deque[PendingWrite] = deque()
        self._waiting = 0
        self._closed = False
        self._any = asyncio.Event()
        self._plenty = asyncio.Event()

    async def hand_over(self, contents: Contents) -> None:
        """Wait until the contents are on disk.

        Raises:
            SpoolFull: Custody was not taken; later it may be.
            Unavailable: Custody was not taken, because the gateway stops.
            Broken: Custody was not taken, because the spool is damaged.
        """
        if self._closed:
            raise Unavailable(_STOPPING)
        loop = asyncio.get_running_loop()
        call = PendingWrite(contents, loop.time(), loop.create_future())
        self._calls.append(call)
        self._waiting += contents.amount()
        self._any.set()
        if self._waiting >= self._enough:
            self._plenty.set()
        await call.answer

    def close(self) -> None:
        """Refuse whoever waits and whoever comes."""
        self._closed = True
        answer(list(self._calls), Unavailable(_STOPPING))
        self._calls.clear()

    async def group(self) -> list[PendingWrite]:
        """Wait for enough readings or for long enough, and give the oldest calls."""
        await self._any.wait()
        due_s = self._calls[0].since_s + self._patience_s
        try:
            async with asyncio.timeout_at(due_s):
                await self._plenty.wait()
        except TimeoutError:
            pass
        taken, calls = 0, []
        while self._calls and taken < _MOST_GROUP:
            call = self._calls.popleft()
            taken += call.contents.amount()
            calls.append(call)
        self._waiting -= taken
        if not self._calls:
            self._any.clear()
        if self._waiting < self._enough:
            self._plenty.clear()
        return calls


def answer(calls: list[PendingWrite], error: Exception | None = None) -> None:
    """Tell the callers that all is on disk, or why not; who has gone is passed over."""
    for call in calls:
        if call.answer.done():
            continue
        if error is None:
            call.answer.set_result(None)
        else:
            call.answer.set_exception(error)


@contextmanager
def answering(calls: list[PendingWrite]) -> Iterator[None]:
    """Leave nobody without an answer, however this ends."""
    try:
        yield
    except BaseException as error:
        answer(calls, error if isinstance(error, Exception) else Unavailable(_STOPPING))
        raise
