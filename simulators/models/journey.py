"""Trips on a road: out and back, day after day, with a rest day a week.

A trip's length is its road's, so the odometer of any day is a product, not a sum over the past.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city.batch import Floats
from simulators.models.piecewise import chances, integrate
from simulators.randomness import Steps, between, fixed, uniform
from simulators.scene import Scene

_KNOTS: Final = 32
_FIRST_DAY: Final = 19_723  # 2024-01-01: the odometer counts from here on
_MAX_DRIVING_H: Final = 8.5
_SHIFT_H: Final = 14.0
_LEGS_A_DAY: Final = 64  # more than any device drives, so that (day, leg) has its own number


@dataclass(frozen=True, slots=True)
class Journey:
    """Where devices are on their trips, (n,) of each column.

    Attributes:
        lat: Degrees north.
        lon: Degrees east.
        speed: km/h.
        heading: Degrees; of the last move where they stand.
        odometer: km.
        driving: Between two stops.
        stop: Number of the last stop they reached, unique for a device.
        stopped_h: Hours since they reached it, also when they have left it; NaN before the day's first.
        dwell_h: How long a stop lasts, hours.
        shift: How much of the day's work is done, 0 to 1.
    """

    lat: Floats
    lon: Floats
    speed: Floats
    heading: Floats
    odometer: Floats
    driving: NDArray[np.bool_]
    stop: Steps
    stopped_h: Floats
    dwell_h: Floats
    shift: Floats


def journey(scene: Scene) -> Journey:
    """Follow the vehicles of a scene (`riders` on `road`)."""
    when, keys, road = scene.when, scene.riders, scene.road
    length = scene.roads.length_km[road]
    leg_h = length / (scene.roads.speed[road] * between(0.9, 1.08, fixed(keys, "cruise")))
    dwell_h = between(0.35, 0.9, fixed(keys, "dwell"))
    legs = _legs(leg_h, dwell_h)
    works = _works(scene)
    begin = between(4.5, 8.0, fixed(keys, "shift")) + between(0.0, 0.5, uniform(keys, when.day, "late"))
    x = np.where(works, when.hour - begin, -1.0)
    leg = np.clip(np.floor(x / (leg_h + dwell_h)), 0, legs - 1).astype(np.int64)
    into = x - leg * (leg_h + dwell_h)
    number = when.day * _LEGS_A_DAY + leg
    done, pace = integrate(_paces(scene, number), into / leg_h)
    driving = (into > 0) & (into < leg_h)
    arrived = into >= leg_h
    stopped = np.where(arrived, into - leg_h, np.where(leg > 0, into + dwell_h, np.nan))
    # before the shift and after it they stand where they began: the number of legs is even
    back = (leg % 2 == 1) ^ (fixed(keys, "direction") < 0.5)
    lat, lon, course = scene.roads.at(road, length * np.where(back, 1 - done, done))
    return Journey(
        lat=lat,
        lon=lon,
        speed=np.where(driving, length * pace / leg_h, 0.0),
        heading=np.where(back, (course + 180) % 360, course),
        odometer=_mileage(scene, legs * length) + length * np.where(works, leg + done, 0.0),
        driving=driving,
        stop=np.where(arrived, number, number - 1),
        stopped_h=stopped,
        dwell_h=dwell_h,
        shift=np.clip(x / (legs * (leg_h + dwell_h)), 0.0, 1.0),
    )


def _legs(leg_h: Floats, dwell_h: Floats) -> Floats:
    """Give how many trips a day has: an even number, within the driver's hours."""
    rounds = np.minimum(_MAX_DRIVING_H / (2 * leg_h), _SHIFT_H / (2 * (leg_h + dwell_h)))
    legs: Floats = 2 * np.clip(np.floor(rounds), 1, _LEGS_A_DAY // 2)
    return legs


def _rest_day(scene: Scene) -> Steps:
    """Give the day's remainder by 7 on which each rests: Sunday for two in three."""
    sunday, other = 3, (fixed(scene.riders, "rest-day") * 7).astype(np.int64)
    return np.where(fixed(scene.riders, "rest") < 0.67, sunday, other)


def _works(scene: Scene) -> NDArray[np.bool_]:
    works: NDArray[np.bool_] = scene.when.day % 7 != _rest_day(scene)
    return works


def _mileage(scene: Scene, daily: Floats) -> Floats:
    """Give the odometer at the begin of the day: the working days since 2024 times a day's distance."""
    rest = _rest_day(scene)
    days = scene.when.day - _FIRST_DAY
    rests = (scene.when.day - rest + 6) // 7 - (_FIRST_DAY - rest + 6) // 7
    old = between(60_000.0, 300_000.0, fixed(scene.riders, "mileage"))
    mileage: Floats = np.maximum(old + (days - rests) * daily, 0.0)
    return mileage


def _paces(scene: Scene, number: Steps) -> Floats:
    """Draw a trip's paces: from standing to standing, slower near its ends."""
    weights = 0.6 + 0.4 * chances(scene.riders, number * _KNOTS, _KNOTS + 1, "pace")
    weights[:, [1, -2]] *= 0.7
    weights[:, [0, -1]] = 0.0
    return weights
