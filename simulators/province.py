"""A province as data: climate, districts, places and roads, read from `provinces/<code>.toml`."""

import tomllib
from datetime import datetime
from functools import cached_property
from importlib import resources
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from city.batch import Floats
from city.catalog import NAMED_KINDS
from city.errors import ConfigurationError
from city.topics import PROVINCE_PATTERN

Year = Annotated[tuple[float, ...], msgspec.Meta(min_length=12, max_length=12)]


class Climate(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Figures from January to December; units as in the file's comments."""

    temperature: Year
    swing: Year
    humidity: Year
    pm2_5: Year
    rain_chance: Year
    wind_from: Year
    pressure: Year


class Share(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How many devices of a kind there are, as a weight, and at which sorts of place."""

    share: float
    at: list[str]


class District(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A district and its town; `weight` is its share of the devices."""

    key: str
    en: str
    th: str
    lat: float
    lon: float
    weight: float = 1.0


class Spot(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"sorts": "is"}):
    """A place where devices stand; gauges have a `bank`, `bed` (m above mean sea level) and `flow` (m3/s)."""

    en: str
    district: str
    lat: float
    lon: float
    sorts: list[str]
    radius_km: float = 0.4
    weight: float = 1.0
    bank: float = 0.0
    bed: float = 0.0
    flow: float = 0.0


class Road(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A polyline of (lat, lon); `speed` is a trip's average in km/h."""

    key: str
    en: str
    speed: float
    carries: list[str]
    points: Annotated[list[tuple[float, float]], msgspec.Meta(min_length=2)]


class Province(msgspec.Struct, forbid_unknown_fields=True, frozen=True, dict=True):
    """A province's file, as `load_province` has checked it."""

    code: str
    en: str
    th: str
    zone: str
    lat: float
    lon: float
    climate: Climate
    kinds: dict[str, Share]
    districts: list[District]
    places: list[Spot]
    roads: list[Road]

    @cached_property
    def offset_s(self) -> int:
        """Seconds by which its local time is ahead of UTC."""
        return int(_offset(self.zone, 1))

    @cached_property
    def year(self) -> dict[str, Floats]:
        """The climate's figures, each an array of (12,) months."""
        return {key: np.array(row, np.float64) for key, row in msgspec.structs.asdict(self.climate).items()}

    def spots(self, kind: str) -> list[Spot]:
        """List the places where devices of a kind may stand; the districts' towns are of the sort `town`."""
        sorts = set(self.kinds[kind].at)
        towns = [Spot(d.en, d.key, d.lat, d.lon, ["town"], 1.5, d.weight) for d in self.districts]
        return [spot for spot in (*towns, *self.places) if sorts.intersection(spot.sorts)]


def load_province(code: str) -> Province:
    """Read a province's file.

    Raises:
        ConfigurationError: There is none, or it is wrong; the sentence names the file.
    """
    name = f"simulators/provinces/{code}.toml"
    file = resources.files("simulators") / "provinces" / f"{code}.toml"
    if PROVINCE_PATTERN.fullmatch(code) is None or not file.is_file():
        raise ConfigurationError(f"no simulated province {code!r}: there is no {name}")
    try:
        province = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Province)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{name}: {error}") from None
    _check(province, name)
    return province


_SEASONS: Final = (1, 7)


def _check(province: Province, name: str) -> None:
    if len({_offset(province.zone, month) for month in _SEASONS}) > 1:
        # meters count civil days of 24 hours; a day of 25 would make them run backwards
        raise ConfigurationError(f"{name}: the simulation needs a zone without daylight saving, not {province.zone}")
    if missing := NAMED_KINDS.keys() - province.kinds.keys():
        raise ConfigurationError(f"{name}: [kinds] lacks {', '.join(sorted(missing))}")
    known = {district.key for district in province.districts}
    for spot in province.places:
        if spot.district not in known:
            raise ConfigurationError(f"{name}: {spot.en} is in an unknown district {spot.district!r}")
    for kind in province.kinds:
        if kind not in NAMED_KINDS:
            raise ConfigurationError(f"{name}: the catalog has no kind {kind!r}")
        if not province.spots(kind):
            raise ConfigurationError(f"{name}: there is no place for {kind}")
    for kind in ("vehicle", "mapping_robot"):
        if not any(kind in road.carries for road in province.roads):
            raise ConfigurationError(f"{name}: no road carries {kind}")


def _offset(zone: str, month: int) -> float:
    try:
        ahead = datetime(2025, month, 1, tzinfo=ZoneInfo(zone)).utcoffset()
    except (KeyError, ValueError, OSError):
        raise ConfigurationError(f"{zone!r} is no IANA time zone") from None
    return ahead.total_seconds() if ahead else 0.0
