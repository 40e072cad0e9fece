"""Series out of the long table."""

from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from city.catalog import KINDS, Aggregate
from city.errors import QueryRefused
from city.reading import Flag
from city.store.port import Series, SeriesAnswer, SeriesQuery, Value, completeness, percentile_of

_AGGREGATES: Final = {
    Aggregate.MEAN: "avg(value)",
    Aggregate.MIN: "min(value)",
    Aggregate.MAX: "max(value)",
    Aggregate.SUM: "sum(value)",
    Aggregate.COUNT: "count(*)::double",
    Aggregate.FIRST: "arg_min(value, time)",
    Aggregate.LAST: "arg_max(value, time)",
}
_RANK: Final = "list(value order by value)[greatest(1, floor(count(*)::double * {p}::double / 100 + 0.5))::bigint]"

# `of` holds the asked series; times within the range come first, so that whole row groups are skipped
_RAW: Final = """
select series, time, value, flag from point semi join of using (series)
where time >= $start and time < $end
order by time limit $most
"""
_AGGREGATED: Final = """
select series, time - ((time % $every) + $every) % $every as bucket, {aggregate} as value, max(flag) as flag
from point semi join of using (series)
where time >= $start and time < $end and flag < $fail
group by series, bucket order by bucket limit $most
"""
_SUMMED_UP: Final = """
select series, count(*) filter (flag < $fail), max(flag) from point semi join of using (series)
where time >= $start and time < $end
group by series
"""


def series_of(
    connection: duckdb.DuckDBPyConnection, query: SeriesQuery, ids: dict[int, tuple[str, str, str]]
) -> SeriesAnswer:
    """Answer for these series, given as id to device, quantity and kind; blocking.

    Raises:
        QueryRefused: One instant or bucket holds more points than fit, or the memory is too small for it.
    """
    if not ids:
        return SeriesAnswer([])
    connection.register("of", pa.table({"series": np.fromiter(ids, np.uint32, len(ids))}))
    try:
        points, next_ns = _points(connection, query)
        span = {"start": query.start_ns, "end": next_ns or query.end_ns, "fail": int(Flag.FAIL)}
        sums = connection.execute(_SUMMED_UP, span).fetchall()
    except duckdb.OutOfMemoryException as error:
        raise QueryRefused("this needs more memory than the store may take: ask for less at once") from error
    finally:
        connection.unregister("of")
    series = []
    for number, instants, worst in sums:
        share = completeness(instants, span["start"], span["end"], KINDS[ids[number][2]].cadence_s)
        series.append(Series(*ids[number], points.get(number, []), share, worst))
    return SeriesAnswer(sorted(series, key=lambda one: (one.device, one.quantity, one.kind)), next_ns)


def _points(connection: duckdb.DuckDBPyConnection, query: SeriesQuery) -> tuple[dict[int, list[Value]], int | None]:
    """Points by series, and where they were cut."""
    parameters = {"start": query.start_ns, "end": query.end_ns, "most": query.max_points + 1}
    if query.every_ns is None:
        statement = _RAW
    else:
        percent = percentile_of(query.aggregate)
        statement = _AGGREGATED.format(
            aggregate=_AGGREGATES[query.aggregate] if percent is None else _RANK.format(p=percent)
        )
        parameters |= {"every": query.every_ns, "fail": int(Flag.FAIL)}
    found = connection.execute(statement, parameters).fetchnumpy()
    ids, time, value, flag = (np.asarray(column) for column in found.values())
    next_ns = None
    if len(ids) > query.max_points:
        next_ns = int(time[-1])
        kept = time < next_ns
        if not kept.any():
            raise QueryRefused(f"{query.max_points} points can't hold one instant of all these series: ask for fewer")
        ids, time, value, flag = ids[kept], time[kept], value[kept], flag[kept]
    points: dict[int, list[Value]] = {}
    for number, *cells in zip(ids.tolist(), time.tolist(), value.tolist(), flag.tolist(), strict=True):
        points.setdefault(number, []).append(Value(*cells))
    return points, next_ns
