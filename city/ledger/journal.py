"""The journal: what every flush stored, in order of commit, for as long as it is kept."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from city.database import Database
from city.database.tables import follower, journal, schema_version, sequences
from city.errors import JournalGone
from city.ledger.port import JournalEntry, JournalRow
from city.ledger.retention import Expired, JournalLimits, JournalSpan

LIVE_NS: Final = 600 * 10**9
"""A worker that has not said where it stands for ten minutes is gone: what it held comes again."""

BATCH: Final = 500
"""Entries that expire in one transaction, which holds up the flushes."""

_FOLLOWER_FACTOR: Final = 2
"""A follower holds the journal back to so many times its age and size."""

SIZE: Final = func.length(journal.c.payload)


def write(connection: Connection, at_ns: int, last: int, entries: Sequence[JournalEntry]) -> None:
    """Append entries under the numbers that end with `last`."""
    if entries:
        first = last - len(entries) + 1
        connection.execute(
            insert(journal),
            [
                {"id": number, "at_ns": at_ns, "owner": e.owner, "readings": e.readings, "payload": e.payload}
                for number, e in enumerate(entries, first)
            ],
        )


def span(database: Database) -> JournalSpan:
    """Give the journal's epoch, and what it holds."""
    with database.read() as connection:
        return _span(connection)


def page(database: Database, *, after: int, limit: int, epoch: str) -> list[JournalRow]:
    """Entries with `id > after`, rising.

    Raises:
        JournalGone: The position is of another epoch, or what follows it isn't kept any more.
    """
    asked = select(journal).where(journal.c.id > after).order_by(journal.c.id).limit(limit)
    with database.read() as connection:
        held = _span(connection)
        if epoch not in {"", held.epoch}:
            raise JournalGone(f"position {after} is of the journal's epoch {epoch}, and now it is {held.epoch}")
        if after > held.last:
            raise JournalGone(f"position {after} is beyond the journal, which ends at {held.last}")
        rows = [_row(row) for row in connection.execute(asked)]
    following = rows[0].id if rows else held.last + 1
    if following != after + 1:
        raise JournalGone(f"entries {after + 1} to {following - 1} of the journal have expired")
    return rows


def follow(database: Database, name: str, position: int, *, worker: bool, now_ns: int) -> None:
    """Keep how far a follower has read."""
    statement = database.upsert(follower).values(follower=name, position=position, worker=worker, at_ns=now_ns)
    given = {key: statement.excluded[key] for key in ("position", "worker", "at_ns")}
    with database.write() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["follower"], set_=given))


def unfollow(database: Database, name: str) -> None:
    """Forget a follower."""
    with database.write() as connection:
        connection.execute(delete(follower).where(follower.c.follower == name))


def expire(database: Database, limits: JournalLimits, now_ns: int) -> Expired:
    """Let the oldest entries go that are beyond a limit, one batch of them, and cut off who held them too long."""
    with database.write() as connection:
        held_bytes = lock(connection).journal_bytes
        followers = connection.execute(select(follower)).all()
        oldest = select(journal.c.id, journal.c.at_ns, journal.c.readings, SIZE.label("size"))
        rows: Sequence[Any] = connection.execute(oldest.order_by(journal.c.id).limit(BATCH)).all()
        gone = _expired(rows, held_bytes, limits, followers, now_ns)
        last = gone[-1].id if gone else 0
        cut = [row.follower for row in followers if row.position < last and not _is_live(row, now_ns)]
        if gone:
            connection.execute(delete(journal).where(journal.c.id <= last))
            connection.execute(
                update(sequences).values(
                    journal_bytes=sequences.c.journal_bytes - sum(row.size for row in gone),
                    expired_readings=sequences.c.expired_readings + sum(row.readings for row in gone),
                )
            )
        if cut:
            connection.execute(delete(follower).where(follower.c.follower.in_(cut)))
    behind = tuple(row.follower for row in followers if row.follower in cut and not row.worker)
    return Expired(len(gone), behind)


def lock(connection: Connection) -> Any:
    """Hold the sequences until the commit, so that no flush comes between; gives them."""
    held = update(sequences).values(journal_bytes=sequences.c.journal_bytes)
    return connection.execute(held.returning(*sequences.c)).one()


def _expired(
    rows: Sequence[Any], held_bytes: int, limits: JournalLimits, followers: Sequence[Any], now_ns: int
) -> Sequence[Any]:
    """Take the oldest rows that may go: never past a live worker, and past a follower only far beyond the limits."""
    working = min((row.position for row in followers if _is_live(row, now_ns)), default=None)
    followed = min((row.position for row in followers if not row.worker), default=None)
    left = held_bytes
    for number, row in enumerate(rows):
        factor = _FOLLOWER_FACTOR if followed is not None and row.id > followed else 1
        is_old = row.at_ns < now_ns - factor * limits.age_ns
        if not is_old and left <= factor * limits.max_bytes:
            return rows[:number]
        if working is not None and row.id > working:
            return rows[:number]
        left -= row.size
    return rows


def _is_live(row: Any, now_ns: int) -> bool:
    return bool(row.worker) and row.at_ns >= now_ns - LIVE_NS


def _span(connection: Connection) -> JournalSpan:
    epoch: str = connection.execute(select(schema_version.c.epoch)).scalar_one()
    last: int = connection.execute(select(sequences.c.journal)).scalar_one()
    first: int | None = connection.execute(select(func.min(journal.c.id))).scalar_one()
    return JournalSpan(epoch, last + 1 if first is None else first, last)


def _row(row: Any) -> JournalRow:
    return JournalRow(row.id, row.at_ns, JournalEntry(row.owner, row.readings, bytes(row.payload)))
