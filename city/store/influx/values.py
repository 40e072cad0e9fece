"""Values out of the fields that hold them, and their aggregates, by the port's definitions."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from city.batch import Floats
from city.catalog import Aggregate
from city.reading import Flag
from city.store import layout
from city.store.influx.http import ResultSeries
from city.store.port import Value, percentile_of

Starts = NDArray[np.intp]

_REDUCED: Final[dict[Aggregate, Callable[[Floats, Starts, NDArray[np.int64]], Floats]]] = {
    Aggregate.MEAN: lambda value, start, size: np.add.reduceat(value, start) / size,
    Aggregate.MIN: lambda value, start, _: np.minimum.reduceat(value, start),
    Aggregate.MAX: lambda value, start, _: np.maximum.reduceat(value, start),
    Aggregate.SUM: lambda value, start, _: np.add.reduceat(value, start),
    Aggregate.COUNT: lambda _, __, size: size.astype(np.float64),
    Aggregate.FIRST: lambda value, start, _: value[start],
    Aggregate.LAST: lambda value, start, size: value[start + size - 1],
}


def fields_of(quantity: str, there: set[str]) -> list[str]:
    """Fields that hold a quantity, of those that there are."""
    return [field for field in (quantity, layout.failed_field(quantity), layout.qc_field(quantity)) if field in there]


def version(good: float | None, failed: float | None, code: float | None) -> tuple[float, int] | None:
    """Tell value and flag of the last version of an instant (see `instants`); None when there is none."""
    if good is None and failed is None:
        return None
    flag = int(code) if code is not None else Flag.GOOD if good is not None else Flag.FAIL
    if flag >= Flag.FAIL:
        return float(good if failed is None else failed), int(flag)  # type: ignore[arg-type] # one of them is there
    return (float(failed), int(Flag.FAIL)) if good is None else (float(good), int(flag))  # type: ignore[arg-type] # same


def points_of(table: ResultSeries, quantity: str) -> list[Value]:
    """Values of one quantity of one device, rising in time.

    Rows of one instant that differ in other tags (the device got an owner meanwhile) are one: the one that ingest
    took last.
    """
    places = [_place(table, field) for field in (quantity, layout.failed_field(quantity), layout.qc_field(quantity))]
    taken = _place(table, layout.RX)
    points: list[Value] = []
    newest = 0.0
    for row in table.rows:
        good, failed, code = (None if place is None else row[place] for place in places)
        found = version(good, failed, code)
        if found is None:
            continue
        rx = _number(row, taken)
        if not points or points[-1].time_ns != row[0]:
            points.append(Value(row[0], *found))
        elif rx >= newest:
            points[-1] = Value(row[0], *found)
        else:
            continue
        newest = rx
    return points


def aggregated(points: list[Value], every_ns: int, aggregate: Aggregate) -> list[Value]:
    """Aggregate values into buckets aligned to the epoch; failed ones never enter."""
    fit = [point for point in points if point.flag < Flag.FAIL]
    if not fit:
        return []
    times, values, flags = zip(*fit, strict=True)
    bucket = np.array(times, np.int64) // every_ns * every_ns
    value, flag = np.array(values, np.float64), np.array(flags, np.int64)
    start = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    size = np.diff(np.append(start, len(bucket)))
    percent = percentile_of(aggregate)
    if percent is None:
        reduced = _REDUCED[aggregate](value, start, size)
    else:
        rank = np.maximum(1, np.floor(size * float(percent) / 100 + 0.5)).astype(np.int64)
        reduced = value[np.lexsort((value, bucket))][start + rank - 1]
    worst = np.maximum.reduceat(flag, start)
    return [Value(*cells) for cells in zip(bucket[start].tolist(), reduced.tolist(), worst.tolist(), strict=True)]


def _place(table: ResultSeries, column: str) -> int | None:
    return table.columns.index(column) if column in table.columns else None


def _number(row: list[Any], place: int | None) -> float:
    return 0.0 if place is None or row[place] is None else float(row[place])
