"""The one place where a driver's errors become ours."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from city.errors import Broken, LedgerUnavailable

RETRY_S: Final = 1.0
_LOW_BYTE: Final = 0xFF
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn errors of the database at `name` into LedgerUnavailable or Broken; errors of our own making pass.

    Raises:
        LedgerUnavailable: The database is down, busy, full or read-only: nothing was committed, or it isn't known.
        Broken: The file is damaged.
    """
    try:
        yield
    except exc.DBAPIError as error:
        if _is_damage(error.orig):
            raise Broken(f"{name} is damaged: {error.orig}; restore it from a backup or move it away") from error
        if _is_outage(error):
            raise LedgerUnavailable(f"{name}: {_first_line(error.orig)}", RETRY_S) from error
        raise
    except exc.TimeoutError as error:
        raise LedgerUnavailable(f"{name}: no connection is free", RETRY_S) from error


def _is_damage(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & _LOW_BYTE in _DAMAGED


def _is_outage(error: exc.DBAPIError) -> bool:
    # InternalError: PostgreSQL says so of writes to a standby and of transactions that were aborted under us
    kinds = (exc.OperationalError, exc.InterfaceError, exc.InternalError)
    return error.connection_invalidated or isinstance(error, kinds)


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
