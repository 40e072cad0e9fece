r"""How a foreign JSON document is read: where its devices, times and values stand, as a table of settings.

```toml
[mappings.stations]
kind = "air_quality"
each = "data.stations"                      # a list, one reading an item; absent: the document
device = "id"                               # or device_fixed = "roof"; neither: the link names it
device_prefix = "pcd-"                      # absent: the mapping's name and a dash
time = ["last.date", "last.time"]           # several texts are joined by a space; absent: the time of receipt
time_format = "%Y-%m-%d %H:%M"              # or iso, s, ms, us, ns
zone = "Asia/Bangkok"                       # of times without an offset
era = "buddhist"                            # of texts with years such as 2569; absent: common
lat = "lat"
lon = "long"
missing = ["-", "N/A", -999]                # null and the empty text always are

[mappings.stations.values]
pm2_5 = "last.pm25.value"                   # in the catalog's unit
temperature = { path = "last.temp", unit = "degF" }
door_open = { path = "last.door", states = { open = 1, closed = 0 } }
```

**Paths** are keys joined by dots, from the item; `$.` in front starts at the document. In a list, a number is a place,
and `key=text` is its first item that has this text under this key: `sensors.name=temp.value`. `\.` is a dot in a key.

**Devices**: the prefix and the name; where letters of it can't stand in an id (Thai), its CRC-32 ends the id.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from city.catalog import KINDS, QUANTITIES
from city.errors import ConfigurationError, Malformed
from city.reading import checked_id, checked_quantity
from city.units import UNITS, convert

_PER_SECOND: Final = MappingProxyType({"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9})
_SOME_DAY: Final = datetime(2026, 11, 22, 13, 45, 59, tzinfo=UTC)
_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Path:
    """Where something stands: its keys, from the item or from the document."""

    keys: tuple[str, ...]
    from_document: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a quantity comes from.

    Attributes:
        path: Where it stands.
        unit: The document's unit, a key of `city.units.UNITS`; empty: the catalog's.
        times: Factor before the unit is turned into the catalog's.
        over: Divisor likewise: 10 for tenths, because 251 / 10 is 25.1 and 251 * 0.1 is not.
        states: Text to value, for what is no number.
    """

    path: Path
    unit: str = ""
    times: float = 1.0
    over: float = 1.0
    states: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JsonMapping:
    """A checked mapping; `load_mapping` makes it.

    Attributes:
        values: Quantity key to its source.
        kind: Kind of the catalog; None: the link names it.
        each: Where the list of items stands.
        device: Where an item's device stands; None: `device_fixed`, or the link names it.
        device_fixed: Id of the one device.
        device_prefix: Stands before the foreign name.
        time: Where the parts of an item's time stand; none: the time of receipt.
        per_second: Units of a numeric time in a second; 0 for a text.
        time_format: Of a text, as `datetime.strptime` takes it; empty for ISO 8601.
        zone: Of texts without an offset; None: they must have one.
        buddhist: Years of texts are of the Buddhist era, 543 ahead.
        position: Where latitude and longitude stand.
        missing_texts: Texts that say that there is no value, without blanks around them.
        missing_numbers: Numbers that say so.
    """

    values: Mapping[str, Source]
    kind: str | None = None
    each: Path | None = None
    device: Path | None = None
    device_fixed: str | None = None
    device_prefix: str = ""
    time: tuple[Path, ...] = ()
    per_second: int = 0
    time_format: str = ""
    zone: tzinfo | None = None
    buddhist: bool = False
    position: tuple[Path, Path] | None = None
    missing_texts: frozenset[str] = frozenset({""})
    missing_numbers: frozenset[float] = frozenset()

    def names(self) -> frozenset[str]:
        """Give the first key of every path: what a row must have."""
        paths = [source.path for source in self.values.values()]
        paths += [*self.time, *(self.position or ()), *([self.device] if self.device else [])]
        return frozenset(path.keys[0] for path in paths if path.keys)


