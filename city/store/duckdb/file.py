"""Opening the file: made whole or not at all, never over a damaged one."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import duckdb

from city.errors import Broken, ConfigurationError

_SCHEMA: Final = """
create table store (version usmallint not null);
insert into store values (1);
create table series (id uinteger not null, kind varchar not null, device varchar not null, quantity varchar not null);
create table point (series uinteger not null, time bigint not null, value double not null, flag utinyint not null,
                    rx bigint not null);
create view reading as
    select kind, device, quantity, make_timestamp_ns(time) as time, value, flag, make_timestamp_ns(rx) as rx
    from point join series on series.id = point.series;
"""
"""One long table; its rows name their series by number. No primary key: it costs five times the time and eight times
the disk, so `LastValueCache` keeps rows unique. Times are nanoseconds UTC. The view is for people."""

_VERSION: Final = 1


def path_of(url: str) -> Path:
    """Read the path in a URL: `duckdb:///var/x.duckdb` is relative, `duckdb:////var/x.duckdb` absolute.

    Raises:
        ConfigurationError: It names no file.
    """
    rest = url.removeprefix("duckdb://")
    if not rest.startswith("/") or rest in {"/", "//"} or rest.endswith("/"):
        raise ConfigurationError(
            f"store_url: {url!r} names no file; use duckdb:///relative/path or duckdb:////absolute/path"
        )
    return Path(unquote(rest[1:]))


def connect(path: Path, memory_mb: int, threads: int) -> duckdb.DuckDBPyConnection:
    """Open the file, or make it when there is none.

    Args:
        path: Where it lies; its folder is made when missing.
        memory_mb: Most memory that DuckDB may take; larger work spills beside the file.
        threads: How many threads it may compute with.

    Raises:
        Broken: It is damaged, is something else, or another process holds it.
    """
    try:
        if not path.exists():
            _create(path)
        elif path.stat().st_size == 0:
            raise Broken(f"{path} is empty, so it isn't a Korat store: put back a copy, or remove it to start afresh")
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_mb}MB",
            "threads": threads,
            "temp_directory": f"{path}.tmp",
            "preserve_insertion_order": False,
        }
        connection = duckdb.connect(str(path), config=settings)
    except OSError as error:
        raise Broken(f"{path} can't be opened: {error.strerror}") from error
    except duckdb.Error as error:
        raise _sentence(path, error) from error
    try:
        row = connection.execute("select max(version) from store").fetchone()
    except duckdb.Error as error:
        connection.close()
        raise Broken(f"{path} is a DuckDB file but not a Korat store: name another one") from error
    if row != (_VERSION,):
        connection.close()
        raise Broken(f"{path} was made by another version of Korat")
    return connection


def copy_file(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write a snapshot of what a connection sees into a new file, durably; what a former try left there goes.

    Raises:
        duckdb.Error: It can't be written.
    """
    for left in (path, path.with_name(f"{path.name}.wal")):
        left.unlink(missing_ok=True)
    ((own,),) = connection.execute("select current_database()").fetchall()
    target = str(path).replace("'", "''")
    name = own.replace('"', '""')
    connection.execute(f"attach '{target}' as written")
    try:
        connection.execute(f'copy from database "{name}" to written')
        connection.execute("checkpoint written")
    finally:
        connection.execute("detach written")
    for synced in (path, path.parent):
        descriptor = os.open(synced, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _create(path: Path) -> None:
    """Make the file under another name first: who is killed in between leaves no half-made store."""
    wal = path.with_name(path.name + ".wal")
    if wal.exists():
        raise Broken(f"{path} is missing but its log {wal} is there: put the file back beside it")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    draft.with_name(draft.name + ".wal").unlink(missing_ok=True)
    with duckdb.connect(str(draft)) as connection:
        connection.execute(_SCHEMA)
        connection.execute("checkpoint")
    draft.rename(path)


def _sentence(path: Path, error: duckdb.Error) -> Broken:
    if "could not set lock" in str(error).lower():
        return Broken(
            f"{path} is held by another process: only one may open it; use InfluxDB (influxdb://) for several processes"
        )
    return Broken(f"{path} is damaged or no DuckDB file: {str(error).splitlines()[0]}")
