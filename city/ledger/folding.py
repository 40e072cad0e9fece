"""Folding: tallies of flushes become hourly rows, a few times a minute."""

from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, select, update

from city.database import Database
from city.database.tables import fingerprints, head, hourly, tally
from city.ledger.tally import COLUMNS, add_up

FLUSHES: Final = 64
"""Fold after so many flushes: a device has then sent several times, and its row is written once."""

WAIT_NS: Final = 10_000_000_000
"""Fold after ten seconds where flushes are few, so that an account never reads many tallies."""


class Head(NamedTuple):
    """The numbers that a flush was given: the last of each kind, and how far tallies are folded."""

    flush: int
    journal: int
    suspect: int
    rev: int
    folded: int
    folded_ns: int


def is_due(now: Head, at_ns: int) -> bool:
    """Tell whether this flush is the one that folds; a clock that was set back only delays it."""
    return now.flush - now.folded >= FLUSHES or at_ns - now.folded_ns >= WAIT_NS


def fold(connection: Connection, database: Database, flush: int, at_ns: int, oldest_page: int) -> None:
    """Add all tallies to the hourly rows and drop them, in the transaction of a flush.

    Args:
        connection: Holds the head, so that no other flush comes between.
        database: The database.
        flush: Number of this flush.
        at_ns: Its time.
        oldest_page: Fingerprints of flushes before this one are forgotten.
    """
    sums = add_up(connection.execute(select(tally.c.rows)).scalars().all())
    rows = [
        # in the order of the key: neighbours share pages
        {
            "hour_ns": hour,
            "gateway": source.gateway,
            "device": source.device,
            **dict(zip(COLUMNS, numbers, strict=True)),
        }
        for hour in sorted(sums)
        for source, numbers in sums[hour]
    ]
    if rows:
        statement = database.upsert(hourly)
        added = {column: hourly.c[column] + statement.excluded[column] for column in COLUMNS}
        key = [column.name for column in hourly.primary_key]
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=added), rows)
    connection.execute(delete(tally).where(tally.c.flush <= flush))
    connection.execute(delete(fingerprints).where(fingerprints.c.flush < oldest_page))
    connection.execute(update(head).values(folded=flush, folded_ns=at_ns))