class _Source(msgspec.Struct, forbid_unknown_fields=True):
    path: _Text
    unit: str = ""
    times: float = 1.0
    over: float = 1.0
    states: dict[str, float | bool] = {}


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    """The settings as they are written."""

    values: Annotated[dict[str, _Text | _Source], msgspec.Meta(min_length=1)]
    kind: str | None = None
    each: _Text | None = None
    device: _Text | None = None
    device_fixed: str | None = None
    device_prefix: str | None = None
    time: _Text | list[_Text] = []
    time_format: _Text = "iso"
    zone: str | None = None
    era: Literal["common", "buddhist"] = "common"
    lat: _Text | None = None
    lon: _Text | None = None
    missing: list[str | float] = []


def load_mapping(name: str, table: Mapping[str, object]) -> JsonMapping:
    """Check a table of settings.

    Args:
        name: What the mapping is called; for the sentences.
        table: As TOML or JSON gives it.

    Raises:
        ConfigurationError: One sentence that names the mapping and the key.
    """
    try:
        return _mapping(name, msgspec.convert(table, _Table))
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigurationError(f"mapping {name!r}: {error}") from None


def _mapping(name: str, table: _Table) -> JsonMapping:
    if table.kind is not None and table.kind not in KINDS:
        raise ValueError(f"kind: the catalog has no kind {table.kind!r}, only {', '.join(KINDS)}")
    if table.device is not None and table.device_fixed is not None:
        raise ValueError("device and device_fixed exclude each other")
    if (table.lat is None) != (table.lon is None):
        raise ValueError("lat and lon come together or not at all")
    times = [table.time] if isinstance(table.time, str) else table.time
    texts = {marker.strip() for marker in table.missing if isinstance(marker, str)}
    return JsonMapping(
        values={key: _source(key, source) for key, source in table.values.items()},
        kind=table.kind,
        each=None if table.each is None else parse_path(table.each),
        device=None if table.device is None else parse_path(table.device),
        device_fixed=_device(table.device_fixed),
        device_prefix=f"{name}-" if table.device_prefix is None else table.device_prefix,
        time=tuple(parse_path(text) for text in times),
        per_second=_PER_SECOND.get(table.time_format, 0),
        time_format=_strptime_format(table.time_format),
        zone=_zone(table.zone),
        buddhist=table.era == "buddhist",
        position=None if table.lat is None or table.lon is None else (parse_path(table.lat), parse_path(table.lon)),
        missing_texts=frozenset(texts | {""}),
        missing_numbers=frozenset(float(marker) for marker in table.missing if not isinstance(marker, str)),
    )


def parse_path(text: str) -> Path:
    """Read a path.

    Raises:
        ValueError: A key in it is empty.
    """
    from_document = text.startswith("$.")
    keys = [key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", text[2:] if from_document else text)]
    if not all(keys):
        raise ValueError(f"{text!r} has an empty key in it")
    return Path(tuple(keys), from_document)


def _device(fixed: str | None) -> str | None:
    try:
        return None if fixed is None else checked_id(fixed)
    except Malformed as error:
        raise ValueError(f"device_fixed: {error.detail}") from None


def _source(key: str, given: str | _Source) -> Source:
    source = _Source(given) if isinstance(given, str) else given
    try:
        row = QUANTITIES.get(checked_quantity(key))
        if source.unit:
            convert(1.0, source.unit, source.unit if row is None else row.unit)
    except Malformed as error:
        raise ValueError(f"values.{key}: {error.detail}") from None
    if source.unit and source.unit not in UNITS:
        raise ValueError(f"values.{key}: no unit {source.unit!r}, only {', '.join(UNITS)}")
    if not all(math.isfinite(factor) and factor for factor in (source.times, source.over)):
        raise ValueError(f"values.{key}: times and over are finite and not 0")
    states = {text: float(value) for text, value in source.states.items()}
    return Source(parse_path(source.path), source.unit, source.times, source.over, states)


def _strptime_format(text: str) -> str:
    if text == "iso" or text in _PER_SECOND:
        return ""
    if "%" not in text:
        raise ValueError(f"time_format: {text!r} is neither iso, s, ms, us, ns nor a format such as '%Y-%m-%d %H:%M'")
    try:
        datetime.strptime(_SOME_DAY.strftime(text), text)  # noqa: DTZ007  the zone is a setting of its own
    except (ValueError, re.error) as error:
        raise ValueError(f"time_format: {text!r} can't be read back: {error}") from None
    return text


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"zone: there is no time zone {name!r}") from None
