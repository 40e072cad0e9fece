"""The newest values of all devices, asked for and sorted once a second for all pages and clients."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from city.store.port import All, Latest, LatestQuery, Only, Store

_AGE_S: Final = 1.0
_MAX_SNAPSHOTS: Final = 32
"""Sets of kinds whose rows are kept; the console asks for one of all."""


def device_kind(row: Latest) -> tuple[str, str]:
    """Give the order of pages: a device has a row of each of its kinds."""
    return row.device, row.kind


class LatestSnapshots:
    """Rows by set of kinds. Whoever asks while the store is asked waits for the same answer.

    Args:
        store: Where they are.
        clock: Seconds that only rise; a test hands in its own.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._asked: dict[All | Only, tuple[float, asyncio.Task[list[Latest]]]] = {}

    async def rows(self, kinds: All | Only) -> list[Latest]:
        """Give all rows of these kinds, sorted, at most a second old.

        Raises:
            StoreUnavailable: The store doesn't answer.
        """
        asked_s, task = self._asked.get(kinds, (0.0, None))
        now_s = self._clock()
        if task is None or (task.done() and (now_s - asked_s >= _AGE_S or task.cancelled() or task.exception())):
            self._asked.pop(kinds, None)
            while len(self._asked) >= _MAX_SNAPSHOTS:
                del self._asked[next(iter(self._asked))]
            task = asyncio.create_task(self._ask(kinds), name="latest")
            task.add_done_callback(_retrieve)
            self._asked[kinds] = (now_s, task)
        # whoever gives up must not take the answer from the others
        return await asyncio.shield(task)

    async def _ask(self, kinds: All | Only) -> list[Latest]:
        return sorted(await self._store.latest(LatestQuery(kinds=kinds)), key=device_kind)


def _retrieve(task: asyncio.Task[list[Latest]]) -> None:
    """Look at a failure that all who asked have stopped waiting for."""
    if not task.cancelled():
        task.exception()
