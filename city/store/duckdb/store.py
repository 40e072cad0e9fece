"""The embedded adapter: one thread writes, another reads."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
from typing_extensions import override

from city.batch import Batch, Flags, Floats, Times
from city.errors import Broken, StoreUnavailable
from city.store import layout
from city.store.duckdb.file import connect, copy_file, path_of
from city.store.duckdb.last_values import NEVER, Ids, LastValueCache, NewSeries
from city.store.duckdb.listing import instants_of
from city.store.duckdb.rows import Rows, rows_of
from city.store.duckdb.series import series_of
from city.store.port import (
    ALL,
    Instants,
    InstantsQuery,
    Latest,
    LatestQuery,
    Only,
    SeriesAnswer,
    SeriesQuery,
    Store,
    Value,
    WriteOutcome,
    wants,
)

MEMORY_MB: Final = 128
"""What DuckDB may take: a process that only takes readings in stays below 300 MB with it."""

_RETRY_S: Final = 5.0
_T = TypeVar("_T")
_Statement = tuple[str, Sequence[int | list[int]]]

_open: set[Path] = set()
"""Files held by this process. DuckDB would share one between two openers, whose caches would not know of each other."""

_LATE = """
delete from point using late
where point.series = late.series and point.time = late.time and point.time between ? and ?
"""
_LAST_VALUES = "select series, max(time), arg_max(value, time), arg_max(flag, time) from point group by series"
_EXPIRE = "delete from point where time < ?"
_FORGET = "delete from point where series in (select unnest(?)) and time >= ? and time < ?"


async def open_duckdb(url: str, *, memory_mb: int = MEMORY_MB, threads: int = 1) -> "DuckStore":
    """Open the file that a URL names; see `path_of` for its form.

    Args:
        url: `duckdb:///relative/path` or `duckdb:////absolute/path`.
        memory_mb: Most memory that DuckDB may take.
        threads: How many threads it may compute with.

    Raises:
        ConfigurationError: The URL names no file.
        Broken: The file is damaged, or held by another process or store.
    """
    return await asyncio.to_thread(DuckStore.open, path_of(url).absolute(), memory_mb, threads)


class DuckStore(Store):
    """The store in one file.

    Where a device belongs (`Batch.places`) is not kept here: the registry knows it, and no other program can read
    the file meanwhile.
    """

    def __init__(self, path: Path, memory_mb: int, threads: int) -> None:
        self._path = path
        self._memory_mb = memory_mb
        self._threads = threads
        self._lock = threading.Lock()  # held while the cache changes or is copied, never during work on the file
        self._writer = ThreadPoolExecutor(1, "duckdb-write")
        self._reader = ThreadPoolExecutor(1, "duckdb-read")
        self._failed = False
        self._closed = False

    @classmethod
    def open(cls, path: Path, memory_mb: int, threads: int) -> Self:
        """Open it, blocking.

        Raises:
            Broken: See `open_duckdb`.
        """
        path = path.resolve()
        if path in _open:
            raise Broken(f"{path} is open already in this process: share the store")
        store = cls(path, memory_mb, threads)
        store._connect()
        _open.add(path)
        return store

    @override
    async def write(self, batch: Batch) -> WriteOutcome:
        """Make a batch durable: DuckDB syncs its log at commit."""
        return await self._run(self._writer, lambda: self._write(batch))

    @override
    async def latest(self, query: LatestQuery) -> list[Latest]:
        """Answer from memory, not behind a long read."""
        return await asyncio.to_thread(self._latest, query)

    @override
    async def series(self, query: SeriesQuery) -> SeriesAnswer:
        """Read beside the writer, from a snapshot."""
        return await self._run(self._reader, lambda: self._series(query))

    @override
    async def quantities(self) -> frozenset[str]:
        """Answer from memory."""
        return await asyncio.to_thread(self._quantities)

    @override
    async def instants(self, query: InstantsQuery) -> Instants:
        """Read beside the writer, from a snapshot."""
        return await self._run(self._reader, lambda: instants_of(self._reads, query))

    @override
    async def kept_ns(self) -> int:
        """Keep all: what expires is ingest's to say."""
        return 0

    @override
    async def forget(self, device: str, start_ns: int, end_ns: int) -> None:
        """Delete under every kind of that device."""
        await self._run(self._writer, lambda: self._forget(device, start_ns, end_ns))

    @override
    async def expire(self, before_ns: int) -> int:
        """Delete in the file, whose space is then used again."""
        return await self._run(self._writer, lambda: self._expire(before_ns))

    @override
    async def copy_to(self, path: Path) -> None:
        """Copy a snapshot, by a connection of its own: neither writer nor reader waits for it."""
        await asyncio.to_thread(self._guarded, lambda: copy_file(self._writes.cursor(), path))

    @override
    async def ping(self) -> None:
        """Ask the file's engine for nothing."""
        await self._run(self._reader, lambda: self._reads.execute("select 1").fetchall())

    @override
    async def aclose(self) -> None:
        """Finish what was begun, and let the file go."""
        await asyncio.to_thread(self._close)

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        """Run it in its thread; to the end, also when the caller is cancelled meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(executor, self._guarded, work)

    def _guarded(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except duckdb.Error as error:
            # after some failures, a full disk among them, DuckDB refuses everything until the file is opened anew
            self._failed = self._failed or isinstance(error, duckdb.FatalException | duckdb.InternalException)
            raise StoreUnavailable(f"{self._path}: {str(error).splitlines()[0]}", _RETRY_S) from error

    def _connect(self) -> None:
        self._writes = connect(self._path, self._memory_mb, self._threads)
        try:
            self._reads = self._writes.cursor()
            cache = LastValueCache()
            keys = self._writes.execute("select kind, device, quantity from series order by id").fetchall()
            cache.admit(NewSeries(0, keys))
            cache.advance(*self._newest(_LAST_VALUES, []))
        except duckdb.Error as error:
            self._writes.close()
            raise Broken(f"{self._path} is damaged: {str(error).splitlines()[0]}") from error
        self._cache = cache

    def _disconnect(self) -> None:
        self._reader.submit(self._reads.close).result()
        self._writes.close()

    def _newest(self, statement: str, parameters: list[list[int]]) -> tuple[Ids, Times, Floats, Flags]:
        """Scan the file for the newest value of each series."""
        found = self._writes.execute(statement, parameters).fetchnumpy()
        ids, time, value, flag = (np.asarray(column) for column in found.values())
        return ids, time, value, flag

    def _write(self, batch: Batch) -> WriteOutcome:
        if self._failed:
            self._disconnect()
            self._connect()
            self._failed = False
        rows = rows_of(batch, self._cache)
        if rows is not None:
            self._insert(rows, batch.rx_ns)
            with self._lock:
                self._cache.admit(rows.new_series)
                ends = rows.ends
                self._cache.advance(rows.ids[ends], rows.time[ends], rows.value[ends], rows.flag[ends])
        return WriteOutcome()

    def _insert(self, rows: Rows, rx_ns: int) -> None:
        tables = {"fresh": rows.table()}
        statements: list[_Statement] = []
        if rows.new_series.keys:
            kinds, devices, quantities = zip(*rows.new_series.keys, strict=True)
            ids = np.arange(len(kinds), dtype=np.uint32) + np.uint32(rows.new_series.first)
            tables["new_series"] = pa.table({"id": ids, "kind": kinds, "device": devices, "quantity": quantities})
            statements.append(("insert into series select * from new_series", []))
        if rows.late.any():
            times = rows.time[rows.late]
            tables["late"] = rows.late_keys()
            statements.append((_LATE, [int(times.min()), int(times.max())]))
        statements.append(("insert into point select *, ? from fresh", [rx_ns]))
        for name, table in tables.items():
            self._writes.register(name, table)
        try:
            self._commit(statements)
        finally:
            for name in tables:
                self._writes.unregister(name)

    def _commit(self, statements: list[_Statement]) -> None:
        self._writes.begin()
        try:
            for statement, parameters in statements:
                self._writes.execute(statement, parameters)
            self._writes.commit()
        except duckdb.Error:
            try:
                self._writes.rollback()
            except duckdb.Error:
                self._failed = True
            raise

    def _latest(self, query: LatestQuery) -> list[Latest]:
        with self._lock:
            chosen = [
                (kind, device, dict(series)) for kind, device, series in self._cache.select(query.devices, query.kinds)
            ]
            ids = np.array([i for *_, series in chosen for i in series.values()], np.int64)
            cache = self._cache
            cells = iter(
                zip(cache.time[ids].tolist(), cache.value[ids].tolist(), cache.flag[ids].tolist(), strict=True)
            )
        found = []
        for kind, device, series in chosen:
            values = {quantity: Value(*next(cells)) for quantity in series}
            values = {quantity: value for quantity, value in values.items() if value.time_ns != NEVER}
            lat, lon = values.pop(layout.LAT, None), values.pop(layout.LON, None)
            if values:
                found.append(Latest(device, kind, values, lat.value if lat else None, lon.value if lon else None))
        return sorted(found, key=lambda latest: (latest.device, latest.kind))

    def _series(self, query: SeriesQuery) -> SeriesAnswer:
        with self._lock:
            ids = {
                number: (device, quantity, kind)
                for device, kinds in query.devices.items()
                for kind in kinds
                for quantity, number in self._cache.series.get((kind, device), {}).items()
                if wants(query, quantity)
            }
        return series_of(self._reads, query, ids)

    def _quantities(self) -> frozenset[str]:
        with self._lock:
            return frozenset(key for series in self._cache.series.values() for key in series) - set(layout.POSITION)

    def _forget(self, device: str, start_ns: int, end_ns: int) -> None:
        ids = [number for _, _, series in self._cache.select(Only.of(device), ALL) for number in series.values()]
        if not ids:
            return
        self._commit([(_FORGET, [ids, start_ns, end_ns])])
        self._rewrite()

    def _rewrite(self) -> None:
        """Put a copy of what is left in the place of the file: DuckDB keeps what it deleted in its old blocks."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        copy_file(self._writes, fresh)
        self._disconnect()
        try:
            fresh.replace(self._path)
        finally:
            self._connect()

    def _expire(self, before_ns: int) -> int:
        ((found,),) = self._writes.execute("select count(*) from point where time < ?", [before_ns]).fetchall()
        if found:
            self._commit([(_EXPIRE, [before_ns])])
            self._writes.execute("checkpoint")
            with self._lock:
                self._cache.time[self._cache.time < before_ns] = NEVER
        return int(found)

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._reader.shutdown()
        self._writer.shutdown()
        self._reads.close()
        self._writes.close()
        _open.discard(self._path)
