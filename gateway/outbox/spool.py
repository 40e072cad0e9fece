"""The gateway's custody: packs on disk until ingest has settled them.

SQLite with a write-ahead log; a pack that `append` returned survives `kill -9` and, as far as the disk keeps its word
on fsync, a power cut. Numbers go on where they were after every restart. Pages of forgotten packs are used again, so
the file never grows beyond its bound (the log beside it adds some MB). Never bring an old copy back: it would give
numbers a second time, and ingest would take the new packs for settled ones.

`Spool` blocks, so all of its calls belong on one thread; `SpoolThread` is that thread for the event loop.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, ParamSpec, TypeVar

from city.errors import SpoolFull
from gateway.outbox.group_commit import Contents, encode
from gateway.outbox.spool_file import broken, connect
from gateway.outbox.spool_share import SpoolShare

P = ParamSpec("P")
T = TypeVar("T")
_NO_END: Final = 2**63 - 1
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Pending(NamedTuple):
    """What waits for a receipt: readings (and undecoded), packs, and the bytes of these packs."""

    readings: int
    packs: int
    bytes: int


class Stored(NamedTuple):
    """One pack as it goes to the broker."""

    seq: int
    payload: bytes


class Spool:
    """Packs in order of their numbers.

    Args:
        file: Where; made if missing.
        gateway: Id of the gateway, which stands in each pack.
        max_bytes: Bytes that the file's used pages may take.

    Attributes:
        id: Made with the file; a new file has another.
        max_bytes: The bound.
        pending: What waits for a receipt; may be read from any thread.

    Raises:
        Broken: The file is damaged; nothing was changed.
        ConfigurationError: It can't be reached, or belongs to another gateway or process.
    """

    def __init__(self, file: Path, gateway: str, max_bytes: int) -> None:
        self._file = file
        self._gateway = gateway
        self.max_bytes = max_bytes
        self._share = SpoolShare(file, max_bytes)
        self._db = connect(file, gateway)
        try:
            row = self._db.execute(
                "SELECT boot, next_seq, next_before, pending_readings, pending_packs, pending_bytes FROM meta"
            ).fetchone()
            (self._page_bytes,) = self._db.execute("PRAGMA page_size").fetchone()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise broken(file, error) from None
        self.id: str = row[0]
        self._next_seq: int = row[1]
        self._next_offset: int = row[2]
        self.pending = Pending(*row[3:])

    @property
    def last(self) -> int:
        """The highest number given so far, 0 before the first; may be read from any thread."""
        return self._next_seq - 1

    @property
    def taken(self) -> int:
        """Readings (and undecoded) that this spool took so far; may be read from any thread."""
        return self._next_offset

    def append(self, packs: Sequence[Contents]) -> None:
        """Number, encode and commit packs: all of them or, when it raises, none.

        Raises:
            SpoolFull: The bound is reached or the disk takes no more; later it may.
            Broken: The file is damaged.
        """
        seq, offset, waiting = self._next_seq, self._next_offset, self.pending
        now_ns = time.time_ns()
        packs = self._share.condense(packs, self._used_bytes()) if any(pack.undecoded for pack in packs) else packs
        with self._transaction():
            for contents in packs:
                payload = encode(contents, gateway=self._gateway, spool=self.id, seq=seq, offset=offset)
                count, size = contents.amount(), len(payload)
                self._db.execute("INSERT INTO pack VALUES (?, ?, ?, ?, ?)", (seq, count, size, now_ns, payload))
                seq, offset = seq + 1, offset + count
                waiting = Pending(waiting.readings + count, waiting.packs + 1, waiting.bytes + size)
            self._refuse_too_much()
            self._note(seq, offset, waiting)
        self._next_seq, self._next_offset, self.pending = seq, offset, waiting

    def forget(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Drop packs that ingest has settled; closed ranges of numbers, which may name absent ones.

        Raises:
            SpoolFull: The disk takes not even that; the packs stay.
            Broken: The file is damaged.
        """
        waiting = self.pending
        # not synced: a forgotten pack that comes back is sent again, and settled again
        with self._transaction("NORMAL"):
            for first, last in ranges:
                bounds = first, min(last, self._next_seq - 1)
                if bounds[0] > bounds[1]:
                    continue
                row = self._db.execute(
                    "SELECT total(readings), count(*), total(bytes) FROM pack WHERE seq BETWEEN ? AND ?", bounds
                ).fetchone()
                self._db.execute("DELETE FROM pack WHERE seq BETWEEN ? AND ?", bounds)
                waiting = Pending(
                    waiting.readings - int(row[0]), waiting.packs - int(row[1]), waiting.bytes - int(row[2])
                )
            self._note(self._next_seq, self._next_offset, waiting)
        self.pending = waiting
        if not waiting.packs:
            self._share.emptied()

    def oldest(self, after_seq: int, max_packs: int, until_seq: int = _NO_END) -> list[Stored]:
        """Read up to `most` packs with numbers above `after_seq` and up to `until_seq`, oldest first.

        Raises:
            Broken: The file is damaged.
        """
        query = "SELECT seq, payload FROM pack WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        return self._read(query, (after_seq, until_seq, max_packs))

    def oldest_ns(self) -> int | None:
        """Say when the oldest pack was spooled, nanoseconds UTC; None if there is none.

        Raises:
            Broken: The file is damaged.
        """
        try:
            row = self._db.execute("SELECT created_ns FROM pack ORDER BY seq LIMIT 1").fetchone()
        except sqlite3.DatabaseError as error:
            raise broken(self._file, error) from None
        return None if row is None else int(row[0])

    def pick(self, numbers: Sequence[int]) -> list[Stored]:
        """Read the packs of these numbers that are still there, oldest first.

        Raises:
            Broken: The file is damaged.
        """
        return self._read(
            "SELECT seq, payload FROM pack WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq",
            (json.dumps(numbers),),
        )

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        self._db.close()

    def _read(self, query: str, arguments: tuple[int | str, ...]) -> list[Stored]:
        try:
            return [Stored(*row) for row in self._db.execute(query, arguments)]
        except sqlite3.DatabaseError as error:
            raise broken(self._file, error) from None

    @contextmanager
    def _transaction(self, synchronous: str = "FULL") -> Iterator[None]:
        try:
            self._db.execute(f"PRAGMA synchronous = {synchronous}")
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if not isinstance(error, sqlite3.DatabaseError):
                raise
            raise self._translated(error) from None

    def _translated(self, error: sqlite3.DatabaseError) -> Exception:
        code = error.sqlite_errorcode & 0xFF
        if code in _DAMAGED:
            return broken(self._file, error)
        if code == sqlite3.SQLITE_FULL:
            return SpoolFull(f"the disk under the spool {self._file} is full: free some space; nothing was taken")
        return SpoolFull(f"the spool {self._file} can't be written ({error}): nothing was taken")

    def _refuse_too_much(self) -> None:
        """Compare what the open transaction would leave with the bound."""
        used = self._used_bytes()
        if used > self.max_bytes:
            raise SpoolFull(
                f"the spool {self._file} would take {used} bytes, at most {self.max_bytes} are allowed: "
                f"{self.pending.readings} readings wait for a receipt"
            )

    def _used_bytes(self) -> int:
        try:
            (pages,) = self._db.execute("PRAGMA page_count").fetchone()
            (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        except sqlite3.DatabaseError as error:
            raise self._translated(error) from None
        used: int = (pages - free) * self._page_bytes
        return used

    def _note(self, next_seq: int, next_offset: int, pending: Pending) -> None:
        self._db.execute(
            "UPDATE meta SET next_seq = ?, next_before = ?, pending_readings = ?, pending_packs = ?, pending_bytes = ?",
            (next_seq, next_offset, *pending),
        )


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
