"""Newest values out of InfluxDB."""

from dataclasses import dataclass
from typing import Any

from city.catalog import KINDS
from city.reading import Flag
from city.store import layout
from city.store.influx.http import Connection, ResultSeries
from city.store.influx.influxql import field_keys, name, names, where
from city.store.port import ALL, Latest, LatestQuery, Only, Value


@dataclass(frozen=True, slots=True)
class _Question:
    """The newest value of one field, with the flag and the time of receipt beside it."""

    kind: str
    quantity: str
    field: str
    statement: str


async def fields_by_kind(connection: Connection, kinds: set[str]) -> dict[str, set[str]]:
    """Ask which fields there are; of all kinds of the catalog when none is named."""
    (tables,) = await connection.query([field_keys(kinds)])
    # a field of another type than float is not ours
    found = {table.measurement: {row[0] for row in table.rows if row[1] == "float"} for table in tables}
    return {kind: fields for kind, fields in found.items() if kind in KINDS and (kind in kinds or not kinds)}


async def latest_of(connection: Connection, query: LatestQuery) -> list[Latest]:
    """Answer by one selector for each field of each kind, all in one request."""
    if any(isinstance(selection, Only) and not selection.keys for selection in (query.devices, query.kinds)):
        return []
    kinds = set(query.kinds.keys) & KINDS.keys() if isinstance(query.kinds, Only) else set[str]()
    if query.kinds is not ALL and not kinds:
        return []
    fields = await fields_by_kind(connection, kinds)
    questions = [
        _question(query, kind, field, quantity, there)
        for kind, there in fields.items()
        for field in sorted(there)
        if (quantity := layout.quantity_of(field)) is not None
    ]
    best: dict[tuple[str, str], dict[str, tuple[int, float, float, int]]] = {}
    answers = await connection.query([question.statement for question in questions])
    for question, tables in zip(questions, answers, strict=True):
        for table in tables:
            candidate = _candidate(question, table)
            if candidate is not None:
                device = best.setdefault((table.tags[layout.TAG_DEVICE], question.kind), {})
                device[question.quantity] = max(candidate, device.get(question.quantity, candidate))
    return [latest for (device, kind), found in sorted(best.items()) if (latest := _latest(device, kind, found))]


def _question(query: LatestQuery, kind: str, field: str, quantity: str, there: set[str]) -> _Question:
    beside = [other for other in (layout.qc_field(quantity), layout.RX) if other in there]
    statement = (
        f"SELECT last({name(field)}), {names(beside)} FROM {name(kind)}"  # noqa: S608 - names are quoted
        f"{where(query.devices)} GROUP BY *"
    )
    return _Question(kind, quantity, field, statement)


def _candidate(question: _Question, table: ResultSeries) -> tuple[int, float, float, int] | None:
    """Read instant, receipt, value and flag; None when another version of the instant took its place."""
    row: dict[str, Any] = dict(zip(table.columns, table.rows[0], strict=True))
    failed = question.field != question.quantity
    code = row.get(layout.qc_field(question.quantity))
    flag = int(code) if code is not None else int(Flag.FAIL if failed else Flag.GOOD)
    if failed != (flag >= Flag.FAIL):
        return None
    return row["time"], float(row.get(layout.RX) or 0), float(row["last"]), flag


def _latest(device: str, kind: str, found: dict[str, tuple[int, float, float, int]]) -> Latest | None:
    values = {quantity: Value(time, value, flag) for quantity, (time, _, value, flag) in found.items()}
    lat, lon = values.pop(layout.LAT, None), values.pop(layout.LON, None)
    if not values:
        return None
    return Latest(device, kind, values, lat.value if lat else None, lon.value if lon else None)
