"""Progress along a stretch whose pace varies: what meters and vehicles have in common.

The pace is piecewise linear between knots, the progress its exact integral. So a meter agrees with its power and
an odometer with its speed, at any instant, without stepping from one to the next.
"""

import numpy as np

from city.batch import Floats
from simulators.randomness import Keys, Steps, uniform


def integrate(weights: Floats, part: Floats) -> tuple[Floats, Floats]:
    """Give how much is done, 0 to 1, and the pace relative to an even one.

    Args:
        weights: (n, k + 1) paces at evenly spaced knots, not negative and not all 0.
        part: (n,) how much of the time has passed, 0 to 1.
    """
    spans = weights.shape[1] - 1
    areas = (weights[:, :-1] + weights[:, 1:]) / 2
    total = areas.sum(axis=1)
    x = np.clip(part, 0.0, 1.0) * spans
    span = np.minimum(x.astype(np.int64), spans - 1)
    rest = x - span
    rows = np.arange(len(part))
    here, there = weights[rows, span], weights[rows, span + 1]
    before = areas.cumsum(axis=1)[rows, span] - areas[rows, span]
    done = (before + here * rest + (there - here) * rest * rest / 2) / total
    return done, (here + (there - here) * rest) * spans / total


def chances(keys: Keys, first: Steps, knots: int, stream: str) -> Floats:
    """Draw (n, knots) numbers in [0, 1), for the steps from `first` on."""
    steps = first[:, None] + np.arange(knots)
    return uniform(keys[:, None], steps, stream)


def meter(keys: Keys, day: Steps, daily: Floats) -> tuple[Floats, Floats]:
    """Give a counter's reading at the begin of each day, and what the day adds; never less than 70 % of `daily`.

    Args:
        keys: (n,) keys.
        day: (n,) days since 1970.
        daily: (n,) what an average day adds.
    """
    begun = 14_610 - np.floor(500 * uniform(keys, np.zeros(1, np.int64), "meter-begin"))  # 2010 or the year before
    today, tomorrow = (uniform(keys, day + more, "meter-day") for more in (0, 1))
    start = daily * np.maximum(day - begun + 0.3 * today, 0.0)
    end = daily * np.maximum(day + 1 - begun + 0.3 * tomorrow, 0.0)
    return start, end - start
