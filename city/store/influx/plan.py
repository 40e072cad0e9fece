"""What a question finds before anything is fetched: kinds, fields, how much, and where the answer must be cut."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from city.errors import QueryRefused
from city.store import layout
from city.store.influx.http import Connection
from city.store.influx.influxql import name, names, where, within
from city.store.influx.latest import fields_by_kind
from city.store.influx.values import fields_of
from city.store.port import Only, SeriesQuery, wants

_STEPS: Final = 1000  # how finely a range is counted when it must be cut

Key = tuple[str, str, str]
"""Device, quantity and kind."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked of one kind."""

    kind: str
    devices: Only
    quantities: list[str]
    fields: set[str]

    def select(self, what: str, start_ns: int, end_ns: int, *conditions: str, devices: Only | None = None) -> str:
        """Give a SELECT over these devices in `[start_ns, end_ns)`, to which GROUP BY may be added."""
        scope = where(devices or self.devices, *within(start_ns, end_ns), *conditions)
        return f"SELECT {what} FROM {name(self.kind)}{scope}"  # noqa: S608 - names and texts are quoted

    def valued(self) -> list[tuple[str, str]]:
        """Each field that holds values, after its quantity."""
        both = ((quantity, one) for quantity in self.quantities for one in (quantity, layout.failed_field(quantity)))
        return [(quantity, one) for quantity, one in both if one in self.fields]

    def flagged(self) -> list[str]:
        """Quantities of which any value had a flag spelt out."""
        return [quantity for quantity in self.quantities if layout.qc_field(quantity) in self.fields]

    def raw(self, quantities: list[str], start_ns: int, end_ns: int, devices: Only | None = None) -> str:
        """Ask for everything stored of some quantities."""
        wanted = [one for quantity in quantities for one in fields_of(quantity, self.fields)]
        what = names([*wanted, *({layout.RX} & self.fields)])
        return self.select(what, start_ns, end_ns, devices=devices) + f" GROUP BY {name(layout.TAG_DEVICE)}"


@dataclass(slots=True)
class Sum:
    """What a series holds in the range.

    Attributes:
        fit: Values in the field of fit ones.
        failed: Values in the field of failed ones.
        sets: Tag sets that hold any; with more than one, instants may be there twice.
        worst: Worst flag that is spelt out; 0 when none is.
    """

    fit: int = 0
    failed: int = 0
    sets: int = 0
    worst: int = 0


async def parts_of(connection: Connection, query: SeriesQuery) -> list[Part]:
    """Sort the devices by kind, and find the quantities that there are."""
    devices: dict[str, set[str]] = {}
    for device, kinds in query.devices.items():
        for kind in kinds:
            devices.setdefault(kind, set()).add(device)
    if not devices:
        return []
    parts = []
    for kind, fields in (await fields_by_kind(connection, set(devices))).items():
        there = {layout.quantity_of(one) for one in fields} - {None}
        quantities = sorted(one for one in there if one is not None and wants(query, one))
        if quantities:
            parts.append(Part(kind, Only(frozenset(devices[kind])), quantities, fields))
    return parts


async def sums_of(connection: Connection, parts: list[Part], start_ns: int, end_ns: int) -> dict[Key, Sum]:
    """Count the values of each series; series without any are left out."""
    statements = []
    for part in parts:
        counts = [f"count({name(one)})" for _, one in part.valued()]
        codes = [f"max({name(layout.qc_field(one))})" for one in part.flagged()]
        statements.append(part.select(", ".join(counts + codes), start_ns, end_ns) + " GROUP BY *")
    sums: dict[Key, Sum] = {}
    for part, tables in zip(parts, await connection.query(statements), strict=True):
        valued = part.valued()
        for table in tables:
            device, cells = table.tags[layout.TAG_DEVICE], [int(cell or 0) for cell in table.rows[0][1:]]
            here: set[str] = set()
            for (quantity, one), count in zip(valued, cells, strict=False):
                if count:
                    total = sums.setdefault((device, quantity, part.kind), Sum())
                    total.fit += count * (one == quantity)
                    total.failed += count * (one != quantity)
                    total.sets += quantity not in here
                    here.add(quantity)
            for quantity, worst in zip(part.flagged(), cells[len(valued) :], strict=True):
                if quantity in here:
                    total = sums[device, quantity, part.kind]
                    total.worst = max(total.worst, worst)
    return sums


async def cut_of(connection: Connection, parts: list[Part], query: SeriesQuery, sums: dict[Key, Sum]) -> int | None:
    """Find an instant before which the answer fits into `most`; None when all of it does.

    It is found from counts alone, so the answer may be shorter than it could be, but never empty.
    """
    unit = query.every_ns or 1

    def weigh(count: int, span_ns: int) -> int:
        return count if query.every_ns is None else min(count, -(-span_ns // unit) * len(sums))

    start, end = query.start_ns // unit * unit, query.end_ns
    if weigh(sum(one.fit + one.failed for one in sums.values()), end - start) <= query.max_points:
        return None
    while True:
        width = -(-(end - start) // (_STEPS * unit)) * unit
        held, first = 0, None
        for begin, count in sorted((await _counts(connection, parts, max(start, query.start_ns), end, width)).items()):
            first = begin if first is None else first
            held += weigh(count, width)
            if held > query.max_points:
                break
        else:
            return end  # the counts changed meanwhile
        if begin > first:
            return begin
        if width == unit:
            raise QueryRefused(f"{query.max_points} points can't hold one instant of all these series: ask for fewer")
        start, end = max(start, begin), min(end, begin + width)


async def _counts(connection: Connection, parts: list[Part], start_ns: int, end_ns: int, width: int) -> Counter[int]:
    """Count the values of all series together, by buckets of that width."""
    statements = []
    for part in parts:
        what = ", ".join(f"count({name(one)})" for _, one in part.valued())
        statements.append(part.select(what, start_ns, end_ns) + f" GROUP BY time({width}ns) fill(none)")
    counts: Counter[int] = Counter()
    for tables in await connection.query(statements):
        for table in tables:
            for begin, *cells in table.rows:
                counts[begin] += sum(int(cell or 0) for cell in cells)
    return counts
