"""An open database: transactions for writers and snapshots for readers, off the event loop."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from city import disk
from city.database.address import file_of, name_of, parse
from city.database.engine import copy_file, make_engine
from city.database.faults import translated
from city.database.lane import Lane
from city.database.schema import migrate_tables, prepare_file, prepare_server
from city.errors import ConfigurationError

T = TypeVar("T")
Upsert = sqlite.Insert | postgresql.Insert

_READERS: Final = 2


class Database:
    """One database with a thread for writing and a few for reading.

    Writers have a thread of their own so that a long question never holds up a flush.
    """

    def __init__(self, engine: Engine, name: str, file: Path | None) -> None:
        self._engine = engine
        self._name = name
        self._file = file
        self._writes: Engine = engine
        self._reads: Engine = engine
        if engine.dialect.name == "sqlite":
            self._writes = engine.execution_options(begin="begin immediate")
        else:
            self._reads = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._writer = Lane(1, "ledger-write")
        self._readers = Lane(_READERS, "ledger-read")

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Open a database; its tables are made if it is new, and migrated if they are of an older version.

        Args:
            url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`.

        Raises:
            ConfigurationError: The URL names no database that we speak to.
            Broken: The file is damaged, or the tables are of a newer version.
            LedgerUnavailable: The server doesn't answer.
        """
        return await asyncio.to_thread(_open, url)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Begin a transaction that commits at the end of the block; for the writing thread."""
        with translated(self._name), self._writes.begin() as connection:
            yield connection

    @contextmanager
    def write_over(self) -> Iterator[Connection]:
        """Begin a transaction like `write`, after which what it replaced or deleted stands nowhere in a file of ours.

        A PostgreSQL keeps old rows until its next vacuum.
        """
        with self.write() as connection:
            if self._engine.dialect.name != "sqlite":
                yield connection
                return
            # some builds have it on for everything, others off
            before = connection.exec_driver_sql("pragma secure_delete").scalar_one()
            connection.exec_driver_sql("pragma secure_delete = on")
            try:
                yield connection
            finally:
                connection.exec_driver_sql(f"pragma secure_delete = {before:d}")

    def empty_log(self) -> None:
        """Move what SQLite's log holds into the file, and empty the log, as far as no reader needs it."""
        if self._engine.dialect.name == "sqlite":
            with translated(self._name), self._engine.connect() as connection:
                connection.connection.driver_connection.execute("pragma wal_checkpoint(truncate)")  # type: ignore[union-attr]

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Begin a transaction that sees one state of the database throughout."""
        with translated(self._name), self._reads.begin() as connection:
            yield connection

    def disk_is_short(self) -> bool:
        """Tell whether the disk under a SQLite file is short; a server minds its own."""
        return self._file is not None and disk.is_short(self._file.parent)

    def server_time_ns(self) -> int | None:
        """Ask the server for its time, in nanoseconds UTC; None for SQLite, which has none. Blocking."""
        if self._engine.dialect.name == "sqlite":
            return None
        with self.read() as connection:
            seconds = connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
        return int(seconds * 10**9)

    def upsert(self, table: Table) -> Upsert:
        """Begin an `insert` that can say what to do `on_conflict`."""
        return sqlite.insert(table) if self._engine.dialect.name == "sqlite" else postgresql.insert(table)

    async def in_writer(self, work: Callable[[], T]) -> T:
        """Run blocking work in the one writing thread."""
        return await self._writer.run(work)

    async def in_reader(self, work: Callable[[], T]) -> T:
        """Run blocking work in a reading thread."""
        return await self._readers.run(work)

    async def aclose(self) -> None:
        """Let running work end, then close the connections."""
        await asyncio.to_thread(self._close)

    async def copy_to(self, path: Path) -> None:
        """Write one state of the database into a new file, while others write on.

        Raises:
            ConfigurationError: It is a server, which has tools of its own for that.
            LedgerUnavailable: It can't be read, or the file can't be written.
        """
        if self._engine.dialect.name != "sqlite":
            raise ConfigurationError("ledger_url: a PostgreSQL is backed up by pg_dump; see docs/deployment.md")
        await self.in_reader(lambda: copy_file(self._reads, self._name, path))

    def _close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        self._engine.dispose()


def _open(url: str) -> Database:
    address = parse(url)
    name = name_of(address)
    file = file_of(address)
    if file is not None:
        prepare_file(file)
    engine = make_engine(address)
    try:
        with translated(name):
            if file is None:
                prepare_server(engine)
            migrate_tables(engine, name)
    except BaseException:
        engine.dispose()
        raise
    return Database(engine, name, file)
