"""How long to wait before trying again."""

import random
from collections.abc import Callable

_CHANCE = random.SystemRandom()


class Backoff:
    """Exponential back-off with full jitter, so that many clients of one dead server do not return in step.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

    Args:
        first_s: the upper bound of the first delay, in seconds.
        max_s: the upper bound of every delay, in seconds.
        chance: draws from [0, 1); a test hands in its own.
    """

    def __init__(
        self,
        first_s: float = 0.1,
        max_s: float = 5.0,
        chance: Callable[[], float] = _CHANCE.random,
    ) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._chance = chance
        self._bound_s = first_s

    def next(self) -> float:
        """Return the seconds to wait before the next try; each call doubles the bound."""
        bound_s = self._bound_s
        self._bound_s = min(self._max_s, bound_s * 2)
        return self._chance() * bound_s

    def reset(self) -> None:
        """Start again from the first delay, because a try succeeded."""
        self._bound_s = self._first_s
