"""Rivers and rain gauges."""

from typing import Final

import numpy as np

from city.batch import Floats
from simulators.calendar import CivilTime
from simulators.models.storm import burst
from simulators.randomness import between, fixed
from simulators.scene import Measured, Scene

_DAY = 86_400.0
_TIP: Final = 0.2  # mm that tip a gauge's bucket once
_MEMORY_DAYS: Final = 12
_DRAIN_DAYS: Final = 4.0


def battery(scene: Scene) -> Floats:
    """Give a battery's charge in %: it falls for about a year, then it is changed."""
    life = between(250.0, 480.0, fixed(scene.keys, "battery-life"))
    used = (scene.when.time_s / _DAY / life + fixed(scene.keys, "battery-age")) % 1.0
    charge: Floats = 100.0 - 82.0 * used
    return charge


def soaked(scene: Scene) -> Floats:
    """Give the rain in mm that still drains from the district: each day's fall, fading over days."""
    when = scene.when
    total = burst(scene).fallen(when.hour)
    for back in range(1, _MEMORY_DAYS + 1):
        # from full height at midnight it drains by the hour, so that the level has no steps
        age = back - 1 + when.hour / 24
        total = total + burst(scene, when.day - back).fallen(np.full(1, 24.0)) * np.exp(-age / _DRAIN_DAYS)
    return total


def water_level(scene: Scene) -> Measured:
    """Simulate a river gauge: slow, high at the end of the monsoon, with floods after rain."""
    bed, depth = scene.gauge[:, 1], scene.gauge[:, 0] - scene.gauge[:, 1]
    # the monsoon fills the rivers until October
    wet = 0.5 + 0.5 * np.cos((scene.when.season - 0.77) * 2 * np.pi)
    slow = 0.05 * scene.individual(5 * _DAY, "river") + 0.006 * scene.individual(3600.0, "ripple")
    full = 0.16 + 0.34 * wet + 0.0035 * soaked(scene) + slow
    full = np.clip(full, 0.03, 1.25)
    ordinary = 0.35
    return Measured(
        {
            "level": bed + depth * full,
            # a wide channel carries about the depth to the power of 5/3 (Manning)
            "flow": scene.gauge[:, 2] * (full / ordinary) ** (5 / 3),
            "battery": battery(scene),
        }
    )


def rain(scene: Scene) -> Measured:
    """Simulate a tipping-bucket gauge: the intensity, and the amount since the reading before."""
    now = burst(scene).fallen(scene.when.hour)
    before = scene.when.time_s - scene.interval_s
    earlier = CivilTime.at((before * 1000).round().astype(np.int64) * 1_000_000, scene.province.offset_s)
    # no burst crosses midnight, so what fell before it is behind us
    then = np.where(earlier.day == scene.when.day, burst(scene).fallen(earlier.hour), 0.0)
    tips = np.floor(now / _TIP + 1e-9) - np.floor(then / _TIP + 1e-9)
    return Measured(
        {
            "rain_rate": burst(scene).rate(scene.when.hour),
            "rain_amount": np.maximum(tips, 0.0) * _TIP,
            "battery": battery(scene),
        }
    )
