"""What a model is given: some devices of one kind, each at an instant."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from city.batch import Floats
from simulators.calendar import CivilTime, monthly
from simulators.province import Province
from simulators.randomness import Keys, smooth
from simulators.roads import Roads


@dataclass(frozen=True, slots=True)
class Scene:
    """Devices at instants, (n,) of each column.

    Attributes:
        province: Where they are.
        roads: Its polylines.
        whole: (1,) key of the whole province, for what all share.
        keys: Chance of each device.
        areas: Chance of each device's district.
        riders: Chance of the vehicle that carries the device.
        road: The road that this vehicle uses.
        lat: Where the device stands, degrees north.
        lon: Degrees east.
        gauge: (n, 3) bank and bed (m above mean sea level) and ordinary flow (m3/s).
        when: The instants.
        interval_s: Seconds between two readings of a device, for what is counted in between.
    """

    province: Province
    roads: Roads
    whole: Keys
    keys: Keys
    areas: Keys
    riders: Keys
    road: NDArray[np.int64]
    lat: Floats
    lon: Floats
    gauge: Floats
    when: CivilTime
    interval_s: float

    def year(self, figure: str) -> Floats:
        """Give a monthly figure of the climate at the instants."""
        return monthly(self.province.year[figure], self.when.season)

    def individual(self, period_s: float, stream: str) -> Floats:
        """Give each device's own continuous curve in [-1, 1]."""
        return smooth(self.keys, self.when.time_s, period_s, stream)

    def shared(self, period_s: float, stream: str) -> Floats:
        """Give the province's continuous curve in [-1, 1]."""
        return smooth(self.whole, self.when.time_s, period_s, stream)


@dataclass(frozen=True, slots=True)
class Measured:
    """What devices measured: a column for each quantity, NaN for no value, and their position if they move."""

    values: dict[str, Floats]
    lat: Floats | None = None
    lon: Floats | None = None


Model = Callable[[Scene], Measured]
"""A model is a pure function of the scene."""
