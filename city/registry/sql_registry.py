"""The registry over SQLite or PostgreSQL."""

from functools import partial
from typing import Any

from sqlalchemy import RowMapping, Select, select

from city.batch import Place
from city.database import Database
from city.database.tables import device as table
from city.database.tables import head
from city.registry.port import DeviceRow, DeviceStatus

_ROWS = select(*(column for column in table.c if column.name != "rev"))


class SqlRegistry:
    """`city.registry.port.Registry`, whose docstrings hold here; open it with `city.registry.open_registry`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def device(self, device: str) -> DeviceRow | None:
        """One device, or None."""
        rows = await self._database.in_reader(partial(self._select, _ROWS.where(table.c.device == device)))
        return rows[0] if rows else None

    async def devices(
        self, *, after: str = "", most: int = 1000, kind: str | None = None, province: str | None = None
    ) -> list[DeviceRow]:
        """Devices with an id behind `after`, sorted by id."""
        asked = _ROWS.where(table.c.device > after).order_by(table.c.device).limit(most)
        if kind is not None:
            asked = asked.where(table.c.kind == kind)
        if province is not None:
            asked = asked.where(table.c.province == province)
        return await self._database.in_reader(partial(self._select, asked))

    async def places(self, since: int = 0) -> tuple[dict[str, Place], int]:
        """Place of each device changed since a revision, and the revision to ask from next time."""
        return await self._database.in_reader(partial(self._places, since))

    async def aclose(self) -> None:
        """Close connections."""
        await self._database.aclose()

    def _select(self, asked: Select[Any]) -> list[DeviceRow]:
        with self._database.read() as connection:
            return [_device(row) for row in connection.execute(asked).mappings()]

    def _places(self, since: int) -> tuple[dict[str, Place], int]:
        changed = select(table.c.device, table.c.province, table.c.district, table.c.owner)
        with self._database.read() as connection:
            rev: int = connection.execute(select(head.c.rev)).scalar_one()
            if rev <= since:
                return {}, rev
            rows = connection.execute(changed.where(table.c.rev > since))
            return {device: Place(*where) for device, *where in rows}, rev


def _device(row: RowMapping) -> DeviceRow:
    return DeviceRow(**dict(row) | {"status": DeviceStatus(row["status"])})
