"""What an instant means in a province: the hour, the weekday, the season, the sun."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from city.batch import Floats, Times

_DAY_S = 86_400
_YEAR_DAYS = 365.2425
_MONDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class CivilTime:
    """Instants, (n,) of them.

    Attributes:
        time_s: Seconds since 1970 UTC.
        day: Civil days since 1970-01-01, local.
        hour: Local time of day, [0, 24).
        season: How much of the year has passed, [0, 1).
    """

    time_s: Floats
    day: NDArray[np.int64]
    hour: Floats
    season: Floats

    @classmethod
    def at(cls, time_ns: Times, offset_s: int) -> Self:
        """Read instants in a zone that is `offset_s` seconds ahead of UTC."""
        local_ms = time_ns // 1_000_000 + offset_s * 1000
        day = local_ms // (_DAY_S * 1000)
        hour = (local_ms - day * (_DAY_S * 1000)) / 3_600_000
        return cls(time_ns / 1e9, day, hour, season_of(day + hour / 24))

    @property
    def weekday(self) -> NDArray[np.int64]:
        """(n,) days of the week, Monday is 0."""
        return weekday_of(self.day)

    @property
    def weekend(self) -> NDArray[np.bool_]:
        """(n,) true on Saturday and Sunday."""
        return self.weekday >= 5

    def peak(self, hour: float, width_h: float) -> Floats:
        """Give 1 at this local hour and less around it, over midnight too; `width_h` is the standard deviation."""
        away = (self.hour - hour + 12) % 24 - 12
        bell: Floats = np.exp(-0.5 * (away / width_h) ** 2)
        return bell


def season_of(day: Floats) -> Floats:
    """Give how much of the year has passed at a (fractional) civil day; off by at most a day."""
    season: Floats = (day / _YEAR_DAYS) % 1.0
    return season


def weekday_of(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the weekday of civil days since 1970-01-01; Monday is 0."""
    return (day + _MONDAY) % 7


def monthly(table: Floats, season: Floats) -> Floats:
    """Interpolate twelve monthly figures, each of which stands in the middle of its month."""
    x = season * 12 - 0.5
    month = np.floor(x).astype(np.int64)
    here, there = table[month % 12], table[(month + 1) % 12]
    figure: Floats = here + (there - here) * (x - month)
    return figure


def declination(season: Floats) -> Floats:
    """Give the sun's declination in radians (a sine; Cooper 1969, within half a degree)."""
    angle: Floats = np.radians(23.45) * np.sin(2 * np.pi * (season - 80.5 / _YEAR_DAYS))
    return angle


def sunlight(when: CivilTime, lat: Floats, lon: Floats) -> Floats:
    """Give the sine of the sun's elevation, 0 at night."""
    tilt = declination(when.season)
    turn = np.radians((when.time_s / 3600 % 24 - 12) * 15 + lon)
    north = np.radians(lat)
    height = np.sin(north) * np.sin(tilt) + np.cos(north) * np.cos(tilt) * np.cos(turn)
    above: Floats = np.maximum(height, 0.0)
    return above
