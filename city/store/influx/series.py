"""Series out of InfluxDB: the server aggregates where it means the same as the port, else we do."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from city.catalog import KINDS, Aggregate
from city.errors import QueryRefused
from city.reading import Flag
from city.store import layout
from city.store.influx.http import Connection
from city.store.influx.influxql import name
from city.store.influx.plan import Key, Part, Sum, cut_of, parts_of, sums_of
from city.store.influx.values import aggregated, points_of
from city.store.port import Only, Series, SeriesAnswer, SeriesQuery, Value, completeness, percentile_of

MAX_AGGREGATED: Final = 500_000
"""Values that are aggregated here, where the server can't."""


class _Meaning(Enum):
    """What a statement asks for."""

    AGGREGATE = auto()
    FLAG = auto()
    STALE = auto()


@dataclass(slots=True)
class _Found:
    """Points and flags of series, as they come in."""

    points: dict[Key, list[Value]] = field(default_factory=dict)
    odd: set[Key] = field(default_factory=set)


async def series_of(connection: Connection, query: SeriesQuery) -> SeriesAnswer:
    """Count first, so that the answer can be cut; then fetch.

    Raises:
        QueryRefused: Nothing fits into `most`, or too much would have to be aggregated here.
        StoreUnavailable: The server can't answer now.
    """
    parts = await parts_of(connection, query)
    if not parts:
        return SeriesAnswer([])
    end_ns = query.end_ns
    sums = await sums_of(connection, parts, query.start_ns, end_ns)
    cut = await cut_of(connection, parts, query, sums)
    if cut is not None:
        end_ns = cut
        sums = await sums_of(connection, parts, query.start_ns, end_ns)
    if query.every_ns is None:
        points = await _raw(connection, [(part, part.quantities, None) for part in parts], query.start_ns, end_ns)
        odd = set(points)
    else:
        found = await _buckets(connection, parts, query, end_ns, query.every_ns)
        odd = found.odd | {key for key, one in sums.items() if one.sets > 1}
        points = await _aggregated_here(
            connection, parts, query, end_ns, {key: sums[key] for key in odd if key in sums}
        )
    answer = []
    for key, one in sorted(sums.items()):
        if key in odd:
            all_points = points.get(key, [])
            instants = sum(point.flag < Flag.FAIL for point in all_points)
            worst = max((point.flag for point in all_points), default=int(Flag.GOOD))
        else:
            instants, worst = one.fit, one.worst or int(Flag.FAIL if one.failed else Flag.GOOD)
        if query.every_ns is None:
            values = points.get(key, [])
        elif key in odd:
            values = aggregated(points.get(key, []), query.every_ns, query.aggregate)
        else:
            values = found.points.get(key, [])
        share = completeness(instants, query.start_ns, end_ns, KINDS[key[2]].cadence_s)
        answer.append(Series(*key, values, share, worst))
    return SeriesAnswer(answer, cut)


async def _raw(
    connection: Connection, wanted: list[tuple[Part, list[str], Only | None]], start_ns: int, end_ns: int
) -> dict[Key, list[Value]]:
    """Fetch values as they are stored, one version of each instant."""
    statements = [part.raw(quantities, start_ns, end_ns, devices) for part, quantities, devices in wanted]
    points = {}
    for (part, quantities, _), tables in zip(wanted, await connection.query(statements), strict=True):
        for table in tables:
            for quantity in quantities:
                points[table.tags[layout.TAG_DEVICE], quantity, part.kind] = points_of(table, quantity)
    return points


async def _buckets(connection: Connection, parts: list[Part], query: SeriesQuery, end_ns: int, every_ns: int) -> _Found:
    """Let the server aggregate; one selector for each statement."""
    by_device = f" GROUP BY {name(layout.TAG_DEVICE)}"
    by_bucket = f"{by_device}, time({every_ns}ns) fill(none)"
    statements: dict[tuple[_Meaning, str, str], str] = {}
    for part in parts:
        for quantity in part.quantities:
            if quantity in part.fields:
                aggregate = part.select(_call(query.aggregate, quantity), query.start_ns, end_ns)
                statements[_Meaning.AGGREGATE, part.kind, quantity] = aggregate + by_bucket
        for quantity in part.flagged():
            code = name(layout.qc_field(quantity))
            worst = part.select(f"max({code})", query.start_ns, end_ns, f"{code} < {Flag.FAIL:d}")
            statements[_Meaning.FLAG, part.kind, quantity] = worst + by_bucket
            # values that an instant held before it was written anew as failed
            stale = part.select(f"count({name(quantity)})", query.start_ns, end_ns, f"{code} >= {Flag.FAIL:d}")
            statements[_Meaning.STALE, part.kind, quantity] = stale + by_device
    answers: dict[_Meaning, dict[Key, dict[int, float]]] = {meaning: {} for meaning in _Meaning}
    results = await connection.query(list(statements.values()))
    for (meaning, kind, quantity), tables in zip(statements, results, strict=True):
        for table in tables:
            key = (table.tags[layout.TAG_DEVICE], quantity, kind)
            answers[meaning][key] = {row[0]: float(row[1]) for row in table.rows if row[1] is not None}
    found = _Found(odd={key for key, count in answers[_Meaning.STALE].items() if any(count.values())})
    for key, buckets in answers[_Meaning.AGGREGATE].items():
        worst_of = answers[_Meaning.FLAG].get(key, {})
        found.points[key] = [Value(at, value, int(worst_of.get(at, Flag.GOOD))) for at, value in buckets.items()]
    return found


async def _aggregated_here(
    connection: Connection, parts: list[Part], query: SeriesQuery, end_ns: int, odd: dict[Key, Sum]
) -> dict[Key, list[Value]]:
    """Fetch what must be aggregated here: instants that are there in two versions or under two tag sets."""
    total = sum(one.fit + one.failed for one in odd.values())
    if total > MAX_AGGREGATED:
        raise QueryRefused(f"{total} values would have to be aggregated one by one: ask for a shorter range")
    wanted: list[tuple[Part, list[str], Only | None]] = []
    for part in parts:
        for quantity in part.quantities:
            devices = frozenset(device for device, one, kind in odd if (one, kind) == (quantity, part.kind))
            if devices:
                wanted.append((part, [quantity], Only(devices)))
    return await _raw(connection, wanted, query.start_ns, end_ns) if wanted else {}


def _call(aggregate: Aggregate, quantity: str) -> str:
    percent = percentile_of(aggregate)
    return f"{aggregate}({name(quantity)})" if percent is None else f"percentile({name(quantity)}, {percent})"
