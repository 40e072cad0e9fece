"""Listing the instants of a database, a window at a time, by the field that every line of ours has."""

import re
from typing import Final

import numpy as np

from city.store import layout
from city.store.influx.http import Connection, StatementRefused
from city.store.influx.influxql import name, where, within
from city.store.port import ALL, Instants, InstantsQuery, Only

_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_NS_PER_MS: Final = 1_000_000


async def instants_of(connection: Connection, query: InstantsQuery) -> Instants:
    """Halve the window until it holds no more instants than asked for, and list it."""
    end_ns = query.end_ns
    while (width := end_ns - query.start_ns) > 1:
        (tables,) = await connection.query([_select(f"count({name(layout.RX)})", query, end_ns)])
        if not tables or tables[0].rows[0][1] <= query.limit:
            break
        end_ns = query.start_ns + width // 2
    by_device = f" GROUP BY {name(layout.TAG_DEVICE)}"
    (tables,) = await connection.query([_select(name(layout.RX), query, end_ns) + by_device])
    devices = [table.tags[layout.TAG_DEVICE] for table in tables]
    index = np.repeat(np.arange(len(tables), dtype=np.int32), [len(table.rows) for table in tables])
    time_ns = np.array([row[0] for table in tables for row in table.rows], np.int64)
    rx_ms = np.array([row[1] for table in tables for row in table.rows], np.float64)
    rx_ns = (rx_ms * _NS_PER_MS).round().astype(np.int64)
    # a device that got an owner meanwhile may have an instant under both sets of tags: the newer one counts
    order = np.lexsort((rx_ns, time_ns, index))
    index, time_ns, rx_ns = index[order], time_ns[order], rx_ns[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (index[1:] != index[:-1]) | (time_ns[1:] != time_ns[:-1])
    return Instants(devices, index[last], time_ns[last], rx_ns[last], end_ns)


async def kept_ns(connection: Connection) -> int:
    """Read the retention of the database's default policy; 0 where it keeps all, or the server doesn't tell."""
    try:
        (tables,) = await connection.query([f"SHOW RETENTION POLICIES ON {name(connection.address.database)}"])
    except StatementRefused:
        return 0
    for table in tables:
        for row in table.rows:
            policy = dict(zip(table.columns, row, strict=True))
            match = _DURATION.fullmatch(str(policy.get("duration", "")))
            if policy.get("default") and match is not None:
                hours, minutes, seconds = (int(digits or 0) for digits in match.groups())
                return ((hours * 60 + minutes) * 60 + seconds) * 10**9
    return 0


def _select(what: str, query: InstantsQuery, end_ns: int) -> str:
    devices = Only.of(query.device) if query.device else ALL
    return f"SELECT {what} FROM {name(query.kind)}{where(devices, *within(query.start_ns, end_ns))}"  # noqa: S608 - quoted
