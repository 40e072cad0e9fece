"""Where inputs hand over: writes wait here until a pack is closed, and are answered when it is on disk."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from city.errors import Unavailable
from gateway.outbox.packing import Contents

_MAX_GROUP: Final = 10_000
"""Readings that one commit takes at most: it bounds the memory and the time of one transaction."""

_STOPPING: Final = "the gateway is stopping"


@dataclass(slots=True, eq=False)
class PendingWrite:
    """One call of `accept`: what it hands over, since when it waits (loop time), and its answer."""

    contents: Contents
    since_s: float
    answer: asyncio.Future[None]


class GroupCommit:
    """Writes in order of arrival.

    Args:
        pack_readings: Readings at which a pack is closed at once.
        max_age_s: Seconds after which it is closed with what is there.
    """

    def __init__(self, pack_readings: int, max_age_s: float) -> None:
        self._pack_readings = pack_readings
        self._max_age_s = max_age_s
        self._writes: deque[PendingWrite] = deque()
        self._waiting_readings = 0
        self._closed = False
        self._has_writes = asyncio.Event()
        self._has_full_pack = asyncio.Event()

    async def write(self, contents: Contents) -> None:
        """Wait until the contents are on disk.

        Raises:
            SpoolFull: Custody was not taken; later it may be.
            Unavailable: Custody was not taken, because the gateway stops.
            Broken: Custody was not taken, because the spool is damaged.
        """
        if self._closed:
            raise Unavailable(_STOPPING)
        loop = asyncio.get_running_loop()
        write = PendingWrite(contents, loop.time(), loop.create_future())
        self._writes.append(write)
        self._waiting_readings += contents.amount()
        self._has_writes.set()
        if self._waiting_readings >= self._pack_readings:
            self._has_full_pack.set()
        await write.answer

    def close(self) -> None:
        """Refuse the writes that wait, and those to come."""
        self._closed = True
        answer(list(self._writes), Unavailable(_STOPPING))
        self._writes.clear()

    async def group(self) -> list[PendingWrite]:
        """Wait for enough readings or for long enough, and give the oldest writes."""
        await self._has_writes.wait()
        due_s = self._writes[0].since_s + self._max_age_s
        try:
            async with asyncio.timeout_at(due_s):
                await self._has_full_pack.wait()
        except TimeoutError:
            pass
        taken, writes = 0, []
        while self._writes and taken < _MAX_GROUP:
            write = self._writes.popleft()
            taken += write.contents.amount()
            writes.append(write)
        self._waiting_readings -= taken
        if not self._writes:
            self._has_writes.clear()
        if self._waiting_readings < self._pack_readings:
            self._has_full_pack.clear()
        return writes


def answer(writes: list[PendingWrite], error: Exception | None = None) -> None:
    """Answer that all is on disk, or why not; a caller that has gone is passed over."""
    for write in writes:
        if write.answer.done():
            continue
        if error is None:
            write.answer.set_result(None)
        else:
            write.answer.set_exception(error)


@contextmanager
def answering(writes: list[PendingWrite]) -> Iterator[None]:
    """Leave no write without an answer, however this ends."""
    try:
        yield
    except BaseException as error:
        answer(writes, error if isinstance(error, Exception) else Unavailable(_STOPPING))
        raise
