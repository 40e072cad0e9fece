r"""How a foreign JSON document is read: where its devices, times and values stand, as a table of settings.

```toml
[mappings.stations]
kind = "air_quality"
each = "data.stations"                      # a list, one reading an item; absent: the document
device = "id"                               # or device_fixed = "roof"; neither: the input names it
device_prefix = "pcd-"                      # absent: the mapping's name and a dash
lat = "lat"
lon = "long"
missing = ["-", "N/A", -999]                # null and the empty text always are
ignore = ["id_of_row", "last.quality"]      # numbers that are no measurements; all others are told as unread

[mappings.stations.time]                    # absent: the time of receipt; time = "at" is { path = "at" }
path = ["last.date", "last.time"]           # several texts are joined by a space
format = "%Y-%m-%d %H:%M"                   # or iso (the default), rfc3339, s, ms, us, ns
zone = "Asia/Bangkok"                       # of times without an offset
era = "buddhist"                            # of texts with years such as 2569; absent: common

[mappings.stations.values]
pm2_5 = "last.pm25.value"                   # in the catalog's unit
temperature = { path = "last.temp", unit = "degF" }
pressure = { path = "last.p", over = 10 }    # scale, over, offset, unit: city/mapping/transform.py
door_open = { path = "last.door", states = { open = 1, closed = 0 } }
```

**Paths** are keys joined by dots, from the item; `$.` in front starts at the document. In a list, a number is a place,
and `key=text` is its first item that has this text under this key: `sensors.name=temp.value`. `\.` is a dot in a key.

**Devices**: the prefix and the id of the name (`city.names`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from city.mapping import Marker, TimeFormat, Transform
from city.tables import Id, Kind, QuantityKey, Table, parse_table


@dataclass(frozen=True, slots=True)
class Path:
    """Where something stands: its keys, from the item or from the document."""

    keys: tuple[str, ...]
    from_document: bool = False


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


def _path(given: object) -> Path:
    if not isinstance(given, str):
        raise ValueError("a path is a text")  # noqa: TRY004  pydantic wants this one
    return parse_path(given)


def _paths(given: object) -> object:
    return given if isinstance(given, tuple) else (given,)


def _with_path(given: object) -> object:
    return {"path": given} if isinstance(given, str | tuple) else given


Tree = dict[str, "Tree"]
"""Paths by their keys; an empty one ends there, and holds all that is below."""

PathText: TypeAlias = Annotated[Path, PlainValidator(_path)]


class Source(Transform):
    """Where a quantity comes from, and what its number means.

    Attributes:
        path: Where it stands.
        states: Text to value, for what is no number.
    """

    path: PathText
    states: dict[str, float | bool] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """A source made ready to read many items: plain attributes, and what turns a number into a value."""

    quantity: str
    path: Path
    states: Mapping[str, float]
    convert: Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Missing:
    """What says that there is no value: texts without blanks around them, and numbers."""

    texts: frozenset[str]
    numbers: frozenset[float]


class Time(TimeFormat):
    """Where an item's time stands, in one or several parts, and how it is written."""

    path: Annotated[tuple[PathText, ...], BeforeValidator(_paths), Field(min_length=1)]


class JsonMapping(Table):
    """One `[mappings.*]`.

    Attributes:
        values: Quantity key to its source.
        kind: Kind of the catalog; None: the input names it.
        each: Where the list of items stands.
        device: Where an item's device stands; None: `device_fixed`, or the input names it.
        device_fixed: Id of the one device.
        device_prefix: Stands before the foreign name; None: the mapping's name and a dash.
        time: Where an item's time stands; None: the time of receipt.
        lat: Where the latitude stands.
        lon: Where the longitude stands.
        missing: What says that there is no value, beside null and the empty text.
        ignore: Where numbers stand that are no measurements, with all that is below.
    """

    values: dict[QuantityKey, Annotated[Source, BeforeValidator(_with_path)]] = Field(min_length=1)
    kind: Kind | None = None
    each: PathText | None = None
    device: PathText | None = None
    device_fixed: Id | None = None
    device_prefix: str | None = None
    time: Annotated[Time, BeforeValidator(_with_path)] | None = None
    lat: PathText | None = None
    lon: PathText | None = None
    missing: tuple[Marker, ...] = ()
    ignore: tuple[PathText, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.device is not None and self.device_fixed is not None:
            raise ValueError("device and device_fixed exclude each other")
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon come together or not at all")
        for quantity, source in self.values.items():
            try:
                source.check(quantity)
            except ValueError as error:
                raise ValueError(f"values.{error}") from None
        return self

    @cached_property
    def readers(self) -> tuple[Reader, ...]:
        """Its sources, made ready."""
        return tuple(
            Reader(
                quantity,
                source.path,
                {text: float(value) for text, value in source.states.items()},
                source.converter(quantity),
            )
            for quantity, source in self.values.items()
        )

    @cached_property
    def of_item(self) -> Tree:
        """What it reads or ignores of an item; where the document is the item, of the document as well."""
        return _tree(path for path in self._paths() if self.each is None or not path.from_document)

    @cached_property
    def of_document(self) -> Tree:
        """What it reads or ignores of a document beside its items."""
        paths = [path for path in self._paths() if path.from_document]
        return _tree([*paths, self.each] if self.each else paths)

    def _paths(self) -> list[Path]:
        given = [source.path for source in self.values.values()]
        given += self.time.path if self.time else ()
        given += [path for path in (self.lat, self.lon, self.device) if path is not None]
        return [*given, *self.ignore]

    @cached_property
    def absent(self) -> Missing:
        """Its markers by type, and the empty text."""
        texts = frozenset(marker for marker in self.missing if isinstance(marker, str))
        return Missing(texts | {""}, frozenset(marker for marker in self.missing if not isinstance(marker, str)))

    def names(self) -> frozenset[str]:
        """Give the first key of every path: what a row must have."""
        return frozenset(path.keys[0] for path in self._paths() if path not in self.ignore)


def _tree(paths: Iterable[Path]) -> Tree:
    tree: Tree = {}
    for path in paths:
        at = tree
        for key in path.keys:
            at = at.setdefault(key, {})
        at.clear()
    return tree


def load_mapping(name: str, table: Mapping[str, object]) -> JsonMapping:
    """Check a table of settings, as TOML or JSON gives it.

    Raises:
        ConfigurationError: One sentence that names the mapping and the key.
    """
    return parse_table(JsonMapping, table, f"mapping {name!r}")
