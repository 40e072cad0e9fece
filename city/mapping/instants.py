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
_ERA_HINT: Final = '; is its year a Buddhist one (era = "buddhist")?'
_ISO_YEAR: Final = re.compile(r"\s*(?P<Y>\d{4})", re.ASCII)
_BUDDHIST_YEARS: Final = range(2400, 2600)
_BUDDHIST_AHEAD: Final = 543
"""Years; they are changed in the text, for 29 February is not a day of 2567 elsewhere."""

_DIRECTIVES: Final = MappingProxyType(
    {"Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d\d)", "j": r"\d{1,3}", "f": r"\d{1,6}", "%": "%"}
    | dict.fromkeys("dmHIMS", r"\d\d?")
)
"""What `datetime.strptime` takes for them; all others are texts."""


class TimeFormat(Table):
    """How times are written.

    Attributes:
        format: `iso` (ISO 8601), `rfc3339` (to the nanosecond), `s`, `ms`, `us` or `ns` since 1970, or as
            `datetime.strptime` takes it.
        zone: IANA zone of texts without an offset; empty: they must have one.
        era: `buddhist` for texts with years such as 2569, 543 ahead.
        ambiguous: Which of the two is meant when a local time happens twice, as clocks are put back, and the order of
            rows doesn't tell (`city.mapping.order`).
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
        return self.choose(self.candidates(text), text)

    def choose(self, candidates: tuple[int, int], text: str) -> int:
        """Give the one that `ambiguous` says, where they differ.

        Raises:
            ValueError: It says none.
        """
        early_ns, late_ns = candidates
        if early_ns != late_ns and self.ambiguous == "refuse":
            raise ValueError(
                f"{text[:80]!r} happens twice in {self.zone}: neither the order of rows nor time.ambiguous tells which"
            )
        return late_ns if self.ambiguous == "later" else early_ns

    def candidates(self, text: str) -> tuple[int, int]:
        """Read a text as the earlier and the later instant that it may be, nanoseconds UTC; nearly always they are one.

        Raises:
            ValueError: One sentence that says what is wrong.
        """
        if self.format == "rfc3339":
            time_ns = _rfc3339(text)
            return time_ns, time_ns
        common = text
        if self.era == "buddhist":
            common = self._in_the_common_era(text)
        try:
            when = (
                datetime.fromisoformat(common.strip()[:_MAX_LETTERS])
                if self.format == "iso"
                else datetime.strptime(common, self.format)  # noqa: DTZ007  the zone comes next
            )
        except ValueError:
            form = "ISO 8601" if self.format == "iso" else repr(self.format)
            raise ValueError(f"{text[:80]!r} is not a time as {form} has it") from None
        early, late = self._local(when, text) if when.tzinfo is None else (when, when)
        early_ns = _in_range((early - _EPOCH) // _MICROSECOND * _MICROSECOND_NS, text)
        return early_ns, early_ns if late is early else (late - _EPOCH) // _MICROSECOND * _MICROSECOND_NS

    def from_number(self, value: float) -> int:
        """Read a number of the format's units since 1970 as nanoseconds UTC.

        Raises:
            ValueError: It is outside 2000 to 2100.
        """
        return unix_ns(value, PER_SECOND[self.format])

    @cached_property
    def _year(self) -> re.Pattern[str]:
        """Finds the year in a text of the format, also where no sign parts it from month or hour."""
        if self.format == "iso":
            return _ISO_YEAR
        parts = re.split(r"%(.)|(\s+)", self.format)
        spelled = [
            re.escape(text) + (r"\s+" if blank else "" if letter is None else _DIRECTIVES.get(letter, ".+?"))
            for text, letter, blank in zip(parts[::3], [*parts[1::3], None], [*parts[2::3], None], strict=True)
        ]
        return re.compile("".join(spelled) + ("$" if self.format else ""), re.ASCII | re.IGNORECASE)

    def _in_the_common_era(self, text: str) -> str:
        match = self._year.match(text)
        for letter, digits in match.groupdict().items() if match is not None else ():
            year = int(digits)
            if letter == "y":
                common = f"{(2500 + year - _BUDDHIST_AHEAD) % 100:02}"
            elif year in _BUDDHIST_YEARS:
                common = str(year - _BUDDHIST_AHEAD)
            else:
                continue
            return f"{text[: match.start(letter)]}{common}{text[match.end(letter) :]}" if match else text
        return text

    def _local(self, naive: datetime, text: str) -> tuple[datetime, datetime]:
        zone = self._zone
        if zone is None:
            raise ValueError(f"{text[:80]!r} has no offset")
        early, late = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
        if early.utcoffset() == late.utcoffset():
            return early, early
        if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
            raise ValueError(f"{text!r} does not exist in {zone}: the clocks were put forward over it")
        return early, late


def unix_ns(value: float, per_second: int) -> int:
    """Read a Unix time as nanoseconds UTC.

    Args:
        value: The number.
        per_second: How many of its units are a second.

    Raises:
        ValueError: It is outside 2000 to 2100.
    """
    if not FIRST_NS * per_second <= value * 10**9 < LAST_NS * per_second:
        unit = next(name for name, units in PER_SECOND.items() if units == per_second)
        raise ValueError(f"{value} {unit} since 1970 is outside 2000 to 2100: another unit, or a clock never set")
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
        year = _ISO_YEAR.match(text)
        era = year is not None and int(year["Y"]) in _BUDDHIST_YEARS
        raise ValueError(f"{text[:80]!r} is outside 2000 to 2100{_ERA_HINT if era else ''}")
    return time_ns
