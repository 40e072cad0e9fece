"""Many readings of one kind as columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from city.reading import Flag, Reading

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Rows = NDArray[np.int32]
Flags = NDArray[np.uint8]


class Place(NamedTuple):
    """Where a device belongs; an empty string means not known."""

    province: str
    district: str = ""
    owner: str = ""


NOWHERE = Place("")


@dataclass(slots=True)
class Batch:
    """Readings of one kind, `n` rows in order of receipt: of two for the same instant the later one wins.

    Attributes:
        kind: Key of the kind.
        devices: The distinct device ids, `m` of them.
        index: (n,) row to position in `devices`.
        time_ns: (n,) instants, nanoseconds UTC.
        values: Quantity to (n,) values; NaN where the row lacks it.
        lat: (n,) degrees north, NaN where unknown; None when no row has a position.
        lon: (n,) degrees east, likewise.
        flags: Quantity to (n,) `Flag` codes, only for quantities with a value that isn't good.
        places: (m,) where each device belongs; empty until ingest has looked them up.
        rx_ns: When ingest took the batch, nanoseconds UTC; 0 before.
    """

    kind: str
    devices: list[str]
    index: Rows
    time_ns: Times
    values: dict[str, Floats]
    lat: Floats | None = None
    lon: Floats | None = None
    flags: dict[str, Flags] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    rx_ns: int = 0

    def __len__(self) -> int:
        return len(self.time_ns)

    @classmethod
    def from_readings(cls, readings: Sequence[Reading]) -> "Batch":
        """Turn rows of one kind (at least one) into columns."""
        numbers: dict[str, int] = {}
        index = [numbers.setdefault(r.device, len(numbers)) for r in readings]
        values = [r.values for r in readings]
        keys = dict.fromkeys(key for row in values for key in row)
        batch = cls(
            kind=readings[0].kind,
            devices=list(numbers),
            index=np.array(index, np.int32),
            time_ns=np.array([r.time_ns for r in readings], np.int64),
            values={key: _floats(row.get(key) for row in values) for key in keys},
        )
        if any(r.lat is not None for r in readings):
            batch.lat = _floats(r.lat for r in readings)
            batch.lon = _floats(r.lon for r in readings)
        for key in dict.fromkeys(key for r in readings for key in r.flags):
            batch.flags[key] = np.array([r.flags.get(key, Flag.GOOD) for r in readings], np.uint8)
        return batch

    def readings(self) -> list[Reading]:
        """Turn the columns back into rows: for tests, quarantine and the journal's readers."""
        return [self.reading(row) for row in range(len(self))]

    def reading(self, row: int) -> Reading:
        """One row as a reading; `row` counts from 0."""
        lat = None if self.lat is None or np.isnan(self.lat[row]) else float(self.lat[row])
        lon = None if self.lon is None or np.isnan(self.lon[row]) else float(self.lon[row])
        return Reading(
            device=self.devices[self.index[row]],
            kind=self.kind,
            time_ns=int(self.time_ns[row]),
            values={key: float(column[row]) for key, column in self.values.items() if not np.isnan(column[row])},
            lat=lat,
            lon=lon,
            flags={
                key: int(column[row])
                for key, column in self.flags.items()
                if column[row] != Flag.GOOD and not np.isnan(self.values[key][row])
            },
        )

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Batch":
        """Keep only some rows (positions or a mask of shape (n,)); devices stay as they are."""
        return Batch(
            kind=self.kind,
            devices=self.devices,
            index=self.index[rows],
            time_ns=self.time_ns[rows],
            values={key: column[rows] for key, column in self.values.items()},
            lat=None if self.lat is None else self.lat[rows],
            lon=None if self.lon is None else self.lon[rows],
            flags={key: column[rows] for key, column in self.flags.items()},
            places=self.places,
            rx_ns=self.rx_ns,
        )


def concat(parts: Sequence[Batch]) -> Batch:
    """Join batches of one kind (at least one) in order; their `places` are dropped, to be looked up once."""
    first = parts[0]
    if len(parts) == 1:
        return first
    # all names in one list, so that C looks them up and not Python: packs come by the fifty
    names = list(chain.from_iterable(part.devices for part in parts))
    numbers = {device: number for number, device in enumerate(dict.fromkeys(names))}
    renumber = np.fromiter(map(numbers.__getitem__, names), np.int32, len(names))
    starts = accumulate((len(part.devices) for part in parts), initial=0)
    positioned = any(part.lat is not None for part in parts)
    keys = dict.fromkeys(key for part in parts for key in part.values)
    flagged = dict.fromkeys(key for part in parts for key in part.flags)
    return Batch(
        kind=first.kind,
        devices=list(numbers),
        index=renumber[np.concatenate([part.index + start for part, start in zip(parts, starts, strict=False)])],
        time_ns=np.concatenate([part.time_ns for part in parts]),
        values={key: np.concatenate([_column(part, part.values.get(key)) for part in parts]) for key in keys},
        lat=np.concatenate([_column(part, part.lat) for part in parts]) if positioned else None,
        lon=np.concatenate([_column(part, part.lon) for part in parts]) if positioned else None,
        flags={key: np.concatenate([_good(part, part.flags.get(key)) for part in parts]) for key in flagged},
    )


class Merge(NamedTuple):
    """A batch with each (device, instant) once.

    Attributes:
        batch: The k rows that are left, in the order of receipt of the last of each.
        kept: (k,) the row of the original that each of them was.
        into: (n,) the row of `batch` that each original one went into.
    """

    batch: Batch
    kept: NDArray[np.intp]
    into: NDArray[np.intp]


def merge_instants(batch: Batch) -> Merge:
    """Join rows of the same device and instant, value by value: the last one wins, as in every store."""
    order = np.lexsort((batch.time_ns, batch.index))
    device, time = batch.index[order], batch.time_ns[order]
    same = (device[1:] == device[:-1]) & (time[1:] == time[:-1])
    if not same.any():
        return Merge(batch, np.arange(len(batch)), np.arange(len(batch)))
    whole = batch.take(np.arange(len(batch)))  # a copy, to be written over
    columns = [(column, whole.flags.get(key)) for key, column in whole.values.items()]
    columns += [(column, None) for column in (whole.lat, whole.lon) if column is not None]
    start = np.flatnonzero(np.append(True, ~same))
    size = np.diff(np.append(start, len(batch)))
    rank = np.arange(len(batch)) - np.repeat(start, size)
    for step in range(1, int(rank.max()) + 1):
        at = np.flatnonzero(rank == step)
        older, newer = order[at - 1], order[at]
        for column, flags in columns:
            lacks = np.isnan(column[newer])
            column[newer[lacks]] = column[older[lacks]]
            if flags is not None:
                flags[newer[lacks]] = flags[older[lacks]]
    last = order[np.append(~same, True)]
    kept = np.sort(last)
    into = np.empty(len(batch), np.intp)
    into[order] = np.searchsorted(kept, np.repeat(last, size))
    return Merge(whole.take(kept), kept, into)


def _floats(cells: Iterable[float | None]) -> Floats:
    # numpy turns None into NaN when it is told the type
    return np.array(list(cells), np.float64)


def _column(part: Batch, column: Floats | None) -> Floats:
    return np.full(len(part), np.nan) if column is None else column


def _good(part: Batch, column: Flags | None) -> Flags:
    return np.full(len(part), Flag.GOOD, np.uint8) if column is None else column
