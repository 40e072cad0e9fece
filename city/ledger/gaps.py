"""Which packs are missing between those that came."""

from sqlalchemy import select

from city.database import Database
from city.database.tables import pack_range
from city.ledger.retention import Gap

_RANGES = select(pack_range).order_by(pack_range.c.gateway, pack_range.c.spool, pack_range.c.first)


def gaps(database: Database) -> list[Gap]:
    """All gaps, by gateway, spool and number; one of no readings is one too: its packs are missing."""
    found: list[Gap] = []
    with database.read() as connection:
        spool, last, end_offset, until_ns = ("", ""), 0, 0, 0
        for row in connection.execute(_RANGES):
            if (row.gateway, row.spool) != spool:
                spool, last, end_offset, until_ns = (row.gateway, row.spool), 0, 0, 0
            if row.first > last + 1:
                readings = max(0, row.first_offset - end_offset)
                found.append(Gap(*spool, last + 1, row.first - 1, readings, until_ns, row.since_ns))
            last, end_offset, until_ns = row.last, row.end_offset, row.until_ns
    return found
