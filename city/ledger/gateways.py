"""Gateways by their last status."""

from typing import Final

from sqlalchemy import case, func, select

from city.database import Database
from city.database.tables import gateway
from city.ledger.port import GatewayRow

_LAST_INT: Final = 2**63 - 1


def note_status(database: Database, row: GatewayRow) -> None:
    """Keep a status unless a newer one is known; a will knows nothing of the spool, so that stays as it was."""
    statement = database.upsert(gateway).values(
        gateway=row.gateway,
        province=row.province,
        online=row.online,
        spool=row.spool,
        pending=None if row.pending is None else _bounded(row.pending),
        packs=_bounded(row.packs),
        spool_bytes=_bounded(row.spool_bytes),
        at_ns=_bounded(row.at_ns),
    )
    new = statement.excluded
    knows_spool = new.pending.is_not(None)
    statement = statement.on_conflict_do_update(
        index_elements=[gateway.c.gateway],
        set_={
            "province": new.province,
            "online": new.online,
            "spool": case((new.spool != "", new.spool), else_=gateway.c.spool),
            "pending": func.coalesce(new.pending, gateway.c.pending),
            "packs": case((knows_spool, new.packs), else_=gateway.c.packs),
            "spool_bytes": case((knows_spool, new.spool_bytes), else_=gateway.c.spool_bytes),
            "at_ns": new.at_ns,
        },
        where=new.at_ns >= gateway.c.at_ns,
    )
    with database.write() as connection:
        connection.execute(statement)


def gateways(database: Database) -> list[GatewayRow]:
    """All gateways, sorted by id."""
    with database.read() as connection:
        rows = connection.execute(select(gateway).order_by(gateway.c.gateway))
        return [GatewayRow(*row) for row in rows]


def _bounded(number: int) -> int:
    return min(max(number, 0), _LAST_INT)
