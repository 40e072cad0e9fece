"""The spool for the event loop: it blocks, so each of its calls runs on the one thread that it has."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

from gateway.outbox.packing import Contents
from gateway.outbox.spool import Spool, Stored

P = ParamSpec("P")
T = TypeVar("T")


class SpoolThread:
    """A spool whose calls are awaited; `Spool` says what each does and raises.

    Args:
        spool: Opened; touched by `worker` alone from here on.
        worker: An executor of one thread.
    """

    def __init__(self, spool: Spool, worker: Executor) -> None:
        self._spool = spool
        self._worker = worker

    @property
    def id(self) -> str:
        """Name of the spool file's life."""
        return self._spool.id

    @property
    def last(self) -> int:
        """The highest number of a pack so far."""
        return self._spool.last

    async def append(self, packs: Sequence[Contents]) -> None:
        """Number, encode and commit packs."""
        await self._call(self._spool.append, packs)

    async def forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Drop packs that ingest has settled."""
        await self._call(self._spool.forget, ranges)

    async def oldest(self, after_seq: int, max_packs: int, until_seq: int) -> list[Stored]:
        """Read packs of a range of numbers."""
        return await self._call(self._spool.oldest, after_seq, max_packs, until_seq)

    async def pick(self, numbers: Sequence[int]) -> list[Stored]:
        """Read packs by their numbers."""
        return await self._call(self._spool.pick, numbers)

    async def _call(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work, *args)
