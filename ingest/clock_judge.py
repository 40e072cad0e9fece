"""Is our clock wrong, as the clocks of others tell? Pure: differences in, verdict out (docs/decisions/0027)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

MIN_GATEWAYS: Final = 3
"""Fewer can't outvote one that is wrong."""

AGREE_S: Final = 45.0
"""Clocks that are no further apart agree: a gateway's retained status may be 30 s old."""

MAX_LIMIT_S: Final = 120.0
MIN_LIMIT_S: Final = 60.0
"""Below, the age of a status could be taken for a wrong clock."""


class Verdict(NamedTuple):
    """Seconds that our clock is ahead of the city's, negative when it is behind, and whose clocks told it."""

    ahead_s: float
    witnesses: str


def judge(gateways: Sequence[float], database: float | None) -> Verdict | None:
    """Compare our clock with others.

    More than half of at least three gateways that agree with each other decide, whatever the rest and the database
    tell: a database in a container has this machine's clock. Where gateways decide nothing, the database does.

    Args:
        gateways: Seconds that each gateway's clock is ahead of ours.
        database: The same of the database's server; None: it has no clock of its own.

    Returns:
        None when there is no judge. As long as those that are right are more than half and agree, it lies among their
        differences, give or take nothing: what the others say only chooses among them.
    """
    majority = len(gateways) // 2 + 1
    if len(gateways) >= MIN_GATEWAYS:
        ahead = sorted(gateways)
        first = min(range(len(ahead) - majority + 1), key=lambda at: ahead[at + majority - 1] - ahead[at])
        if ahead[first + majority - 1] - ahead[first] <= AGREE_S:
            return Verdict(-ahead[first + majority // 2], f"{majority} of {len(ahead)} gateways")
    return None if database is None else Verdict(-database, "the database's server")


class Hysteresis:
    """Whether our clock counts as wrong: from a limit on, until it is back within half of it.

    Args:
        max_future_skew_s: What ingest tolerates of readings; it stops long before it would quarantine all of them.
    """

    def __init__(self, max_future_skew_s: float) -> None:
        self.limit_s = max(MIN_LIMIT_S, min(MAX_LIMIT_S, max_future_skew_s / 2))
        self.wrong: Verdict | None = None

    def update(self, verdict: Verdict | None) -> None:
        """Follow a verdict; without a judge all stays as it is."""
        if verdict is None:
            return
        limit_s = self.limit_s if self.wrong is None else self.limit_s / 2
        self.wrong = verdict if abs(verdict.ahead_s) > limit_s else None
