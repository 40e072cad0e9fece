"""Seeded chance as a function of place and time, so that any instant can be asked for in any order.

A generator that steps would make the past depend on what was asked before. Here each number is a hash of
(device key, step, stream): the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), vectorised.
"""

from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from city.batch import Floats

Keys = NDArray[np.uint64]
Steps = NDArray[np.int64]

_TO_UNIT = 2.0**-53


def key(seed: int, *names: str) -> int:
    """Give the 64-bit key of a named thing in the world of this seed."""
    text = "\x1f".join((str(seed), *names))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def uniform(keys: Keys, step: Steps, stream: str) -> Floats:
    """Draw one number in [0, 1) for each key and step; `stream` names what is drawn, so that draws are independent."""
    mixed = _mix(keys ^ _mix(step.astype(np.uint64) + _stream(stream)))
    return (mixed >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def fixed(keys: Keys, stream: str) -> Floats:
    """Draw one number in [0, 1) for each key, the same at all times."""
    return uniform(keys, np.zeros(1, np.int64), stream)


def between(low: float, high: float, unit: Floats) -> Floats:
    """Stretch numbers in [0, 1) to [low, high)."""
    return low + (high - low) * unit


def smooth(keys: Keys, time_s: Floats, period_s: float, stream: str) -> Floats:
    """Draw a continuous curve in [-1, 1] for each key: value noise with one free value a period.

    Args:
        keys: (n,) keys, or (1,) for a curve that all share.
        time_s: (n,) seconds since 1970 UTC.
        period_s: Seconds between two free values.
        stream: Names the curve.
    """
    x = time_s / period_s + fixed(keys, stream)
    step = np.floor(x)
    rest = x - step
    whole = step.astype(np.int64)
    here, there = uniform(keys, whole, stream), uniform(keys, whole + 1, stream)
    curve: Floats = 2 * (here + (there - here) * rest * rest * (3 - 2 * rest)) - 1
    return curve


@lru_cache(maxsize=1024)
def _stream(name: str) -> np.uint64:
    return np.uint64(key(0, name))


def _mix(x: Keys) -> Keys:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Keys = x ^ (x >> np.uint64(31))
    return mixed
