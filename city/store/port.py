"""The store port: what ingest writes to and the API asks.

No query string, dict or driver type crosses it; one contract suite runs on every adapter.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Protocol, Self

from city.batch import Batch, Rows, Times
from city.catalog import Aggregate
from city.errors import QueryRefused
from city.store import layout

MAX_POINTS: Final = 50_000
"""Points that one answer may hold."""


class All:
    """Selects all there is; a class of its own, so that an empty set can't mean it."""

    def __repr__(self) -> str:
        return "ALL"

    def __contains__(self, key: str) -> bool:
        return True


ALL: Final = All()


@dataclass(frozen=True, slots=True)
class Only:
    """Selects these and no others; an empty set selects nothing."""

    keys: frozenset[str]

    @classmethod
    def of(cls, *keys: str) -> Self:
        """Select keys that are written out: `Only.of("a", "b")`."""
        return cls(frozenset(keys))

    def __contains__(self, key: str) -> bool:
        return key in self.keys


Selection = All | Only


@dataclass(frozen=True, slots=True)
class Box:
    """A bounding box in degrees (WGS 84), edges included; west > east crosses the date line."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, lat: float, lon: float) -> bool:
        """Tell whether a position lies in it."""
        inside = self.west <= lon <= self.east if self.west <= self.east else lon >= self.west or lon <= self.east
        return inside and self.south <= lat <= self.north


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """The store's answer to a batch.

    Attributes:
        rejected: Row to reason, for rows that the store refuses for ever; all others are durable.
    """

    rejected: dict[int, str] = field(default_factory=dict)


class Value(NamedTuple):
    """One value of one quantity at one instant."""

    time_ns: int
    value: float
    flag: int


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest value of everything that one device sends.

    Attributes:
        device: Id of the device.
        kind: Its kind.
        values: Quantity to its newest value, a failed one included.
        lat: Newest known position, degrees north, or None.
        lon: Degrees east, or None.
    """

    device: str
    kind: str
    values: dict[str, Value]
    lat: float | None = None
    lon: float | None = None

    @property
    def time_ns(self) -> int:
        """Instant of the newest value."""
        return max(value.time_ns for value in self.values.values())


