"""Streets and squares: traffic, noise, parking, people, waste."""

import numpy as np

from city.batch import Floats
from simulators.calendar import CivilTime
from simulators.models import sky
from simulators.models.storm import burst
from simulators.models.water import battery
from simulators.randomness import between, fixed, uniform
from simulators.scene import Measured, Scene

_HOUR = 3600.0


def rush(when: CivilTime) -> Floats:
    """Give how busy the streets are, 0 to 1: two peaks on working days, one broad noon at weekends."""
    awake = 0.30 * when.peak(13.0, 4.5)
    working = 0.05 + awake + 0.62 * when.peak(7.6, 0.9) + 0.58 * when.peak(17.4, 1.2)
    resting = 0.05 + 1.35 * awake + 0.12 * when.peak(18.5, 1.8)
    busy: Floats = np.clip(np.where(when.weekend, resting, working), 0.0, 1.0)
    return busy


def _load(scene: Scene) -> Floats:
    site = between(0.55, 1.05, fixed(scene.keys, "street"))
    load: Floats = np.clip(rush(scene.when) * site * (1 + 0.15 * scene.individual(0.3 * _HOUR, "traffic")), 0.01, 1.0)
    return load


def traffic(scene: Scene) -> Measured:
    """Simulate a traffic counter: vehicles since the reading before, their mean speed, how full the lanes are."""
    load = _load(scene)
    rainy = burst(scene).after(scene.when.hour, 0.3)
    capacity = between(900.0, 3600.0, fixed(scene.keys, "lanes"))  # vehicles an hour
    expected = capacity * load * scene.interval_s / 3600
    step = np.floor(scene.when.time_s / scene.interval_s).astype(np.int64)
    scatter = (uniform(scene.keys, step, "cars-a") + uniform(scene.keys, step, "cars-b") - 1) * 2.4
    free = between(42.0, 72.0, fixed(scene.keys, "limit"))
    return Measured(
        {
            # the scatter of counting is the square root of the count (Poisson)
            "vehicle_count": np.maximum(np.round(expected + scatter * np.sqrt(expected)), 0.0),
            "speed": np.maximum(
                free * (1 - 0.62 * load**2) * (1 - 0.2 * rainy) + 2 * scene.individual(200.0, "pace"), 4.0
            ),
            "lane_occupancy": np.clip(52.0 * load**1.3 + 2.0 * scene.individual(200.0, "lane"), 0.0, 100.0),
        }
    )


def sound(scene: Scene) -> Measured:
    """Simulate a sound level meter: traffic, people and rain."""
    quiet = between(40.0, 47.0, fixed(scene.keys, "quiet"))
    drumming = 6.0 * burst(scene).after(scene.when.hour, 0.1)
    level = quiet + 27.0 * np.sqrt(_load(scene)) + drumming + 2.5 * scene.individual(120.0, "sound")
    return Measured({"sound_level": level, "battery": battery(scene)})


def parking(scene: Scene) -> Measured:
    """Simulate a car park: offices fill it in the morning, malls in the evening and at weekends."""
    when = scene.when
    total: Floats = np.round(between(40.0, 600.0, fixed(scene.keys, "spaces") ** 1.5))
    office = np.where(when.weekend, 0.2, 1.0) * np.clip(1.3 * when.peak(12.2, 3.2), 0.0, 1.0)
    mall = np.where(when.weekend, 1.0, 0.72) * np.clip(
        0.75 * when.peak(13.0, 2.2) + 0.9 * when.peak(18.3, 2.0), 0.0, 1.0
    )
    taken = np.where(fixed(scene.keys, "park-sort") < 0.5, office, mall) * between(0.7, 0.98, fixed(scene.keys, "fame"))
    full: Floats = np.clip(0.04 + 0.92 * taken + 0.03 * scene.individual(0.5 * _HOUR, "parked"), 0.0, 1.0)
    free: Floats = np.round(total * (1 - full))
    return Measured({"spaces_free": free, "spaces_total": total})


def crowd(scene: Scene) -> Measured:
    """Simulate a counter of people in a square: noon, and the evening market, more at weekends."""
    when = scene.when
    size = between(60.0, 1400.0, fixed(scene.keys, "square") ** 2)
    evening = np.where(when.weekend, 1.0, 0.55) * when.peak(19.0, 1.7)
    here = 0.02 + 0.3 * when.peak(12.3, 2.2) + evening + 0.12 * when.peak(7.5, 1.0)
    stay = here * (1 + 0.15 * scene.individual(0.25 * _HOUR, "crowd")) * (1 - 0.6 * burst(scene).after(when.hour, 0.5))
    people: Floats = np.maximum(size * stay, 0.0)
    return Measured({"people_count": np.round(people)})


def waste_bin(scene: Scene) -> Measured:
    """Simulate a waste bin: it fills by day and is emptied every one to three days before dawn; some overflow."""
    when = scene.when
    every = np.floor(between(1.0, 4.0, fixed(scene.keys, "bin-days"))).astype(np.int64)
    hour = between(3.0, 6.0, fixed(scene.keys, "bin-hour"))
    age = when.day + (fixed(scene.keys, "bin-turn") * every).astype(np.int64)
    since = (age % every) * 24 + when.hour - hour
    since = np.where(since < 0, since + every * 24, since)  # before dawn of the day it will be emptied
    round_ = np.where(age % every * 24 + when.hour < hour, age // every - 1, age // every)
    reached = between(45.0, 112.0, uniform(scene.keys, round_, "bin-fill"))
    # people throw things away by day: the curve stays flat at night
    days = since / 24
    grown = days - np.sin(2 * np.pi * days) / (2 * np.pi) * 0.85
    return Measured(
        {
            "fill_level": np.clip(2.0 + reached * grown / every, 0.0, 100.0),
            "temperature": sky.temperature(scene) + 2.0 + 2.5 * np.clip(grown / every, 0.0, 1.0),
            "battery": battery(scene),
        }
    )
