"""Reading what other workers have settled."""

from sqlalchemy import Connection, bindparam, select

from city.database import Database
from city.database.tables import fingerprints, pack_range, sequences
from city.ledger.dedup import Page, SettledIndex
from city.ledger.ranges import Range

_PAGES = (
    select(fingerprints.c.flush, fingerprints.c.packed)
    .where(fingerprints.c.flush.between(bindparam("known") + 1, bindparam("until")))
    .order_by(fingerprints.c.flush)
)
_RANGES = select(
    pack_range.c.gateway,
    pack_range.c.spool,
    pack_range.c.first,
    pack_range.c.last,
    pack_range.c.first_offset,
    pack_range.c.end_offset,
    pack_range.c.since_ns,
    pack_range.c.until_ns,
).where(pack_range.c.rev > bindparam("known"))


def refresh(database: Database, dedup: SettledIndex) -> None:
    """Learn all that is committed."""
    with database.read() as connection:
        flush, journal = connection.execute(select(sequences.c.flush, sequences.c.journal)).one()
        sync(connection, dedup, flush)
        dedup.journal = journal


def sync(connection: Connection, dedup: SettledIndex, until: int) -> None:
    """Learn what flushes through `until` settled; ranges only ever grow, so those that changed are enough."""
    if until <= dedup.flush:
        return
    known = {"known": dedup.flush}
    pages = connection.execute(_PAGES, known | {"until": until}).all()
    ranges = connection.execute(_RANGES, known).all()
    for gateway, spool, *edges in ranges:
        dedup.learn_range((gateway, spool), Range(*edges))
    for flush, packed in pages:
        dedup.learn_fingerprints(Page(flush, packed))
    dedup.flush = until
