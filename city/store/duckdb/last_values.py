"""The newest value of every series, in memory: what keeps rows unique without a primary key.

A row that is strictly newer than the last value of its series can't be in the file yet, so it is a plain append. Only
the others, late or sent again, must be looked up and replaced. The cache also answers `latest`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city.batch import Flags, Floats, Times
from city.store.port import Selection

NEVER: Final = np.iinfo(np.int64).min
"""Time of the last value of a series that has no rows."""

_NONE: Final = -1

Ids = NDArray[np.uint32]
Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class NewSeries:
    """Series that a batch brings and the file doesn't know yet; ids count up from `first`."""

    first: int
    keys: list[tuple[str, str, str]]


@dataclass(slots=True)
class LastValueCache:
    """Numbers of series, and the last value of each.

    Attributes:
        time: By id of the series: instant of its newest value, `NEVER` without one.
        value: That value.
        flag: Its flag.
        count: How many series there are; the columns may be longer.
        series: (kind, device) to quantity to id.
    """

    time: Times = field(default_factory=lambda: np.full(1024, NEVER, np.int64))
    value: Floats = field(default_factory=lambda: np.zeros(1024))
    flag: Flags = field(default_factory=lambda: np.zeros(1024, np.uint8))
    count: int = 0
    series: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    _devices: dict[str, dict[str, int]] = field(default_factory=dict)
    _ids: dict[tuple[str, str], Numbers] = field(default_factory=dict)

    def numbers(self, kind: str, devices: list[str]) -> Numbers:
        """Number the devices of a kind from 0; positions in `ids`. Numbers of one process, never stored."""
        known = self._devices.setdefault(kind, {})
        return np.array([known.setdefault(device, len(known)) for device in devices], np.int32)

    def ids(self, kind: str, quantity: str) -> Numbers:
        """By number of the device: id of the series, negative where there is none."""
        ids = self._ids.get((kind, quantity))
        devices = len(self._devices.get(kind, ()))
        if ids is None or len(ids) < devices:
            grown = np.full(devices + devices // 2, _NONE, np.int32)
            if ids is not None:
                grown[: len(ids)] = ids
            self._ids[kind, quantity] = ids = grown
        return ids

    def reserve(self, count: int) -> None:
        """Make room for so many series."""
        if count > len(self.time):
            more = max(count, 2 * len(self.time)) - len(self.time)
            self.time = np.concatenate([self.time, np.full(more, NEVER, np.int64)])
            self.value = np.concatenate([self.value, np.zeros(more)])
            self.flag = np.concatenate([self.flag, np.zeros(more, np.uint8)])

    def admit(self, new_series: NewSeries) -> None:
        """Take in series that the file knows from now on."""
        self.reserve(new_series.first + len(new_series.keys))
        for number, (kind, device, quantity) in enumerate(new_series.keys, new_series.first):
            known = self._devices.setdefault(kind, {})
            place = known.setdefault(device, len(known))
            self.ids(kind, quantity)[place] = number
            self.series.setdefault((kind, device), {})[quantity] = number
        self.count = new_series.first + len(new_series.keys)

    def advance(self, ids: NDArray[np.integer], time: Times, value: Floats, flag: Flags) -> None:
        """Replace the last values of these series (each at most once) where the row is as new or newer."""
        newer = time >= self.time[ids]
        ids = ids[newer]
        self.time[ids], self.value[ids], self.flag[ids] = time[newer], value[newer], flag[newer]

    def select(self, devices: Selection, kinds: Selection) -> Iterator[tuple[str, str, dict[str, int]]]:
        """Give kind, device and series (quantity to id) of all that are selected."""
        for (kind, device), series in self.series.items():
            if kind in kinds and device in devices:
                yield kind, device, series
