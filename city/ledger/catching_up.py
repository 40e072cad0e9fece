"""Reading what other workers have settled."""

from sqlalchemy import Connection, bindparam, select

from city.database import Database
from city.database.tables import fingerprints, head, pack_range
from city.ledger.memory import Page, SettledMemory
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
    pack_range.c.before_first,
    pack_range.c.through_last,
).where(pack_range.c.rev > bindparam("known"))


def refresh(database: Database, memory: SettledMemory) -> None:
    """Learn all that is committed."""
    with database.read() as connection:
        flush, journal = connection.execute(select(head.c.flush, head.c.journal)).one()
        catch_up(connection, memory, flush)
        memory.journal = journal


def catch_up(connection: Connection, memory: SettledMemory, until: int) -> None:
    """Learn what flushes through `until` settled; ranges only ever grow, so those that changed are enough."""
    if until <= memory.flush:
        return
    known = {"known": memory.flush}
    pages = connection.execute(_PAGES, known | {"until": until}).all()
    ranges = connection.execute(_RANGES, known).all()
    for gateway, spool, *edges in ranges:
        memory.learn_range((gateway, spool), Range(*edges))
    for flush, packed in pages:
        memory.learn_fingerprints(Page(flush, packed))
    memory.flush = until
