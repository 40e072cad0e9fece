"""Local and absolute times of recordings, to nanoseconds UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from city.errors import Malformed
from city.reading import FIRST_NS, LAST_NS
from city.wire.direct import to_time_ns
from simulators.replay.mapping import Time

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UNITS: Final = {"unix_s": 10**9, "unix_ms": 10**6, "unix_ns": 1}

Clock = Callable[[str], int]
"""Reads a time as it is written; raises ValueError with a sentence."""


def clock(time: Time) -> Clock:
    """Give the reader of a mapping's times."""
    if time.format == "rfc3339":
        return _in_range(_rfc3339)
    if time.format in _UNITS:
        unit = _UNITS[time.format]
        return _in_range(lambda text: int(ascii_digits(text)) * unit)
    if time.zone is None:
        return _in_range(lambda text: _since(datetime.strptime(text, time.format)))  # noqa: DTZ007 - it has %z
    zone = ZoneInfo(time.zone)
    return _in_range(lambda text: _since(_local(text, time, zone)))


def ascii_digits(text: str) -> str:
    """Give the text back for `int` and `float`, which would also take `1_000` and the digits of other scripts.

    Raises:
        ValueError: It has such signs.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text[:80]!r} is no number")
    return text


def _in_range(read: Clock) -> Clock:
    def checked(text: str) -> int:
        time_ns = read(text)
        if not FIRST_NS <= time_ns < LAST_NS:
            raise ValueError(f"{text!r} is outside 1970 to 2100")
        return time_ns

    return checked


def _rfc3339(text: str) -> int:
    try:
        return to_time_ns(text)
    except Malformed as error:
        raise ValueError(error.detail) from None


def _since(when: datetime) -> int:
    return (when - _EPOCH) // _MICROSECOND * 1000


def _local(text: str, time: Time, zone: ZoneInfo) -> datetime:
    naive = datetime.strptime(text, time.format)  # noqa: DTZ007 - the zone comes in the next line
    early, late = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        raise ValueError(f"{text!r} does not exist in {zone}: the clocks were put forward over it")
    if time.ambiguous == "refuse":
        raise ValueError(f"{text!r} happens twice in {zone}: [time] ambiguous says which one is meant")
    return early if time.ambiguous == "earlier" else late
