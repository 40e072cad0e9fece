"""A source as InfluxQL, with Grafana's macros, under the names of the store's layout.

Values that failed a check lie in fields of another name, so a plain mean is right. One selector a statement; devices
are aggregated one by one in a subquery before they become a group's value, as the console does it.
"""

from collections.abc import Iterable
from typing import Final

from city.catalog import KINDS, PLATFORM, Aggregate
from city.outcomes import COUNTED
from city.store import layout
from city.store.port import percentile_of
from dashboards.spec import (
    Account,
    Across,
    AllQuantities,
    CadenceKept,
    Group,
    LastSeen,
    Readings,
    Source,
    Span,
    Variable,
)
from dashboards.value_format import aggregate_of, format_of

TIME: Final = "$timeFilter"
TAGS: Final = {
    Variable.PROVINCE: layout.TAG_PROVINCE,
    Variable.DISTRICT: layout.TAG_DISTRICT,
    Variable.OWNER: layout.TAG_OWNER,
    Variable.DEVICE: layout.TAG_DEVICE,
}
"""Variables that choose a tag's values."""

_GROUPS: Final = {
    Group.ALL: "",
    Group.DEVICE: layout.TAG_DEVICE,
    Group.DISTRICT: layout.TAG_DISTRICT,
    Group.OWNER: layout.TAG_OWNER,
}


def query(source: Source, variables: Iterable[Variable] = ()) -> str:
    """Write the statement for a source on a board with these variables."""
    chosen = conditions(variables)
    match source:
        case Readings(group=Group.DEVICE):
            return _by_device(source, chosen)
        case Readings():
            return _by_group(source, chosen)
        case Account():
            return _account(source, chosen)
        case LastSeen(kinds=kinds):
            rx = quoted(layout.RX)
            return select(f'last({rx}) AS "last_seen"', measurements(kinds), [*chosen, TIME], [layout.TAG_DEVICE])
        case CadenceKept(kind=kind, quantity=quantity):
            share = f"count({quoted(quantity)}) * {100 * KINDS[kind].cadence_s} / $__range_s"
            return select(f'{share} AS "cadence_kept"', quoted(kind), [*chosen, TIME], [layout.TAG_DEVICE])
        case AllQuantities():
            # the one place where quantity and kind are chosen on the board
            what = 'mean("${quantity}") AS "${quantity}"'
            return select(what, '"${kind}"', [*chosen, TIME], ["$__interval"], "null")


def select(what: str, where_from: str, conditions: list[str], groups: list[str], fill: str = "") -> str:
    """Put a statement together; a group that is a width becomes `time(...)`."""
    by = [f"time({group})" if group[0] == "$" or group[0].isdigit() else quoted(group) for group in groups]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    return f"SELECT {what} FROM {where_from}{where}{grouped}{f' fill({fill})' if fill else ''}"  # noqa: S608 - of the catalog's keys


def conditions(variables: Iterable[Variable]) -> list[str]:
    """Hold tags to what is chosen; everything is `.*`, which devices without the tag match as well."""
    return [f"{quoted(TAGS[one])} =~ /^${{{one}:regex}}$/" for one in variables if one in TAGS]


def quoted(key: str) -> str:
    """Quote a key; keys hold neither quotes nor backslashes."""
    return f'"{key}"'


def measurements(kinds: Iterable[str]) -> str:
    """List kinds as a FROM clause wants them."""
    return ", ".join(map(quoted, kinds))


def _by_device(source: Readings, chosen: list[str]) -> str:
    what = f"{_call(aggregate_of(source), source.quantity)} AS {quoted(source.quantity)}"
    groups = [*_width(source), layout.TAG_DEVICE]
    fill = "null" if source.span is Span.BUCKETS else ""
    return select(what, quoted(source.kind), [*chosen, TIME], groups, fill)


def place_query(source: Readings, variables: Iterable[Variable]) -> str:
    """Write the statement for a map: the newest value of each device and where it was measured."""
    what = f"last({quoted(source.quantity)}) AS {quoted(source.quantity)}, {quoted(layout.LAT)}, {quoted(layout.LON)}"
    return select(what, quoted(source.kind), [*conditions(variables), TIME], [layout.TAG_DEVICE])


def _by_group(source: Readings, chosen: list[str]) -> str:
    groups = [_GROUPS[source.group]] if _GROUPS[source.group] else []
    inner = select(
        f'{_call(aggregate_of(source), source.quantity)} AS "value"',
        quoted(source.kind),
        [*chosen, TIME],
        [*_width(source), layout.TAG_DEVICE, *groups],
        "none" if source.span is Span.BUCKETS else "",
    )
    # a list of conditions of its own: the outer statement knows values by the subquery's name alone
    held = [f'"value" {source.where.sign} {source.where.value:g}'] if source.where else []
    return select(
        f'{source.across}("value") AS {quoted(source.quantity)}',
        f"({inner})",
        [*held, TIME],
        [*_width(source), *groups],
        "null" if source.span is Span.BUCKETS else "",
    )


def _account(source: Account, chosen: list[str]) -> str:
    key = format_of(source).key
    groups = [layout.TAG_DEVICE] if source.by_gateway else []
    if source.figure == "difference":
        total, *parts = (f'sum("readings_{figure}")' for figure in COUNTED)
        return select(f'{" - ".join([total, *parts])} AS "difference"', quoted(PLATFORM), [*chosen, TIME], groups)
    if source.figure in COUNTED:
        return select(f"sum({quoted(key)}) AS {quoted(key)}", quoted(PLATFORM), [*chosen, TIME], groups)
    now = Readings(PLATFORM, key, Span.NEWEST, Group.DEVICE if source.by_gateway else Group.ALL, across=Across.SUM)
    return _by_device(now, chosen) if source.by_gateway else _by_group(now, chosen)


def _width(source: Readings) -> list[str]:
    if source.span is not Span.BUCKETS:
        return []
    return [f"{source.every_s}s" if source.every_s else "$__interval"]


def _call(aggregate: Aggregate, quantity: str) -> str:
    percent = percentile_of(aggregate)
    return f"{aggregate}({quoted(quantity)})" if percent is None else f"percentile({quoted(quantity)}, {percent})"
