"""Rain: at most one burst a day and district, most often in the afternoon."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from city.batch import Floats
from simulators.calendar import monthly, season_of
from simulators.randomness import between, uniform
from simulators.scene import Scene


class Burst(NamedTuple):
    """The burst of a day, (n,) of each.

    Attributes:
        wet: 1 where it rains that day, else 0.
        start_h: Local hour at which it begins.
        length_h: How long it lasts; it ends before midnight.
        peak: Highest intensity, mm/h.
    """

    wet: Floats
    start_h: Floats
    length_h: Floats
    peak: Floats

    def phase(self, hour: Floats) -> Floats:
        """Give how much of the burst is over, 0 to 1."""
        over: Floats = np.clip((hour - self.start_h) / self.length_h, 0.0, 1.0)
        return over

    def rate(self, hour: Floats) -> Floats:
        """Give the intensity in mm/h."""
        rate: Floats = self.wet * self.peak * np.sin(np.pi * self.phase(hour)) ** 2
        return rate

    def fallen(self, hour: Floats) -> Floats:
        """Give the millimetres since midnight: the integral of `rate`."""
        over = self.phase(hour)
        fallen: Floats = self.wet * self.peak * self.length_h * (over / 2 - np.sin(2 * np.pi * over) / (4 * np.pi))
        return fallen

    def after(self, hour: Floats, fade_h: float) -> Floats:
        """Give what lasts of the rain's effect, 0 to 1: it grows with the burst and fades after it."""
        late = np.maximum(hour - self.start_h - self.length_h, 0.0)
        effect: Floats = self.wet * self.phase(hour) * np.exp(-late / fade_h)
        return effect


def burst(scene: Scene, day: NDArray[np.int64] | None = None) -> Burst:
    """Give the burst of the scene's days, or of other days."""
    day = scene.when.day if day is None else day
    chance = monthly(scene.province.year["rain_chance"], season_of(day.astype(np.float64)))
    wet = (uniform(scene.areas, day, "rain") < chance).astype(np.float64)
    # four in five begin in the afternoon or evening
    late = uniform(scene.areas, day, "rain-late") < 0.8
    hour = uniform(scene.areas, day, "rain-hour")
    start = np.where(late, between(13.0, 20.0, hour), between(0.0, 21.0, hour))
    length = between(0.4, 2.2, uniform(scene.areas, day, "rain-length"))
    peak = between(4.0, 75.0, uniform(scene.areas, day, "rain-peak") ** 2)
    return Burst(wet, start, length, peak)
