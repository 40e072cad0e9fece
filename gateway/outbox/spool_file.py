"""The spool's file: made whole or not at all, and refused with a sentence when it isn't ours.

A missing file is made; a file that is there is never replaced, whatever it holds.
"""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from city.errors import Broken, ConfigurationError

VERSION: Final = 1
"""Version of the tables, in SQLite's `user_version`."""

_APPLICATION: Final = 0x4B6F5350
"""`KoSP`, SQLite's `application_id`."""

_LOCK_WAIT_S: Final = 1.0
_LOG_BYTES: Final = 16 * 2**20
"""What the log is cut back to after a burst; below, its space is kept, so that a full disk leaves room to forget."""

_SCHEMA: Final = f"""
BEGIN;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {VERSION};
-- the payload stands last: reading the columns before it touches none of its overflow pages
CREATE TABLE pack (
    seq INTEGER PRIMARY KEY,
    readings INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    gateway TEXT NOT NULL,
    boot TEXT NOT NULL,
    next_seq INTEGER NOT NULL,
    next_before INTEGER NOT NULL,
    pending_readings INTEGER NOT NULL,
    pending_packs INTEGER NOT NULL,
    pending_bytes INTEGER NOT NULL
);
"""


def connect(file: Path, gateway: str) -> sqlite3.Connection:
    """Open a gateway's spool, or make it where there is none.

    The connection is in autocommit mode and holds the file for itself alone.

    Raises:
        Broken: The file is damaged, empty, something else, or of a later version.
        ConfigurationError: Another process has it open, it belongs to another gateway, or it can't be reached.
    """
    try:
        if not file.exists():
            _make(file, gateway)
        if file.stat().st_size == 0:
            raise Broken(_sentence(file, "is empty, which a spool never is"))
        return _open(file, gateway)
    except OSError as error:
        raise ConfigurationError(f"the spool {file} can't be reached: {error.strerror}") from None


def pending_readings(file: Path, gateway: str) -> int | None:
    """Count the readings in a gateway's spool that wait for a receipt; nothing is changed.

    Args:
        file: The spool, which is there.
        gateway: Whose it is.

    Returns:
        None while a running gateway holds the file.

    Raises:
        Broken: The file is damaged, or something else.
        ConfigurationError: It belongs to another gateway, or it can't be reached.
    """
    if _is_held(file):
        return None
    with closing(connect(file, gateway)) as db:
        try:
            (readings,) = db.execute("SELECT pending_readings FROM meta").fetchone()
        except sqlite3.DatabaseError as error:
            raise broken(file, error) from None
    return int(readings)


def broken(file: Path, error: sqlite3.Error) -> Broken:
    """Say that a file is damaged, and the way out."""
    return Broken(_sentence(file, f"can't be read ({error})"))


def _is_held(file: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=0)) as db:
            db.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return False


def _make(file: Path, gateway: str) -> None:
    """Make the file under a name of its own, then give it the right one unless that is taken: all of it or nothing."""
    journal = file.with_name(f"{file.name}-wal")
    if journal.exists() and journal.stat().st_size:
        # SQLite would apply the old journal to the new file
        raise Broken(
            f"the spool {file} is missing but its journal {journal} is there: bring both back, or move it away"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    drafts = f"{file.name}.new-"
    draft = file.with_name(drafts + secrets.token_hex(4))
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(_SCHEMA)
            db.execute("INSERT INTO meta VALUES (1, ?, ?, 1, 0, 0, 0, 0)", (gateway, secrets.token_hex(8)))
            db.execute("COMMIT")
    except sqlite3.Error as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(f"the spool {file} can't be made: {error}") from None
    try:
        os.link(draft, file)
    except OSError:
        # another process was quicker, and the lock will say whose the file is; or there are no links here
        if not file.exists():
            draft.rename(file)
    for left in file.parent.iterdir():
        if left.name.startswith(drafts):
            left.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _open(file: Path, gateway: str) -> sqlite3.Connection:
    # the relay has one thread for it, which isn't the one that closes it in tests
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=_LOCK_WAIT_S)
    try:
        # alone with the file: no shared memory beside it, and a second gateway is refused
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        _check(db, file, gateway)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        db.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError as error:
        db.close()
        code = error.sqlite_errorcode & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise ConfigurationError(f"the spool {file} is open in another process: stop that gateway first") from None
        if code == sqlite3.SQLITE_FULL:
            raise ConfigurationError(f"the disk under the spool {file} is full: free some space") from None
        raise broken(file, error) from None
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, file: Path, gateway: str) -> None:
    """Look who made the file before anything is written to it."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise Broken(_sentence(file, "is a database of something else"))
    if version != VERSION:
        raise Broken(f"the spool {file} has version {version} and this gateway reads {VERSION}: run the newer gateway")
    row = db.execute("SELECT gateway FROM meta WHERE one = 1").fetchone()
    if row is None:
        raise Broken(_sentence(file, "has lost its numbers"))
    if row[0] != gateway:
        raise ConfigurationError(
            f"the spool {file} belongs to gateway {row[0]!r}, not {gateway!r}: its packs carry that name; "
            "start that gateway until it is empty, or name another file"
        )


def _sentence(file: Path, what: str) -> str:
    return (
        f"the spool {file} {what}: nothing was changed; move it and {file.name}-wal aside to start a new one, "
        "and keep them, since readings may be recovered from them"
    )
