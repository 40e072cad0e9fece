"""From a batch to the rows of the long table, by columns."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from city.batch import Batch, Flags, Floats, Times
from city.reading import Flag
from city.store import layout
from city.store.duckdb.last_values import Ids, LastValueCache, NewSeries, Numbers

Positions = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to write, each (series, time) once; sorted by time within a series.

    Attributes:
        ids: Series of each row.
        time: Instants.
        value: Values.
        flag: Flags.
        late: Rows that aren't newer than the last of their series, so that the file may hold the same instant already.
        ends: Positions of the newest row of each series.
        new_series: Series to make first.
    """

    ids: Ids
    time: Times
    value: Floats
    flag: Flags
    late: Mask
    ends: Positions
    new_series: NewSeries

    def table(self) -> pa.Table:
        """Give the columns to DuckDB without a copy."""
        return pa.table({"series": self.ids, "time": self.time, "value": self.value, "flag": self.flag})

    def late_keys(self) -> pa.Table:
        """Give the series and instants that must be looked up."""
        return pa.table({"series": self.ids[self.late], "time": self.time[self.late]})


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one quantity that hold a value: which row of the batch, which device, when."""

    rows: Positions
    device: Numbers
    time: Times
    ends: Positions


def rows_of(batch: Batch, cache: LastValueCache) -> Rows | None:
    """Lay a batch out as rows; None when it holds no value at all. Changes nothing in `cache` but its capacity."""
    device = cache.numbers(batch.kind, batch.devices)[batch.index]
    # stable: of two rows for the same instant the one received later stays behind the other
    order = np.lexsort((batch.time_ns, device))
    whole = _cells(order, device, batch.time_ns)
    parts: list[tuple[Numbers, Times, Floats, Flags, Positions]] = []
    new_series = NewSeries(cache.count, [])
    written = 0
    for quantity, column in _columns(batch):
        held = ~np.isnan(column)
        cells = whole if held.all() else _cells(order[held[order]], device, batch.time_ns)
        if not len(cells.rows):
            continue
        ids = _identify(batch, quantity, cells, cache, new_series)
        flags = batch.flags.get(quantity)
        flag = np.full(len(ids), Flag.GOOD, np.uint8) if flags is None else flags[cells.rows].astype(np.uint8)
        parts.append((ids, cells.time, column[cells.rows], flag, cells.ends + written))
        written += len(ids)
    if not parts:
        return None
    ids, time, value, flag, ends = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    cache.reserve(new_series.first + len(new_series.keys))
    return Rows(ids.astype(np.uint32), time, value, flag, time <= cache.time[ids], ends, new_series)


def _columns(batch: Batch) -> list[tuple[str, Floats]]:
    """All columns of a batch, its position included."""
    columns = list(batch.values.items())
    if batch.lat is not None and batch.lon is not None:
        columns += [(layout.LAT, batch.lat), (layout.LON, batch.lon)]
    return columns


def _cells(rows: Positions, device: Numbers, time_ns: Times) -> _Cells:
    """Drop all but the last of each (device, instant); `rows` are sorted by both."""
    device, time = device[rows], time_ns[rows]
    changes = device[1:] != device[:-1]
    alone = changes | (time[1:] != time[:-1])
    if not alone.all():
        keep = np.append(alone, True)
        rows, device, time = rows[keep], device[keep], time[keep]
        changes = device[1:] != device[:-1]
    return _Cells(rows, device, time, np.append(np.flatnonzero(changes), len(rows) - 1))


def _identify(batch: Batch, quantity: str, cells: _Cells, cache: LastValueCache, new_series: NewSeries) -> Numbers:
    """Find the series of each cell; series that are new get the next ids."""
    known = cache.ids(batch.kind, quantity)
    ids = known[cells.device]
    if ids.min(initial=0) < 0:
        fresh = cells.ends[ids[cells.ends] < 0]
        first = new_series.first + len(new_series.keys)
        new_series.keys.extend((batch.kind, batch.devices[batch.index[row]], quantity) for row in cells.rows[fresh])
        known = known.copy()
        known[cells.device[fresh]] = np.arange(first, first + len(fresh), dtype=np.int32)
        ids = known[cells.device]
    return ids
