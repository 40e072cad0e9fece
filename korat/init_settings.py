"""What can be set about `korat init`."""

import re
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from pydantic import Field, field_validator

from city.settings import Settings

_BUCKET: Final = re.compile(r"([A-Za-z0-9_-]{1,64})\s*=\s*(?:(\d{1,5})(h|d|w)|forever)")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Bucket(NamedTuple):
    """A bucket and how many seconds it keeps what it holds; 0: for ever."""

    name: str
    keep_s: int

    @classmethod
    def parse(cls, text: str) -> "Bucket":
        """Read `name=30d`, hours, days or weeks, or `name=forever`.

        Raises:
            ValueError: It is neither.
        """
        match = _BUCKET.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"a bucket is name=30d, hours (h), days (d) or weeks (w), or name=forever, not {text!r}")
        keep_s = int(int(match[2]) * _UNITS[match[3]].total_seconds()) if match[2] else 0
        if match[2] and not keep_s:
            raise ValueError(f"bucket {match[1]!r} would keep nothing; InfluxDB's least is 1h")
        return cls(match[1], keep_s)


class InitSettings(Settings):
    """Settings of `korat init`: table `[init]`, variables `KORAT_INIT_*`.

    Attributes:
        secrets: Folder of the secrets that it reads and writes.
        mode: Rights of the files that it writes, in octal: 0600 for their owner alone, 0640 for the group as well.
        org: InfluxDB's organisation.
        user: InfluxDB's first user, made when the server is new.
        buckets: Buckets, each with how long it keeps readings, like `korat=730d` or `korat=forever`; the environment
            separates them by `;`. Empty: the one that `store_url` names, for ever.
        wait_s: Seconds that servers have to come up.
    """

    section: ClassVar[str] = "init"

    secrets: Path = Path("secrets")
    mode: str = Field("0600", pattern=r"^0?6[04]0$")
    org: str = Field("korat", min_length=1, max_length=64)
    user: str = Field("korat", min_length=1, max_length=64)
    buckets: tuple[str, ...] = ()
    wait_s: float = Field(180.0, gt=0, le=3600)

    @field_validator("buckets", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value

    @field_validator("buckets")
    @classmethod
    def _well_formed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [Bucket.parse(text).name for text in value]
        if len(set(names)) < len(names):
            raise ValueError("a bucket is named twice")
        return value
