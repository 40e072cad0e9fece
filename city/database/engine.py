"""Engines: how connections to SQLite and PostgreSQL are set up."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

from city.database.faults import translated
from city.errors import ConfigurationError

BUSY_S: Final = 10
"""How long a SQLite writer waits for another process before it says the ledger is unavailable."""

_SQLITE: Final = (
    "pragma journal_mode = wal",
    # In WAL mode NORMAL may lose the last commits with the power, and a receipt must outlive that.
    "pragma synchronous = full",
    "pragma foreign_keys = on",
)
_POSTGRES: Final = (
    # A worker that stands still while it holds the sequences would stop all others for good.
    "set idle_in_transaction_session_timeout = '60s'",
    "set lock_timeout = '30s'",
)
# A server that vanishes without a word is noticed within about half a minute.
_REACH: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "korat",
}


def make_engine(url: URL) -> Engine:
    """Make an engine; it doesn't connect yet.

    Raises:
        ConfigurationError: The driver is not installed.
    """
    if url.drivername == "sqlite":
        # A new connection is a new file handle; a pool of few keeps the page cache warm.
        engine = create_engine(url, pool_size=3, connect_args={"timeout": BUSY_S, "isolation_level": None})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin)
        return engine
    try:
        engine = create_engine(url, pool_pre_ping=True, pool_size=4, connect_args=_REACH | dict(url.query))
    except ModuleNotFoundError:
        raise ConfigurationError("ledger_url: PostgreSQL needs its driver; install korat[postgres]") from None
    # The tables' upserts then go as statements of many rows: one by one they cost four times as much.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    event.listen(engine, "connect", _set_up_postgres)
    return engine


def copy_file(source: Engine, name: str, path: Path) -> None:
    """Write one state of a SQLite database into a new file, by SQLite's own online backup.

    Raises:
        LedgerUnavailable: It can't be read, or the file can't be written.
    """
    target = make_engine(URL.create("sqlite", database=str(path)))
    try:
        with translated(name), source.connect() as reading, target.connect() as writing:
            reading.connection.driver_connection.backup(writing.connection.driver_connection)  # type: ignore[union-attr]
    finally:
        target.dispose()


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    for statement in _SQLITE:
        connection.execute(statement).close()


def _begin(connection: Connection) -> None:
    # The driver would begin late and as a reader, and a reader that turns writer fails when another one wrote.
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "begin"))


def _set_up_postgres(connection: Any, _record: Any) -> None:
    connection.autocommit = True
    for statement in _POSTGRES:
        connection.execute(statement).close()
    connection.autocommit = False
