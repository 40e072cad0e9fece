"""The registry over SQLite or PostgreSQL."""

from collections.abc import Collection
from functools import partial
from typing import Any

from sqlalchemy import RowMapping, Select, delete, or_, select, update
from typing_extensions import override

from city.batch import Place
from city.database import Database
from city.database.tables import device as table
from city.database.tables import device_kind, removed_device, sequences
from city.registry.port import Changes, DeviceRow, DeviceStatus, Registry

_ROWS = select(*(column for column in table.c if column.name != "rev"))


class SqlRegistry(Registry):
    """The registry in the tables of `city.database`; open it with `city.registry.open_registry`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @override
    async def device(self, device: str) -> DeviceRow | None:
        return (await self.find([device])).get(device)

    @override
    async def find(self, devices: Collection[str]) -> dict[str, DeviceRow]:
        asked = _ROWS.where(table.c.device.in_(devices))
        return {row.device: row for row in await self._database.in_reader(partial(self._select, asked))}

    @override
    async def devices(
        self, *, after: str = "", limit: int = 1000, kind: str | None = None, province: str | None = None
    ) -> list[DeviceRow]:
        asked = _ROWS.where(table.c.device > after).order_by(table.c.device).limit(limit)
        if kind is not None:
            of_kind = select(device_kind.c.device).where(device_kind.c.kind == kind)
            asked = asked.where(or_(table.c.kind == kind, table.c.device.in_(of_kind)))
        if province is not None:
            asked = asked.where(table.c.province == province)
        return await self._database.in_reader(partial(self._select, asked))

    @override
    async def changes(self, since: int = 0) -> Changes:
        return await self._database.in_reader(partial(self._changes, since))

    @override
    async def unclaimed(self, before_ns: int, *, after: str = "", limit: int = 1000) -> list[str]:
        return await self._database.in_reader(partial(self._unclaimed, before_ns, after, limit))

    @override
    async def remove(self, devices: Collection[str]) -> None:
        await self._database.in_writer(partial(self._remove, devices))

    @override
    async def aclose(self) -> None:
        await self._database.aclose()

    def _select(self, asked: Select[Any]) -> list[DeviceRow]:
        with self._database.read() as connection:
            rows = connection.execute(asked).mappings().all()
            # a worker of an earlier version may have written the first one alone
            kinds: dict[str, set[str]] = {row["device"]: {row["kind"]} for row in rows}
            pairs = select(device_kind.c.device, device_kind.c.kind).where(device_kind.c.device.in_(kinds))
            for device, kind in connection.execute(pairs):
                kinds[device].add(kind)
        return [_device(row, kinds[row["device"]]) for row in rows]

    def _changes(self, since: int) -> Changes:
        changed = select(table.c.device, table.c.province, table.c.district, table.c.owner)
        pairs = select(device_kind.c.device, device_kind.c.kind).where(device_kind.c.rev > since)
        with self._database.read() as connection:
            rev: int = connection.execute(select(sequences.c.rev)).scalar_one()
            if rev <= since:
                return Changes({}, set(), rev)
            kinds = {(device, kind) for device, kind in connection.execute(pairs)}
            rows = connection.execute(changed.where(table.c.rev > since))
            places = {device: Place(*where) for device, *where in rows}
            gone = connection.execute(select(removed_device.c.device).where(removed_device.c.rev > since)).scalars()
            return Changes(places, kinds, rev, frozenset(gone))

    def _unclaimed(self, before_ns: int, after: str, limit: int) -> list[str]:
        asked = select(table.c.device).where(
            table.c.device > after,
            table.c.first_seen_ns < before_ns,
            table.c.status == DeviceStatus.DISCOVERED.value,
            *(column == "" for column in (table.c.name, table.c.owner, table.c.district)),
        )
        with self._database.read() as connection:
            return list(connection.execute(asked.order_by(table.c.device).limit(limit)).scalars())

    def _remove(self, devices: Collection[str]) -> None:
        if not devices:
            return
        with self._database.write() as connection:
            advance = update(sequences).values(rev=sequences.c.rev + 1).returning(sequences.c.rev)
            rev = connection.execute(advance).scalar_one()
            for rows in (table, device_kind):
                connection.execute(delete(rows).where(rows.c.device.in_(devices)))
            marking = self._database.upsert(removed_device)
            marking = marking.on_conflict_do_update(index_elements=["device"], set_={"rev": rev})
            connection.execute(marking, [{"device": device, "rev": rev} for device in devices])


def _device(row: RowMapping, kinds: set[str]) -> DeviceRow:
    return DeviceRow(**dict(row) | {"status": DeviceStatus(row["status"]), "kinds": tuple(sorted(kinds))})
