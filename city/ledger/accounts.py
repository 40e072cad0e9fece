"""Accounts: what was received and what became of it, and what is missing."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, case, func, literal, select

from city.database import Database
from city.database.tables import gateway, hourly, pack_range
from city.ledger.compaction import UNMOVED
from city.ledger.flush_counts import HourCounts, Sum, decode, split
from city.ledger.port import Account, By
from city.outcomes import COUNTED, Counts

_MAX_GAP: Final = literal(10**12, BigInteger())
"""No gap counts for more: one gateway that numbers nonsense must not overflow the sum of all."""


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which hours `[start_ns, end_ns)`, broken down how, and which page of the keys."""

    start_ns: int
    end_ns: int
    by: By
    after: str
    limit: int

    def wants(self, key: str) -> bool:
        """Tell whether a key is on this page or a later one; the empty key is on the first."""
        return not self.after or key > self.after


_ZERO: Final = literal(0, BigInteger())
_KEYS: Final[dict[By, Any]] = {By.TOTAL: literal(""), By.GATEWAY: hourly.c.gateway, By.DEVICE: hourly.c.device}


def account(database: Database, query: AccountQuery) -> list[Account]:
    """Add up the hourly rows and the counts of flushes that aren't compacted yet, as of one moment."""
    with database.read() as connection:
        counted = _counted(connection, query)
        if query.by is By.DEVICE:
            return [Account(key, Counts(*counted[key])) for key in sorted(counted)[: query.limit]]
        pending, gaps = _pending(connection), _gaps(connection)
    if query.by is By.TOTAL:
        return [Account("", Counts(*counted[""]), sum(pending.values()), sum(gaps.values()))]
    keys = sorted(key for key in counted.keys() | pending.keys() | gaps.keys() if query.wants(key))[: query.limit]
    return [Account(key, Counts(*counted[key]), pending.get(key, 0), gaps.get(key, 0)) for key in keys]


def _counted(connection: Connection, query: AccountQuery) -> defaultdict[str, list[int]]:
    column = _KEYS[query.by]
    asked = select(column, *(func.sum(hourly.c[key]) for key in COUNTED)).where(
        hourly.c.hour_ns >= query.start_ns, hourly.c.hour_ns < query.end_ns
    )
    if query.by is not By.TOTAL:
        asked = asked.group_by(column)
    if query.by is By.DEVICE:
        asked = asked.order_by(column).limit(query.limit)
        asked = asked.where(column > query.after) if query.after else asked
    counted: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(COUNTED))
    for key, *numbers in connection.execute(asked):
        # the sum of no rows is NULL, and PostgreSQL's sums are decimals
        counted[key] = [int(number or 0) for number in numbers]
    for key, numbers in _unmoved(connection, query):
        counted[key] = [old + new for old, new in zip(counted[key], numbers, strict=True)]
    return counted


def _unmoved(connection: Connection, query: AccountQuery) -> Iterator[tuple[str, list[int]]]:
    """Counts of the asked hours that aren't hourly rows yet."""
    total = Sum()
    for block in decode(connection.execute(UNMOVED).scalars()):
        if query.start_ns <= block.hour_ns < query.end_ns:
            total.add(_keys(block, query.by), block.columns)
    keys, numbers = total.result()
    # what is on the page of both is on the page of each, so no more than a page of either is needed
    page = sorted((key, row) for row, key in enumerate(keys) if query.wants(key))
    page = page[: query.limit] if query.by is By.DEVICE else page
    return ((key, numbers[row].tolist()) for key, row in page)


def _keys(block: HourCounts, by: By) -> list[str]:
    match by:
        case By.TOTAL:
            return [""] * len(block.sources)
        case By.GATEWAY:
            return [split(source).gateway for source in block.sources]
        case By.DEVICE:
            return [split(source).device for source in block.sources]


def _pending(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(gateway.c.gateway, gateway.c.pending))
    return {key: pending or 0 for key, pending in rows}


def _gaps(connection: Connection) -> dict[str, int]:
    # what came before pack 1 is nothing, whatever the pack says
    before = case((pack_range.c.first <= 1, _ZERO), else_=pack_range.c.first_offset)
    previous = func.lag(pack_range.c.end_offset).over(
        partition_by=(pack_range.c.gateway, pack_range.c.spool), order_by=pack_range.c.first
    )
    holes = select(pack_range.c.gateway, (before - func.coalesce(previous, _ZERO)).label("hole")).subquery()
    hole = case((holes.c.hole < _ZERO, _ZERO), (holes.c.hole > _MAX_GAP, _MAX_GAP), else_=holes.c.hole)
    rows = connection.execute(select(holes.c.gateway, func.sum(hole)).group_by(holes.c.gateway))
    return {key: int(readings) for key, readings in rows}
