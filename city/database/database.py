"""An open database: transactions for writers and snapshots for readers, off the event loop."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, Table, update
from sqlalchemy.dialects import postgresql, sqlite

from city.database.address import file_of, name_of, parse
from city.database.engine import make_engine
from city.database.faults import translated
from city.database.lane import Lane
from city.database.schema import migrate_tables, new_epoch, prepare_file, prepare_server
from city.database.tables import schema_version

T = TypeVar("T")
Upsert = sqlite.Insert | postgresql.Insert

_READERS: Final = 2


class Database:
    """One database with a thread for writing and a few for reading.

    Writers have a thread of their own so that a long question never holds up a flush.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
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
    def read(self) -> Iterator[Connection]:
        """Begin a transaction that sees one state of the database throughout."""
        with translated(self._name), self._reads.begin() as connection:
            yield connection

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

    def _close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        self._engine.dispose()


def renew_epoch(database: Database) -> str:
    """Begin a new life of a database that was put back to an earlier state; blocking. Gives its name."""
    epoch = new_epoch()
    with database.write() as connection:
        connection.execute(update(schema_version).values(epoch=epoch))
    return epoch


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
    return Database(engine, name)
