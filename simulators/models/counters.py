"""What has an energy meter: buildings, street lights, EV chargers. Power is the derivative of the energy."""

from functools import lru_cache
from typing import Final

import numpy as np

from city.batch import Floats
from simulators.calendar import declination, season_of
from simulators.models.piecewise import chances, integrate, meter
from simulators.randomness import Steps, between, fixed, uniform
from simulators.scene import Measured, Scene

# kW relative to the mean at each full hour of a shop's or an office's day
_BUILDING: Final = np.array(
    [4, 4, 4, 4, 4, 5, 6, 8, 11, 13, 14, 15, 14, 15, 15, 14, 13, 11, 10, 9, 8, 6, 5, 4, 4], np.float64
)
_SLOTS: Final = 8  # in a day, each with at most one charging session
_BUSY: Final = np.array([0.06, 0.03, 0.3, 0.55, 0.6, 0.65, 0.7, 0.35])
_FIRST_DAY: Final = 14_610  # 2010-01-01
_LAST_DAY: Final = 47_482  # 2100-01-01
_DIMMED: Final = 0.5
_DIM_HOUR: Final = 22.0
_STANDBY_W: Final = 0.8


def energy_meter(scene: Scene) -> Measured:
    """Simulate a building's meter."""
    when = scene.when
    start, added = meter(scene.keys, when.day, between(40.0, 900.0, fixed(scene.keys, "meter-size") ** 2))
    weights = _BUILDING * (0.75 + 0.5 * chances(scene.keys, when.day * 24, 25, "meter-hour"))
    done, pace = integrate(weights, when.hour / 24)
    power = added * pace / 24 * 1000
    voltage = 229.0 + 3.5 * scene.shared(3600.0, "grid") + 1.0 * scene.individual(300.0, "volt")
    return Measured(
        {
            "power": power,
            "energy": start + added * done,
            "voltage": voltage,
            "current": power / (voltage * 0.93),  # a power factor of 0.93
        }
    )


def ev_charger(scene: Scene) -> Measured:
    """Simulate a charger: sessions of one or two hours, tapering power, a state of charge only while it charges."""
    when = scene.when
    start, added = meter(scene.keys, when.day, between(35.0, 80.0, fixed(scene.keys, "charger-size")))
    luck = chances(scene.keys, when.day * _SLOTS, _SLOTS, "session") / _BUSY
    # each day has at least one session, so that the day's energy has its place
    held = (luck < 1.0) | (luck == luck.min(axis=1, keepdims=True))
    # each charger divides its day otherwise, or all would be free at the same hours
    bend = between(0.8, 1.25, fixed(scene.keys, "slots"))[:, None]
    edges = 24 * (np.arange(_SLOTS + 1) / _SLOTS) ** bend
    wide = np.diff(edges, axis=1)
    begin = edges[:, :-1] + wide * between(0.02, 0.3, chances(scene.keys, when.day * _SLOTS, _SLOTS, "plug"))
    length = wide * between(0.4, 0.68, chances(scene.keys, when.day * _SLOTS, _SLOTS, "stay"))
    share = held * length
    share = share / share.sum(axis=1, keepdims=True)
    part = np.clip((when.hour[:, None] - begin) / length, 0.0, 1.0)
    done, pace = _taper(part)
    charging = held & (part > 0.0) & (part < 1.0)
    slot = (when.hour[:, None] >= edges[:, 1:-1]).sum(axis=1)
    rows = np.arange(len(slot))
    number = when.day * _SLOTS + slot
    arrived, left = (
        between(12.0, 45.0, uniform(scene.keys, number, "came")),
        between(70.0, 98.0, uniform(scene.keys, number, "left")),
    )
    busy = charging[rows, slot]
    return Measured(
        {
            "charging": busy.astype(np.float64),
            "power": (charging * share * pace / length).sum(axis=1) * added * 1000,
            "energy": start + added * (share * done).sum(axis=1),
            "state_of_charge": np.where(busy, arrived + (left - arrived) * done[rows, slot], np.nan),
        }
    )


def _taper(part: Floats) -> tuple[Floats, Floats]:
    """Give charge and power of a session: even for 70 % of the time, then falling to an eighth."""
    high, low, knee = 1.15, 0.15, 0.7
    late = np.maximum(part - knee, 0.0)
    fall = (high - low) / (1 - knee)
    return high * part - fall * late * late / 2, high - fall * late


def street_light(scene: Scene) -> Measured:
    """Simulate a lamp on an astronomical clock: from dusk to dawn, dimmed after ten in the evening."""
    when = scene.when
    rise, set_, before = _nights(scene.province.lat, scene.province.lon, scene.province.offset_s)
    day = np.clip(when.day - _FIRST_DAY, 0, len(rise) - 1)
    night = (when.hour < rise[day]) | (when.hour >= set_[day])
    level = np.where(night, np.where((when.hour >= _DIM_HOUR) | (when.hour < 12), _DIMMED, 1.0), 0.0)
    watts = np.round(between(45.0, 150.0, fixed(scene.keys, "lamp")))
    lit = before[day] + _lit(when.hour, rise[day], set_[day])
    hours = 24.0 * np.maximum(when.day - _FIRST_DAY, 0) + when.hour
    return Measured(
        {
            "lamp_on": night.astype(np.float64),
            "brightness": 100.0 * level,
            "power": watts * level + _STANDBY_W,
            "energy": (watts * lit + _STANDBY_W * hours) / 1000,
        }
    )


def _lit(hour: Floats, rise: Floats, set_: Floats) -> Floats:
    """Give the hours of full light since midnight, a dimmed hour counting less."""
    dimmed = np.minimum(hour, rise) + np.maximum(hour - np.maximum(_DIM_HOUR, set_), 0.0)
    bright = np.clip(hour, set_, np.maximum(_DIM_HOUR, set_)) - set_
    lit: Floats = _DIMMED * dimmed + bright
    return lit


@lru_cache(maxsize=16)
def _nights(lat: float, lon: float, offset_s: int) -> tuple[Floats, Floats, Floats]:
    """Give for each day from 2010 to 2099 the local hours of sunrise and sunset, and the light burnt before it."""
    days: Steps = np.arange(_FIRST_DAY, _LAST_DAY)
    north, tilt = np.radians(lat), declination(season_of(days.astype(np.float64)))
    # the sun's upper rim with refraction stands 0.833 degrees below the horizon
    cosine = (np.sin(np.radians(-0.833)) - np.sin(north) * np.sin(tilt)) / (np.cos(north) * np.cos(tilt))
    half = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) / 15
    noon = 12 - lon / 15 + offset_s / 3600
    rise, set_ = noon - half, noon + half
    burnt = _lit(np.full(len(days), 24.0), rise, set_)
    return rise, set_, np.concatenate([[0.0], burnt.cumsum()[:-1]])
