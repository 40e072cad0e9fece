"""What a board is: sections of panels that name catalog quantities, and nothing of any tool that draws them.

These structs are written to `console.json` as they are: each is an object, each source says in `source` which it is.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from city.catalog import Aggregate


class Text(Struct, frozen=True):
    """The same words in the languages of the boards."""

    en: str
    th: str

    def of(self, language: str) -> str:
        """Give the words of one language, `en` or `th`."""
        return self.th if language == "th" else self.en


LANGUAGES: Final = Text.__struct_fields__


class Plot(StrEnum):
    """How a panel is drawn."""

    STAT = "stat"
    TIMESERIES = "timeseries"
    BARS = "bars"
    COLUMNS = "columns"
    TABLE = "table"
    MAP = "map"
    STATES = "states"


class Span(StrEnum):
    """What of the range a source shows.

    BUCKETS is a value a bucket, NEWEST the last one, WHOLE one value for all the range: a sum, count, minimum or
    maximum, because a mean of means would be another number.
    """

    BUCKETS = "buckets"
    NEWEST = "newest"
    WHOLE = "whole"


class Group(StrEnum):
    """What becomes one line, bar or row; groups other than the device are made by `Across`."""

    ALL = "all"
    DEVICE = "device"
    DISTRICT = "district"
    OWNER = "owner"


class Across(StrEnum):
    """How the devices of a group become one value, after each device's own values have been aggregated.

    So a device that speaks more often doesn't weigh more.
    """

    MEAN = "mean"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


class Where(Struct, frozen=True):
    """Only devices whose aggregated value is so: `sign` is one of `<`, `<=`, `>`, `>=`, `=`."""

    sign: str
    value: float


class Readings(Struct, frozen=True, tag_field="source", tag="readings"):
    """Values of one quantity of one kind.

    Attributes:
        kind: Key of the kind.
        quantity: Key of the quantity.
        span: What of the range.
        group: What becomes one line.
        aggregate: How a bucket, or the range, of one device becomes one value; the catalog's if None.
        across: How devices become their group's value; without meaning where the group is the device.
        where: Only devices with such a value; for groups of devices.
        label: What it is called; the catalog's label if None.
        every_s: A bucket's fixed width in seconds; 0 leaves it to the screen's width.
    """

    kind: str
    quantity: str
    span: Span = Span.BUCKETS
    group: Group = Group.DEVICE
    aggregate: Aggregate | None = None
    across: Across = Across.MEAN
    where: Where | None = None
    label: Text | None = None
    every_s: int = 0


class Account(Struct, frozen=True, tag_field="source", tag="account"):
    """A figure of the ledger over the range, of everything or by gateway.

    Attributes:
        figure: `received`, `stored`, `duplicate`, `quarantined`, `rejected`, `merged`, `pending` or `missing`; or
            `difference`, which is what was received less all that became of it.
        by_gateway: One value for each gateway.
        label: What it is called; the catalog's label of `readings_<figure>` if None.
    """

    figure: str
    by_gateway: bool = False
    label: Text | None = None


class LastSeen(Struct, frozen=True, tag_field="source", tag="last_seen"):
    """When each device of some kinds measured last, in milliseconds since 1970."""

    kinds: tuple[str, ...]
    label: Text = Text("Last measurement", "วัดครั้งล่าสุด")


class CadenceKept(Struct, frozen=True, tag_field="source", tag="cadence_kept"):
    """How much of its kind's cadence each device kept over the range, in percent, by one of its quantities."""

    kind: str
    quantity: str
    label: Text = Text("Cadence kept", "ความสม่ำเสมอ")


class AllQuantities(Struct, frozen=True, tag_field="source", tag="all_quantities"):
    """Every quantity that the chosen device measures, a panel each."""


Source = Readings | Account | LastSeen | CadenceKept | AllQuantities


class Band(Struct, frozen=True):
    """A colour from a value on; the first band of a scale has no value and begins below everything."""

    start: float | None
    colour: str
    means: Text


Scale = tuple[Band, ...]


class Panel(Struct, frozen=True):
    """One panel.

    Attributes:
        key: Its name on the board, snake_case.
        title: Its title.
        description: What it shows and how to read it.
        plot: How it is drawn.
        sources: What it shows; more than one make columns, lines or numbers beside each other.
        width: Columns of 24.
        height: Grid rows.
        scale: Colours by value; of the first source's quantity if None.
        drill: Whether a click on a device leads to its board.
        empty: Why it may be empty, said where there is nothing to show; None: it never should be.
    """

    key: str
    title: Text
    description: Text
    plot: Plot
    sources: tuple[Source, ...]
    width: int = 8
    height: int = 8
    scale: Scale | None = None
    drill: bool = True
    empty: Text | None = None


class Section(Struct, frozen=True):
    """Panels under one heading, from left to right."""

    title: Text
    panels: tuple[Panel, ...]


class Variable(StrEnum):
    """What the reader of a board chooses."""

    PROVINCE = "province"
    DISTRICT = "district"
    OWNER = "owner"
    DEVICE = "device"
    KIND = "kind"
    QUANTITY = "quantity"


SELECTORS: Final = (Variable.PROVINCE, Variable.DISTRICT, Variable.OWNER, Variable.DEVICE)
"""What most boards let the reader choose."""


class Board(Struct, frozen=True):
    """One board.

    Attributes:
        key: Its name in addresses and files, kebab-case.
        title: Its title.
        description: For whom it is and what it answers.
        sections: Panels.
        variables: What the reader chooses.
        hours: Range shown at first.
    """

    key: str
    title: Text
    description: Text
    sections: tuple[Section, ...]
    variables: tuple[Variable, ...] = SELECTORS
    hours: int = 6

    @property
    def panels(self) -> list[Panel]:
        """All panels, in order."""
        return [panel for section in self.sections for panel in section.panels]

    @property
    def kinds(self) -> list[str]:
        """Kinds that it shows, in order of appearance."""
        found: dict[str, None] = {}
        for source in (source for panel in self.panels for source in panel.sources):
            found |= dict.fromkeys(kinds_of(source))
        return list(found)


def kinds_of(source: Source) -> tuple[str, ...]:
    """Tell which kinds a source shows; those of an account are none, because the ledger counts all."""
    match source:
        case Readings(kind=kind) | CadenceKept(kind=kind):
            return (kind,)
        case LastSeen(kinds=kinds):
            return kinds
        case _:
            return ()
