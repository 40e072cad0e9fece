"""Making the tables once, migrating older ones, and refusing those of another program."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import URL, Connection, Engine, insert, inspect, select, text, update

from city.database.engine import make_engine
from city.database.faults import translated
from city.database.tables import VERSION, metadata, schema_version, sequences
from city.errors import Broken, ConfigurationError

log = structlog.get_logger("ledger")

_LOCK: Final = 0x6B6F726174
"""Number of the PostgreSQL advisory lock under which the tables are made."""


def prepare_file(path: Path) -> None:
    """Make a SQLite ledger where there is none; one that exists is left as it is.

    The tables are made in a file beside it that gets its name when it is whole: so a process that dies on the way
    leaves no half of a ledger, and of two that start at once one finds the other's.

    Raises:
        Broken: The file is empty, or it is gone and left its log behind.
        ConfigurationError: The folder can't be written to.
    """
    try:
        if path.exists():
            if path.stat().st_size == 0:
                raise Broken(f"{path} is empty, so it is no ledger; restore it from a backup or remove it")
            return
        if path.with_name(f"{path.name}-wal").exists():
            if path.exists():
                return  # another process made it between the two looks
            raise Broken(f"{path} is gone but {path.name}-wal is there; restore both from a backup or remove the rest")
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_file(path)
    except OSError as error:
        raise ConfigurationError(f"ledger_url: {path} can't be made: {error.strerror}") from error


def _make_file(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    engine = make_engine(URL.create("sqlite", database=str(fresh)))
    try:
        with translated(str(path)), engine.begin() as connection:
            _make_tables(connection)
    finally:
        engine.dispose()
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def prepare_server(engine: Engine) -> None:
    """Make the tables in a PostgreSQL database that lacks them; others who start now wait for it."""
    with engine.begin() as connection:
        if inspect(connection).has_table(schema_version.name):
            return
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _make_tables(connection)


def _make_tables(connection: Connection) -> None:
    metadata.create_all(connection)
    if connection.execute(select(schema_version.c.version)).first() is None:
        connection.execute(insert(schema_version), {"id": 1, "version": VERSION, "epoch": new_epoch()})
        zeros = dict.fromkeys((column.name for column in sequences.c if not column.primary_key), 0)
        connection.execute(insert(sequences), {"id": 1, **zeros})


def migrate_tables(engine: Engine, name: str) -> None:
    """Refuse a database that isn't a ledger that we know, and migrate one of an earlier version.

    Raises:
        Broken: It has no version, or a later one.
    """
    with engine.connect() as connection:
        if not inspect(connection).has_table(schema_version.name):
            raise Broken(f"{name} is a database, but no ledger of Korat")
        version = _version(connection)
    if version is None:
        raise Broken(f"{name} says no version of its tables; restore it from a backup")
    if version > VERSION:
        raise Broken(f"{name} was made by a newer Korat (tables of version {version}; this one knows {VERSION})")
    if version < VERSION:
        _upgrade(engine)
        log.info("the ledger's tables were migrated", name=name, old=version, new=VERSION)


def _upgrade(engine: Engine) -> None:
    """Migrate in one transaction; of two processes that start at once one finds it done."""
    # imported here: most starts find the tables up to date, and Alembic costs a tenth of a second
    from city.database.migrations import migrate  # noqa: PLC0415

    with engine.execution_options(begin="begin immediate").begin() as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        version = _version(connection)
        if version is not None and version < VERSION:
            migrate(connection, version)
            connection.execute(update(schema_version).values(version=VERSION))


def new_epoch() -> str:
    """Name a life of a database: no two have the same."""
    return secrets.token_hex(8)


def _version(connection: Connection) -> int | None:
    version: int | None = connection.execute(select(schema_version.c.version)).scalar_one_or_none()
    return version
