"""How often one sender may speak: a bucket that fills at a steady rate (RFC 4115 calls it a token bucket)."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

_MAX_SENDERS: Final = 10_000
"""Senders that are remembered; who is forgotten starts with a full bucket."""


class TokenBucket:
    """One sender's bucket; full at first.

    Args:
        a_second: Messages a second in the long run.
        now_s: The time, in seconds that only rise.
        burst: Messages that may come at once; by default those of ten seconds.
    """

    __slots__ = ("_a_second", "_burst", "_left", "_since_s")

    def __init__(self, a_second: float, now_s: float, burst: float = 0.0) -> None:
        self._a_second = a_second
        self._burst = burst or max(1.0, 10 * a_second)
        self._left = self._burst
        self._since_s = now_s

    def take(self, now_s: float) -> float:
        """Spend one message; give the seconds for which the sender is ahead of its rate, 0 if it is not."""
        self._left = min(self._burst, self._left + (now_s - self._since_s) * self._a_second) - 1
        self._since_s = now_s
        return max(0.0, -self._left / self._a_second)

    def give_back(self) -> None:
        """Take one message back, because it was not let in."""
        self._left += 1


class TokenBuckets:
    """Buckets of many senders, in bounded memory; those who were silent longest are forgotten first."""

    def __init__(self, a_second: float) -> None:
        self._a_second = a_second
        self._senders: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def try_take(self, sender: Hashable, now_s: float) -> bool:
        """Spend one message of the sender; False, and nothing spent, when it is ahead of its rate."""
        found = self._senders.pop(sender, None) or TokenBucket(self._a_second, now_s)
        self._senders[sender] = found
        if len(self._senders) > _MAX_SENDERS:
            self._senders.popitem(last=False)
        if found.take(now_s) > 0:
            found.give_back()
            return False
        return True
