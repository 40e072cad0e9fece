"""The logistic hub: cargo on the road, docks, containers in the yard."""

from typing import Final

import numpy as np

from city.batch import Floats
from simulators.models import sky
from simulators.models.journey import Journey, journey
from simulators.models.water import battery
from simulators.randomness import between, fixed, uniform
from simulators.scene import Measured, Scene

_SHIFTS: Final = 6  # places in a dock's day for one lorry each, from early in the morning
_SHIFT_H: Final = 2.75
_WARM_H: Final = 0.35  # an open door warms the air with this time constant
_COOL_H: Final = 0.6  # and the cooling brings it back with this one


def _set_point(scene: Scene) -> Floats:
    """Give what a cooled box is set to, Cel: frozen, chilled or fruit."""
    sort = fixed(scene.keys, "goods")
    return np.where(sort < 0.35, -18.0, np.where(sort < 0.8, 4.0, 13.0))


def cargo(scene: Scene) -> Measured:
    """Simulate a sensor in a cooled load: its door opens at stops and the air warms; a cooler fails on a few days."""
    trip = journey(scene)
    open_h = trip.dwell_h * between(0.3, 0.7, uniform(scene.keys, trip.stop, "unload"))
    begin = 0.05
    opened = (trip.stopped_h > begin) & (trip.stopped_h < begin + open_h)
    target, outside = _set_point(scene), sky.temperature(scene)
    warmed = _warmth(trip, begin, open_h)
    fails = uniform(scene.keys, scene.when.day, "cooler") < 0.012
    lost = np.where(fails, np.clip((scene.when.hour - 11.0) / 4, 0.0, 1.0) * scene.when.peak(14.0, 3.0), 0.0)
    inside = target + (outside - target) * np.clip(0.35 * warmed + 0.4 * lost, 0.0, 1.0)
    step = np.floor(scene.when.time_s / scene.interval_s).astype(np.int64)
    bump = np.where(uniform(scene.keys, step, "bump") < 0.004, 30.0 * uniform(scene.keys, step, "bump-size"), 0.0)
    return Measured(
        {
            "temperature": inside + 0.4 * scene.individual(900.0, "cold"),
            "humidity": np.clip(78.0 + 10.0 * warmed + 4.0 * scene.individual(1800.0, "cold-moist"), 0.0, 100.0),
            "shock": 0.3 + trip.driving * (1.2 + 0.8 * uniform(scene.keys, step, "road") + bump),
            "door_open": opened.astype(np.float64),
            "battery": battery(scene),
        },
        trip.lat,
        trip.lon,
    )


def _warmth(trip: Journey, begin: float, open_h: Floats) -> Floats:
    """Give the warmth of the stop's door, 0 to 1: it rises while the door is open and fades after, on the road too."""
    since = np.nan_to_num(trip.stopped_h, nan=-1.0) - begin
    rising = 1 - np.exp(-np.clip(since, 0.0, open_h) / _WARM_H)
    warmth: Floats = rising * np.exp(-np.maximum(since - open_h, 0.0) / _COOL_H)
    return warmth


def dock(scene: Scene) -> Measured:
    """Simulate a loading dock: a lorry stands there, and for most of its stay the door is open."""
    when = scene.when
    opens = between(5.0, 7.0, fixed(scene.keys, "dock-opens"))
    place = np.floor((when.hour - opens) / _SHIFT_H).astype(np.int64)
    number = when.day * _SHIFTS + np.clip(place, 0, _SHIFTS - 1)
    likely = np.where(when.weekday == 6, 0.2, 0.78)
    held = (place >= 0) & (place < _SHIFTS) & (uniform(scene.keys, number, "dock") < likely)
    into = when.hour - opens - place * _SHIFT_H
    begin = between(0.1, 0.7, uniform(scene.keys, number, "dock-begin"))
    length = between(0.7, 1.9, uniform(scene.keys, number, "dock-length"))
    part = (into - begin) / length
    return Measured(
        {
            "occupied": (held & (part >= 0) & (part < 1)).astype(np.float64),
            "door_open": (held & (part > 0.07) & (part < 0.92)).astype(np.float64),
        }
    )


def container(scene: Scene) -> Measured:
    """Simulate a container in the yard: it stays some days, then another load stands there; two in five are cooled."""
    when = scene.when
    stay = between(2.0, 9.0, fixed(scene.keys, "stay"))
    age = (when.day + when.hour / 24) / stay + fixed(scene.keys, "turn")
    visit = np.floor(age).astype(np.int64)
    since_h = (age - visit) * stay * 24
    opened = (since_h < between(0.5, 2.0, uniform(scene.keys, visit, "strip"))).astype(np.float64)
    outside = sky.temperature(scene)
    cooled = fixed(scene.keys, "reefer") < 0.4
    sun = sky.radiation(scene) / 1000
    # steel in the sun is hotter than the air
    inside = np.where(cooled, _set_point(scene) + 3.0 * opened, outside + 14.0 * sun)
    return Measured(
        {
            "temperature": inside + 0.3 * scene.individual(1800.0, "box"),
            "humidity": np.clip(sky.humidity(scene) - np.where(cooled, -4.0, 18.0 * sun), 0.0, 100.0),
            "door_open": opened,
            "weight": np.round(between(3_900.0, 28_500.0, uniform(scene.keys, visit, "load")), -1),
            "battery": battery(scene),
        }
    )
