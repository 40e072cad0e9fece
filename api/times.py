"""Times outside: RFC 3339 in UTC with `Z`, exact to the nanosecond; and widths of buckets such as `5m`."""

import re
import time
from datetime import date
from functools import lru_cache
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

from city.errors import Malformed
from city.wire.direct import to_time_ns

SECOND: Final = 1_000_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
"""Lengths in nanoseconds."""

_UNITS: Final = {"s": SECOND, "m": 60 * SECOND, "h": HOUR, "d": DAY}
_WIDTH: Final = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_WIDEST: Final = 366 * DAY
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MINUTES: Final = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_SECONDS: Final = tuple(f"{second:02d}" for second in range(60))
"""Looked up and not formatted, because an answer holds up to 50,000 times."""


def now_ns() -> int:
    """Read the clock, nanoseconds UTC."""
    return time.time_ns()


def rfc3339(time_ns: int) -> str:
    """Write an instant in the shortest exact form: `2024-01-01T00:00:00Z`, `...00.5Z`, up to nine digits."""
    seconds, rest = divmod(time_ns, SECOND)
    minutes, second = divmod(seconds, 60)
    day, minute = divmod(minutes, 24 * 60)
    whole = _day(day) + _MINUTES[minute] + _SECONDS[second]
    return whole + "Z" if rest == 0 else f"{whole}.{rest:09d}".rstrip("0") + "Z"


def instant(text: object) -> int:
    """Read an RFC 3339 time with an offset as nanoseconds UTC.

    Raises:
        ValueError: It is none, or outside 1970 to 2100.
    """
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 - pydantic turns ValueError into a validation error
    try:
        return to_time_ns(text)
    except Malformed as error:
        hint = "; in a URL the + of an offset is written %2B" if re.search(r" \d\d:\d\d$", text) else ""
        raise ValueError(error.detail + hint) from None


def width(text: object) -> int:
    """Read the width of a bucket (`30s`, `5m`, `1h`, `1d`) as nanoseconds.

    Raises:
        ValueError: It is none, or wider than 366 days.
    """
    match = _WIDTH.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("not a width such as 30s, 5m, 1h or 1d")
    wide = int(match[1]) * _UNITS[match[2]]
    if wide > _WIDEST:
        raise ValueError("a bucket is at most 366d wide")
    return wide


def spelled(width_ns: int) -> str:
    """Write a width as it is asked for: the largest unit that divides it."""
    for unit, length in reversed(_UNITS.items()):
        if width_ns % length == 0:
            return f"{width_ns // length}{unit}"
    raise ValueError(f"{width_ns} ns is no whole number of seconds")


Instant = Annotated[
    int,
    BeforeValidator(instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A query parameter: RFC 3339 outside, nanoseconds UTC inside."""

Width = Annotated[
    int,
    BeforeValidator(width),
    WithJsonSchema({"type": "string", "pattern": f"^{_WIDTH.pattern}$"}),
]
"""A query parameter: `5m` outside, nanoseconds inside."""


@lru_cache(maxsize=1024)
def _day(day: int) -> str:
    return date.fromordinal(_EPOCH_DAY + day).isoformat()
