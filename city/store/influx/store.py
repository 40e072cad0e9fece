"""The adapter for InfluxDB."""

import asyncio
import time
from pathlib import Path
from typing import Final

import numpy as np
import structlog
from typing_extensions import override

from city.batch import Batch, merge_instants
from city.errors import ConfigurationError, KoratError
from city.store import layout
from city.store.influx.address import Address
from city.store.influx.http import Connection, StatementRefused
from city.store.influx.influxql import name, text
from city.store.influx.instants import Newest
from city.store.influx.latest import fields_by_kind, latest_of
from city.store.influx.lines import Lines, Prefixes, lines_of
from city.store.influx.listing import instants_of, kept_ns
from city.store.influx.series import series_of
from city.store.port import (
    Instants,
    InstantsQuery,
    Latest,
    LatestQuery,
    SeriesAnswer,
    SeriesQuery,
    Store,
    WriteOutcome,
)

_log: Final = structlog.get_logger(__name__)

_AT_ONCE: Final = 8  # requests in flight; their syncs are then one on 1.x, and their waits one on 3.x


async def open_influx(url: str) -> "InfluxStore":
    """Open the database that a URL names, and make it where the server lets us.

    Args:
        url: `influxdb://[user:password@]host[:8086]/database[?token=...]`; `influxdbs` for TLS.

    Raises:
        ConfigurationError: The URL isn't that.
        StoreUnavailable: The server doesn't answer.
    """
    connection = Connection(Address.parse(url))
    try:
        await connection.create_database()
    except KoratError:
        await connection.aclose()
        raise
    return InfluxStore(connection)


class InfluxStore(Store):
    """The store in an InfluxDB.

    Args:
        connection: To its database; closed with the store.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._prefixes = Prefixes()
        self._newest: dict[str, Newest] = {}

    @override
    async def write(self, batch: Batch) -> WriteOutcome:
        """Make a batch durable: InfluxDB syncs its log before it answers."""
        if not len(batch):
            return WriteOutcome()
        newest = self._newest.get(batch.kind) or await self._ask_newest(batch.kind)
        whole, _, into = merge_instants(batch)
        meeting = newest.meet(whole)
        rx_ns = batch.rx_ns or time.time_ns()
        lines = await asyncio.to_thread(lines_of, whole, rx_ns, meeting.marks, self._prefixes)
        if lines is None:
            return WriteOutcome()
        refused = await self._send(lines)
        newest.advance(meeting)
        reasons = {int(lines.rows[line]): reason for line, reason in refused.items()}
        rows = np.flatnonzero(np.isin(into, list(reasons))) if reasons else ()
        return WriteOutcome({int(row): reasons[int(into[row])] for row in rows})

    @override
    async def latest(self, query: LatestQuery) -> list[Latest]:
        """Ask for the newest of each field."""
        return await latest_of(self._connection, query)

    @override
    async def series(self, query: SeriesQuery) -> SeriesAnswer:
        """Let the server aggregate where it can."""
        return await series_of(self._connection, query)

    @override
    async def quantities(self) -> frozenset[str]:
        """Ask for the fields of all measurements."""
        try:
            kinds = await fields_by_kind(self._connection, set())
        except StatementRefused as error:
            _log.warning("quantities_unknown", reason=str(error))
            return frozenset()
        found = {layout.quantity_of(field) for fields in kinds.values() for field in fields}
        return frozenset(key for key in found if key is not None and key not in layout.POSITION)

    @override
    async def instants(self, query: InstantsQuery) -> Instants:
        """List by the field that every line has."""
        return await instants_of(self._connection, query)

    @override
    async def kept_ns(self) -> int:
        """Ask for the retention of the database."""
        return await kept_ns(self._connection)

    @override
    async def forget(self, device: str, start_ns: int, end_ns: int) -> None:
        """Delete by InfluxQL, which 1.x and 2.x do and 3.x refuses."""
        scope = f"{name(layout.TAG_DEVICE)} = {text(device)} AND time >= {start_ns} AND time < {end_ns}"
        await self._connection.delete(f"DELETE WHERE {scope}")

    @override
    async def expire(self, before_ns: int) -> int:
        """Leave it to the bucket's retention."""
        return 0

    @override
    async def copy_to(self, path: Path) -> None:
        """Refuse: `influx backup` does it."""
        raise ConfigurationError("store_url: an InfluxDB is backed up by its own tools; see docs/deployment.md")

    @override
    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self._connection.ping()

    @override
    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()

    async def _send(self, lines: Lines) -> dict[int, str]:
        """Write all lines; a body that the server refuses is halved until its bad lines stand alone.

        Which lines of a refused body it stored differs between versions; sending a good one twice is harmless.

        Returns:
            Number of the line to reason, for the bad ones.
        """
        refused: dict[int, str] = {}
        waiting = list(lines.bodies())
        while waiting:
            ranges, waiting = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
            reasons = await asyncio.gather(*(self._try(lines, *one) for one in ranges), return_exceptions=True)
            for (start, stop), reason in zip(ranges, reasons, strict=True):
                if isinstance(reason, BaseException):
                    raise reason
                if reason is not None and stop - start == 1:
                    refused[start] = reason
                elif reason is not None:
                    middle = (start + stop) // 2
                    waiting += [(start, middle), (middle, stop)]
        return refused

    async def _try(self, lines: Lines, start: int, stop: int) -> str | None:
        return await self._connection.write(await asyncio.to_thread(lines.body, start, stop))

    async def _ask_newest(self, kind: str) -> Newest:
        """Learn what the store holds of a kind before the first write of it."""
        newest = Newest()
        statement = f"SELECT last({name(layout.RX)}) FROM {name(kind)} GROUP BY {name(layout.TAG_DEVICE)}"  # noqa: S608 - quoted
        try:
            (tables,) = await self._connection.query([statement])
        except StatementRefused as error:
            # some servers limit how much one query may look at; readings must still come in
            _log.warning("newest_instants_unknown", kind=kind, reason=str(error))
        else:
            found = {table.tags[layout.TAG_DEVICE]: table.rows[0][0] for table in tables}
            places = newest.places(list(found))  # first: it may lengthen the column
            newest.time[places] = list(found.values())
        return self._newest.setdefault(kind, newest)
