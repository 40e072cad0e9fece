"""How times of foreign documents and recordings are written, and what they are in nanoseconds UTC."""

import re
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import field_validator, model_validator

from city.errors import Malformed
from city.reading import FIRST_NS, LAST_NS
from city.tables import Table
from city.wire.direct import to_time_ns

PER_SECOND: Final = MappingProxyType({"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9})
_NAMED: Final = ("iso", "rfc3339", *PER_SECOND)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECOND_NS: Final = 1_000
_SOME_DAY: Final = datetime(2026, 11, 22, 13, 45, 59, tzinfo=UTC)
_MAX_LETTERS: Final = 64
_BUDDHIST_YEAR: Final = re.compile(r"(?<!\d)2[45]\d\d(?!\d)", re.ASCII)
_BUDDHIST_AHEAD: Final = 543
"""Years; they are changed in the text, for 29 February is not a day of 2567 elsewhere."""


class TimeFormat(Table):
    """How times are written.

    Attributes:
        format: `iso` (ISO 8601), `rfc3339` (to the nanosecond), `s`, `ms`, `us` or `ns` since 1970, or as
            `datetime.strptime` takes it.
        zone: IANA zone of texts without an offset; empty: they must have one.
        era: `buddhist` for texts with years such as 2569, 543 ahead.
        ambiguous: Which of the two is meant when a local time happens twice, as clocks are put back.
    """

    format: str = "iso"
    zone: str = ""
    era: Literal["common", "buddhist"] = "common"
    ambiguous: Literal["refuse", "earlier", "later"] = "refuse"

    @field_validator("format")
    @classmethod
    def _readable(cls, value: str) -> str:
        if value in _NAMED:
            return value
        if "%" not in value:
            raise ValueError(f"{value!r} is neither {', '.join(_NAMED)} nor a format such as '%Y-%m-%d %H:%M'")
        try:
            datetime.strptime(_SOME_DAY.strftime(value), value)  # noqa: DTZ007  the zone is a setting of its own
        except (ValueError, re.error) as error:
            raise ValueError(f"{value!r} can't be read back: {error}") from None
        return value

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            _ = value and ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}") from None
        return value

    @model_validator(mode="after")
    def _of_texts(self) -> Self:
        if self.era != "common" and self.format in ("rfc3339", *PER_SECOND):
            raise ValueError(f"format {self.format!r} knows no other era than the common one")
        if self.zone and (self.format in ("rfc3339", *PER_SECOND) or "%z" in self.format):
            raise ValueError(f"format {self.format!r} has its own offset, so zone must go")
        if not self.zone and "%" in self.format and "%z" not in self.format:
            raise ValueError(f"format {self.format!r} has no offset, so zone must say it")
        return self

    @cached_property
    def _zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.zone) if self.zone else None

    def from_text(self, text: str) -> int:
        """Read a date and a time as nanoseconds UTC; but in `rfc3339`, digits beyond microseconds are cut.

        Raises:
            ValueError: One sentence that says what is wrong.
        """
        if self.format == "rfc3339":
            return _rfc3339(text)
        common = text
        if self.era == "buddhist":
            common = _BUDDHIST_YEAR.sub(lambda year: str(int(year[0]) - _BUDDHIST_AHEAD), text, count=1)
        try:
            when = (
                datetime.fromisoformat(common.strip()[:_MAX_LETTERS])
                if self.format == "iso"
                else datetime.strptime(common, self.format)  # noqa: DTZ007  the zone comes next
            )
        except ValueError:
            form = "ISO 8601" if self.format == "iso" else repr(self.format)
            raise ValueError(f"{text[:80]!r} is not a time as {form} has it") from None
        if when.tzinfo is None:
            when = self._local(when, text)
        return _in_range((when - _EPOCH) // _MICROSECOND * _MICROSECOND_NS, text)

    def from_number(self, value: float) -> int:
        """Read a number of the format's units since 1970 as nanoseconds UTC.

        Raises:
            ValueError: It is outside 1970 to 2100.
        """
        return unix_ns(value, PER_SECOND[self.format])

    def _local(self, naive: datetime, text: str) -> datetime:
        zone = self._zone
        if zone is None:
            raise ValueError(f"{text[:80]!r} has no offset")
        early, late = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
        if early.utcoffset() == late.utcoffset():
            return early
        if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
            raise ValueError(f"{text!r} does not exist in {zone}: the clocks were put forward over it")
        if self.ambiguous == "refuse":
            raise ValueError(f"{text!r} happens twice in {zone}: time.ambiguous says which one is meant")
        return early if self.ambiguous == "earlier" else late


def unix_ns(value: float, per_second: int) -> int:
    """Read a Unix time as nanoseconds UTC.

    Args:
        value: The number.
        per_second: How many of its units are a second.

    Raises:
        ValueError: It is outside 1970 to 2100.
    """
    if not FIRST_NS * per_second <= value * 10**9 < LAST_NS * per_second:
        raise ValueError(f"{value} is outside 1970 to 2100")
    if isinstance(value, int):
        return value * 10**9 // per_second
    # a double of today's seconds holds no more than microseconds
    return round(value * (10**6 / per_second)) * _MICROSECOND_NS


def _rfc3339(text: str) -> int:
    try:
        return to_time_ns(text)
    except Malformed as error:
        raise ValueError(error.detail) from None


def _in_range(time_ns: int, text: str) -> int:
    if not FIRST_NS <= time_ns < LAST_NS:
        raise ValueError(f"{text[:80]!r} is outside 1970 to 2100")
    return time_ns
