"""Compaction: counts of flushes become one sum of the open hour, and hourly rows when the hour is over."""

from collections import defaultdict
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select, union_all, update

from city.database import Database
from city.database.tables import fingerprints, flush_counts, hourly, open_hour, sequences
from city.ledger.flush_counts import Sum, decode, dense_hour_counts, encode, hour_of, split
from city.outcomes import COUNTED

FLUSHES: Final = 64
"""Compact after so many flushes, so that an account never reads the counts of many."""

WAIT_NS: Final = 10_000_000_000
"""Compact after ten seconds where flushes are few."""


MOVED: Final = 5_000
"""Hourly rows written in one go, so that no flush waits long for it; the others stay in the open hour."""

UNMOVED: Final = union_all(select(open_hour.c.rows), select(flush_counts.c.rows))
"""Counts that aren't in the hourly rows yet."""


class Sequences(NamedTuple):
    """The numbers that a flush was given: the last of each kind, and how far counts are compacted."""

    flush: int
    journal: int
    quarantine: int
    rev: int
    compacted: int
    compacted_ns: int


def is_due(now: Sequences, at_ns: int) -> bool:
    """Tell whether this flush is the one that compacts; a clock that was set back only delays it."""
    return now.flush - now.compacted >= FLUSHES or at_ns - now.compacted_ns >= WAIT_NS


def compact(connection: Connection, database: Database, flush: int, at_ns: int, oldest_page: int) -> None:
    """Add all flushes' counts to the open hours, and move hours that are over to the hourly rows.

    Args:
        connection: In the transaction of a flush, which holds the sequences: no other flush comes between.
        database: The database.
        flush: Number of this flush.
        at_ns: Its time.
        oldest_page: Fingerprints of flushes before this one are forgotten.
    """
    sums: defaultdict[int, Sum] = defaultdict(Sum)
    for block in decode(connection.execute(UNMOVED).scalars()):
        sums[block.hour_ns].add(block.sources, block.columns)
    connection.execute(delete(flush_counts).where(flush_counts.c.flush <= flush))
    connection.execute(delete(open_hour))
    room = MOVED
    for hour_ns, total in sorted(sums.items()):
        sources, numbers = total.result()
        moved = min(room, len(sources)) if hour_ns < hour_of(at_ns) else 0
        room -= moved
        _move(connection, database, hour_ns, sources[:moved], numbers[:moved])
        if moved < len(sources):
            block = dense_hour_counts(hour_ns, sources[moved:], numbers[moved:].T.tolist())
            connection.execute(insert(open_hour), {"hour_ns": hour_ns, "rows": encode([block])})
    connection.execute(delete(fingerprints).where(fingerprints.c.flush < oldest_page))
    connection.execute(update(sequences).values(compacted=flush, compacted_ns=at_ns))


def _move(
    connection: Connection, database: Database, hour_ns: int, sources: list[str], numbers: NDArray[np.int64]
) -> None:
    if not sources:
        return
    statement = database.upsert(hourly)
    added = {column: hourly.c[column] + statement.excluded[column] for column in COUNTED}
    key = [column.name for column in hourly.primary_key]
    connection.execute(
        statement.on_conflict_do_update(index_elements=key, set_=added),
        [
            {"hour_ns": hour_ns, **split(source)._asdict(), **dict(zip(COUNTED, row, strict=True))}
            # in the order of the key: neighbours share pages
            for source, row in sorted(zip(sources, numbers.tolist(), strict=True))
        ],
    )
