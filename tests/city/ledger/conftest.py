"""What the tests of the ledger share: both databases, and ledgers that get closed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from city.database import tables
from city.ledger import Ledger, open_ledger
from support.postgres import Postgres

Opened = Callable[[], Awaitable[Ledger]]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def shared_postgres(postgres: Postgres) -> Iterator[str]:
    """Give the address of one PostgreSQL database for all these tests: to make one each takes most of a second."""
    postgres.create_database("ledger")
    yield postgres.database_url("ledger")
    if postgres.running:
        postgres.drop_database("ledger")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a ledger of each sort without a row in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    address: str = request.getfixturevalue("shared_postgres")
    server: Postgres = request.getfixturevalue("postgres")
    if not server.running:
        server.start()
    _empty(address)
    return address


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a database of each sort that isn't made or has no table yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    address: str = request.getfixturevalue("postgres_database")
    return address


def _empty(address: str) -> None:
    engine = create_engine(address)
    with engine.begin() as connection:
        if inspect(connection).has_table(tables.sequences.name):
            for table in tables.metadata.tables.values():
                if table not in {tables.sequences, tables.schema_version}:
                    connection.execute(table.delete())
            numbers = (column.name for column in tables.sequences.c if not column.primary_key)
            connection.execute(tables.sequences.update().values(dict.fromkeys(numbers, 0)))
    engine.dispose()


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Opened]:
    """Open the ledger, as often as there are workers."""
    ledgers: list[Ledger] = []

    async def open_one() -> Ledger:
        ledgers.append(await open_ledger(url))
        return ledgers[-1]

    yield open_one
    for ledger in ledgers:
        await ledger.aclose()


@pytest.fixture
async def ledger(opened: Opened) -> Ledger:
    """Give an empty ledger."""
    return await opened()


@pytest.fixture
def query(url: str) -> Iterator[Query]:
    """Ask the database itself."""
    engine = create_engine(url)

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with engine.begin() as connection:
            result = connection.execute(text(sql))
            return [tuple(row) for row in result] if result.returns_rows else []

    yield ask
    engine.dispose()


@pytest.fixture
async def two(opened: Opened) -> tuple[Ledger, Ledger]:
    """Give one ledger to two workers."""
    return await opened(), await opened()
