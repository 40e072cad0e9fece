"""Short ways to say what boards say often; each gives a part of the spec."""

from city.catalog import KINDS, QUANTITIES, Aggregate
from dashboards.scales import PLAIN, SCALES
from dashboards.spec import Across, Group, Panel, Plot, Readings, Scale, Source, Span, Text, Where


def label_of(key: str) -> Text:
    """Give the catalog's label of a quantity, in both languages."""
    return Text(QUANTITIES[key].en, QUANTITIES[key].th)


def kind_label(key: str) -> Text:
    """Give the catalog's label of a kind, in both languages."""
    return Text(KINDS[key].en, KINDS[key].th)


def scale_of(source: Source) -> Scale:
    """Give the colours of a source's quantity; counted devices have none."""
    if isinstance(source, Readings) and not counts(source):
        return SCALES.get(source.quantity, PLAIN)
    return PLAIN


def counts(source: Readings) -> bool:
    """Tell whether it shows a number of devices or samples and not the quantity."""
    return source.aggregate is Aggregate.COUNT or (source.group is not Group.DEVICE and source.across is Across.COUNT)


def newest(kind: str, quantity: str, group: Group = Group.DEVICE, across: Across = Across.MEAN) -> Readings:
    """Last value of each device, or what the devices of a group make of them."""
    return Readings(kind, quantity, Span.NEWEST, group, across=across)


def total(kind: str, quantity: str, group: Group = Group.ALL) -> Readings:
    """Sum over the range and over devices."""
    return Readings(kind, quantity, Span.WHOLE, group, Aggregate.SUM, Across.SUM)


def over(kind: str, quantity: str, group: Group = Group.DEVICE, across: Across = Across.MEAN) -> Readings:
    """Buckets over time, as wide as the screen wants them but never narrower than the cadence."""
    return Readings(kind, quantity, Span.BUCKETS, group, across=across)


def how_many(kind: str, quantity: str, label: Text, where: Where | None = None) -> Readings:
    """Give the number of devices whose last value is so."""
    return Readings(kind, quantity, Span.NEWEST, Group.ALL, across=Across.COUNT, where=where, label=label)


def stat(
    key: str, title: Text, description: Text, *sources: Source, width: int = 4, empty: Text | None = None
) -> Panel:
    """Give a panel of one or a few big numbers."""
    return Panel(key, title, description, Plot.STAT, sources, width, 4, drill=False, empty=empty)


def table(
    key: str, title: Text, description: Text, *sources: Source, width: int = 12, empty: Text | None = None
) -> Panel:
    """Give a panel of a row for each device."""
    return Panel(key, title, description, Plot.TABLE, sources, width, 9, empty=empty)


def lines(
    key: str, title: Text, description: Text, *sources: Source, width: int = 12, scale: Scale | None = None
) -> Panel:
    """Give a panel of lines over time, gaps left open."""
    return Panel(key, title, description, Plot.TIMESERIES, sources, width, 8, scale)


def states(
    key: str, title: Text, description: Text, source: Source, width: int = 12, scale: Scale | None = None
) -> Panel:
    """Give a panel of coloured bands over time, one a device."""
    return Panel(key, title, description, Plot.STATES, (source,), width, 8, scale)


def bars(key: str, title: Text, description: Text, source: Source, width: int = 6) -> Panel:
    """Give a panel of one bar for each group."""
    return Panel(key, title, description, Plot.BARS, (source,), width, 8)


def device_map(key: str, title: Text, description: Text, *sources: Source, width: int = 12) -> Panel:
    """Give a map of devices, coloured by value."""
    return Panel(key, title, description, Plot.MAP, sources, width, 12)