@dataclass(frozen=True, slots=True)
class LatestQuery:
    """Which newest values.

    Attributes:
        devices: Of which devices.
        kinds: Of which kinds.
    """

    devices: Selection = ALL
    kinds: Selection = ALL


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Values over time: raw, or aggregated into buckets.

    Attributes:
        devices: Devices and the kinds of each (a device without readings yields no series).
        quantities: Of which quantities; ALL for all that the devices have. `lat` and `lon` may be named and
            come like quantities; ALL leaves them out.
        start_ns: First instant, inclusive.
        end_ns: End, exclusive.
        every_ns: Width of a bucket, aligned to the epoch; None for raw values.
        aggregate: How a bucket becomes one value; failed and missing values never enter it. Percentile p of n values is
            the one of rank `floor(n * p / 100 + 0.5)`, as InfluxQL counts, so that boards show the same numbers.
        max_points: Most points in the whole answer (raw and aggregated).
    """

    devices: dict[str, tuple[str, ...]]
    quantities: Selection
    start_ns: int
    end_ns: int
    every_ns: int | None = None
    aggregate: Aggregate = Aggregate.MEAN
    max_points: int = MAX_POINTS

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            QueryRefused: An empty or reversed range, or a bucket of no width.
        """
        if self.end_ns <= self.start_ns:
            raise QueryRefused("end must be later than start")
        if self.every_ns is not None and self.every_ns <= 0:
            raise QueryRefused("every must be longer than nothing")


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity of one device, as one kind, over the asked range.

    Attributes:
        device: Id of the device.
        quantity: Key of the quantity.
        kind: Kind under which it was measured.
        points: Rising in time. Raw: instant, value, its flag. Aggregated: start of the bucket, its value, and the worst
            flag of the values that entered it; a bucket whose values all failed is absent.
        completeness: Distinct instants that have a value which isn't failed, over the number expected by the
            kind's cadence in the range (at least 1), capped at 1.0.
        worst_flag: Worst `Flag` of any value in the range, failed ones included.
    """

    device: str
    quantity: str
    kind: str
    points: list[Value]
    completeness: float
    worst_flag: int


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """Series sorted by device, quantity and kind.

    Attributes:
        series: One for each device, quantity and kind with any value in the range.
        next_ns: When `most` cut the answer: ask again from this instant on. The answer is then that to the same
            question with this end: every series holds all its points before it and none from it on.
    """

    series: list[Series]
    next_ns: int | None = None


@dataclass(frozen=True, slots=True)
class InstantsQuery:
    """Which instants of one kind are listed.

    Attributes:
        kind: Key of the kind.
        start_ns: First instant, inclusive.
        end_ns: End, exclusive.
        device: Of this device alone; empty: of all.
        limit: How much one answer may hold: values, or instants, whichever the store counts faster.
    """

    kind: str
    start_ns: int
    end_ns: int
    device: str = ""
    limit: int = MAX_POINTS


@dataclass(frozen=True, slots=True)
class Instants:
    """The instants at which devices have any value, each (device, instant) once, in no order.

    Attributes:
        devices: The distinct device ids.
        index: (n,) row to position in `devices`.
        time_ns: (n,) instants.
        rx_ns: (n,) when ingest took what was written last; a microsecond more or less.
        end_ns: All before it are here: the asked end, or an earlier one where the limit cut the answer.
    """

    devices: list[str]
    index: Rows
    time_ns: Times
    rx_ns: Times
    end_ns: int


def completeness(instants: int, start_ns: int, end_ns: int, cadence_s: int) -> float:
    """Share of the expected samples that is there, 0 to 1."""
    expected = max(1, (end_ns - start_ns) // (cadence_s * 1_000_000_000))
    return min(1.0, instants / expected)


def wants(query: SeriesQuery, quantity: str) -> bool:
    """Tell whether a quantity, or a coordinate, is asked for."""
    return quantity in query.quantities and not (query.quantities is ALL and quantity in layout.POSITION)


def percentile_of(aggregate: Aggregate) -> int | None:
    """Percentile that an aggregate stands for; None when it is another one."""
    return int(aggregate[1:]) if aggregate.startswith("p") else None


class Store(Protocol):
    """Where readings are kept."""

    async def write(self, batch: Batch) -> WriteOutcome:
        """Make a batch durable; idempotent by (device, quantity, time), the last one wins.

        Raises:
            StoreUnavailable: Nothing is known of the batch: keep it all and send it again.
        """

    async def latest(self, query: LatestQuery) -> list[Latest]:
        """Newest values, sorted by device.

        Raises:
            StoreUnavailable: The store can't answer now.
        """

    async def series(self, query: SeriesQuery) -> SeriesAnswer:
        """Values over time.

        Raises:
            QueryRefused: `most` can't hold a single instant of the asked series, or the buckets need too much memory.
            StoreUnavailable: The store can't answer now.
        """

    async def quantities(self) -> frozenset[str]:
        """Every quantity that it has a place for, of whatever kind.

        Raises:
            StoreUnavailable: The store can't answer now.
        """

    async def instants(self, query: InstantsQuery) -> Instants:
        """List the instants that it holds; of one nanosecond all, whatever the limit.

        Raises:
            QueryRefused: The server's own limits refuse the question.
            StoreUnavailable: The store can't answer now.
        """

    async def kept_ns(self) -> int:
        """Say how old a reading's time may be before the server lets it go; 0: nothing is let go, or it isn't known.

        Raises:
            StoreUnavailable: The store can't answer now.
        """

    async def forget(self, device: str, start_ns: int, end_ns: int) -> None:
        """Delete a device's readings in `[start_ns, end_ns)`; their bytes leave a file of ours too.

        Raises:
            StoreUnavailable: The store can't do it now.
        """

    async def expire(self, before_ns: int) -> int:
        """Delete all readings before an instant; how many values. A server has a retention of its own: 0.

        Raises:
            StoreUnavailable: The store can't do it now.
        """

    async def copy_to(self, path: Path) -> None:
        """Write all that is confirmed into a new file, while others write on.

        Raises:
            ConfigurationError: The store is a server, which has a back-up of its own.
            StoreUnavailable: The store can't do it now.
        """

    async def ping(self) -> None:
        """Return when the store answers.

        Raises:
            StoreUnavailable: It doesn't.
        """

    async def aclose(self) -> None:
        """Let go of files and connections."""
