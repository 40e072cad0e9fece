"""How values of a source are written: label, unit, digits and colours, from the catalog.

The console does the same in `api/console/js/panels/format.js`; `test_printers_agree.py` compares the two.
"""

from dataclasses import dataclass, replace
from typing import Final

from city.catalog import KINDS, PLATFORM, QUANTITIES, Aggregate
from dashboards.panels import counts, label_of, scale_of
from dashboards.scales import PLAIN, SCALES
from dashboards.spec import Account, AllQuantities, CadenceKept, LastSeen, Panel, Readings, Scale, Source, Span, Text


@dataclass(frozen=True, slots=True)
class ValueFormat:
    """How values of a source are written.

    Attributes:
        key: Name of its column: the quantity's key, or what is shown instead.
        label: What people call it.
        unit: UCUM code.
        grafana: Grafana's unit id.
        decimals: Digits that mean something.
        scale: Colours by value.
        bounds: Where an axis begins and ends, for shares of a whole.
    """

    key: str
    label: Text
    unit: str
    grafana: str
    decimals: int
    scale: Scale
    bounds: tuple[float, float] | None = None


_ANY: Final = ValueFormat("value", Text("Value", "ค่า"), "1", "none", 2, PLAIN)
_WHOLE: Final = 100
_GAP_CADENCES: Final = 3


def format_of(source: Source, panel: Panel | None = None) -> ValueFormat:
    """Tell how values of a source are written; the first source's colours may be the panel's own."""
    found = _format(source)
    if panel is None or panel.scale is None or panel.sources[0] != source:
        return found
    return replace(found, scale=panel.scale)


def cadence_of(source: Source) -> int:
    """Give the seconds between two values that are expected; 0 where that means nothing."""
    match source:
        case Readings(every_s=every_s) if every_s:
            return every_s
        case Readings(kind=kind) | CadenceKept(kind=kind):
            return KINDS[kind].cadence_s
        case AllQuantities():
            return min(kind.cadence_s for kind in KINDS.values())
        case _:
            return 0


def gap_of(source: Source) -> int:
    """Give the seconds without a value that make a gap: three missed readings; of any kind, those of the slowest."""
    slowest = max(kind.cadence_s for kind in KINDS.values())
    return _GAP_CADENCES * (slowest if isinstance(source, AllQuantities) else cadence_of(source))


def aggregate_of(source: Readings) -> Aggregate:
    """Give its aggregate, or the catalog's; the newest value is the last one."""
    if source.span is Span.NEWEST:
        return Aggregate.LAST
    return source.aggregate or QUANTITIES[source.quantity].aggregate


def _format(source: Source) -> ValueFormat:
    match source:
        case Readings():
            return _of_quantity(source)
        case Account(figure="difference", label=label):
            return ValueFormat("difference", label or _ANY.label, "1", "short", 0, SCALES["difference"])
        case Account(figure=figure, label=label):
            return _of_quantity(Readings(PLATFORM, f"readings_{figure}", label=label))
        case LastSeen(label=label):
            return ValueFormat("last_seen", label, "ms", "dateTimeFromNow", 0, PLAIN)
        case CadenceKept(label=label):
            return ValueFormat("cadence_kept", label, "%", "percent", 0, SCALES["cadence_kept"], (0.0, float(_WHOLE)))
        case AllQuantities():
            return _ANY


def _of_quantity(source: Readings) -> ValueFormat:
    key, label = source.quantity, source.label or label_of(source.quantity)
    if counts(source):
        return ValueFormat(key, label, "1", "short", 0, PLAIN)
    row = QUANTITIES[key]
    bounds = (row.low, row.high) if row.unit == "%" and row.high == _WHOLE else None
    return ValueFormat(key, label, row.unit, row.grafana, row.decimals, scale_of(source), bounds)
