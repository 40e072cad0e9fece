"""How much one request may ask for, as data."""

from typing import Final, NamedTuple

from api.problems import Problem
from api.times import DAY, SECOND, spelled


class Limit(NamedTuple):
    """Buckets of at least this width may span at most this range; nanoseconds."""

    width_ns: int
    longest_ns: int


RAW: Final = Limit(0, 7 * DAY)
"""Values as they were measured."""

BUCKETS: Final = (
    Limit(SECOND, 7 * DAY),
    Limit(10 * SECOND, 31 * DAY),
    Limit(60 * SECOND, 93 * DAY),
    Limit(300 * SECOND, 366 * DAY),
    Limit(3600 * SECOND, 3660 * DAY),
    Limit(DAY, 47_482 * DAY),
)
"""Rising; the last row is all the time there is (1970 to 2100)."""

LEDGER_LONGEST: Final = 366 * DAY
"""Hours that one account may cover, in nanoseconds."""

MAX_DEVICES: Final = 100
MAX_QUANTITIES: Final = 64
MAX_IDS: Final = 1000
"""Ids in one request to try quarantined payloads again."""


def refuse_too_long(start_ns: int, end_ns: int, every_ns: int | None) -> None:
    """Hold a request for readings to the table.

    Raises:
        Problem: 422 `too-large`, saying what to change.
    """
    limit = RAW if every_ns is None else max(row for row in BUCKETS if row.width_ns <= every_ns)
    if end_ns - start_ns <= limit.longest_ns:
        return
    wide = next(row for row in BUCKETS if row.longest_ns >= min(end_ns - start_ns, BUCKETS[-1].longest_ns))
    what = "raw values" if every_ns is None else f"buckets of {spelled(every_ns)}"
    raise Problem(
        422,
        "too-large",
        f"{what} may span at most {spelled(limit.longest_ns)}: shorten start to end, "
        f"or ask for every={spelled(wide.width_ns)} or wider",
    )


def table() -> str:
    """Write the table as Markdown for the API's description."""
    rows = ["| every | longest range |", "|---|---|", f"| raw | {spelled(RAW.longest_ns)} |"]
    rows += [f"| {spelled(row.width_ns)} or wider | {spelled(row.longest_ns)} |" for row in BUCKETS]
    return "\n".join(rows)
