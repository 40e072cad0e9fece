"""Mapping files: which column or field of a recording is which device, time and quantity.

A table is mapped like this; see `simulators/mappings/` for whole ones:

    format = "csv"                      # or json
    kind = "air_quality"
    missing = ["", "-999"]              # what stands for no value; the empty cell is the default
    [time]
    column = "DATETIMEDATA"
    format = "%Y-%m-%d %H:%M:%S"        # as in strptime, or: rfc3339, unix_s, unix_ms, unix_ns
    zone = "Asia/Bangkok"               # IANA; left out where the format has an offset
    [device]
    column = "stationID"                # or name = "one-device"
    prefix = "air4thai-"
    [columns]
    PM25 = "pm2_5"
    TEMP = { quantity = "temperature", from = "degF" }

A wide table, where each column is a device, has `[gauges]` instead of `[device]` and `[columns]`. Line protocol has
`format = "line_protocol"` and a list of `[[points]]`.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from city.catalog import KINDS
from city.errors import ConfigurationError, Malformed
from city.reading import checked_id, checked_quantity
from simulators.replay.units import conversion

_NAMED: Final = frozenset({"rfc3339", "unix_s", "unix_ms", "unix_ns"})


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    """A table of a mapping file: keys that it doesn't know are refused."""


class Column(_Part, rename={"unit": "from"}):
    """A column's quantity: `value * scale + offset`, or converted `from` a unit."""

    quantity: str
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None


class Gauge(Column, kw_only=True):
    """A wide table's column: its device as well."""

    device: str


class Time(_Part):
    """Where the time is and how it is written."""

    column: str
    format: str = "rfc3339"
    zone: str | None = None
    ambiguous: Literal["refuse", "earlier", "later"] = "refuse"


class DeviceFrom(_Part):
    """The device: one `name`, or a `column` (for points: a `tag`) whose text gets the prefix and becomes an id."""

    name: str | None = None
    column: str | None = None
    tag: str | None = None
    prefix: str = ""


class Position(_Part):
    """Two columns of degrees, or one of WKT `POINT(lon lat)`."""

    lat: str | None = None
    lon: str | None = None
    wkt: str | None = None


class Points(_Part):
    """Points of one measurement."""

    measurement: str
    kind: str
    device: DeviceFrom
    fields: Annotated[dict[str, str | Column], msgspec.Meta(min_length=1)]


class Mapping(_Part, kw_only=True):
    """A mapping file.

    Attributes:
        absent_columns: Whether the file may lack columns that the mapping names; at least one must be there.
        constants: Quantities that each row has with the same value, such as `fix = 1` for a bare position.
        precision: Unit of the timestamps of line protocol.
        others: Whether a measurement or field that [[points]] do not name is a bad line, or left out.
    """

    format: Literal["csv", "json", "line_protocol"]
    kind: str | None = None
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    missing: tuple[str, ...] = ("",)
    absent_columns: Literal["refuse", "allow"] = "refuse"
    time: Time | None = None
    device: DeviceFrom | None = None
    position: Position | None = None
    columns: dict[str, str | Column] = {}
    gauges: dict[str, Gauge] = {}
    constants: dict[str, float] = {}
    points: list[Points] = []
    precision: Literal["ns", "us", "ms", "s"] = "ns"
    others: Literal["refuse", "ignore"] = "refuse"

    def check(self) -> None:
        """Refuse a mapping that contradicts itself or the vocabulary.

        Raises:
            ConfigurationError: One sentence that names the key.
        """
        if self.format == "line_protocol":
            self._check_points()
        else:
            self._check_table()
        for quantity in self.constants:
            _quantity(quantity)

    def _check_points(self) -> None:
        if not self.points or self.columns or self.gauges or self.time or self.device or self.kind:
            raise ConfigurationError("line protocol is mapped by [[points]] alone")
        for row in self.points:
            _kind(row.kind)
            _device(row.device, "tag")
            for field in row.fields.values():
                spelled(field)

    def _check_table(self) -> None:
        if self.points:
            raise ConfigurationError("[[points]] are for line protocol; a table has [columns] or [gauges]")
        _kind(self.kind)
        if self.time is None:
            raise ConfigurationError("a table needs [time]")
        _time(self.time)
        if self.gauges:
            if self.columns or self.device or self.constants or self.position:
                raise ConfigurationError("[gauges] name devices and quantities already: no [device], [columns] beside")
            for gauge in self.gauges.values():
                spelled(gauge)
                _id(gauge.device)
            return
        if self.device is None or not (self.columns or self.constants):
            raise ConfigurationError("a table needs [device], and [columns] or [constants]")
        _device(self.device, "column")
        for column in self.columns.values():
            spelled(column)
        if self.position and (self.position.wkt is None) == (self.position.lat is None or self.position.lon is None):
            raise ConfigurationError("[position] has lat and lon, or wkt")


def load_mapping(name: str) -> Mapping:
    """Read a mapping file, or a shipped one by its name.

    Raises:
        ConfigurationError: It isn't there, or is wrong; the sentence names it.
    """
    path = Path(name)
    shipped = resources.files("simulators") / "mappings"
    try:
        file = path if path.suffix == ".toml" else shipped / f"{path.name}.toml"
        mapping = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Mapping)
        mapping.check()
    except FileNotFoundError:
        names = sorted(file.name.removesuffix(".toml") for file in shipped.iterdir() if file.name.endswith(".toml"))
        raise ConfigurationError(f"there is no mapping {name!r}; shipped are {', '.join(names)}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"mapping {name}: {error}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"mapping {name}: {error}") from None
    return mapping


def spelled(column: str | Column) -> tuple[str, float, float]:
    """Give a column's quantity, scale and offset.

    Raises:
        ConfigurationError: The quantity is not well-formed, or the unit doesn't fit it.
    """
    if isinstance(column, str):
        return _quantity(column), 1.0, 0.0
    quantity = _quantity(column.quantity)
    if column.unit is None:
        return quantity, column.scale, column.offset
    if (column.scale, column.offset) != (1.0, 0.0):
        raise ConfigurationError(f"{quantity}: from and scale exclude each other")
    return quantity, *conversion(quantity, column.unit)


def _quantity(key: str) -> str:
    try:
        return checked_quantity(key)
    except Malformed as error:
        raise ConfigurationError(error.detail) from None


def _kind(kind: str | None) -> None:
    if kind not in KINDS:
        raise ConfigurationError(f"kind = {kind!r} is none of {', '.join(KINDS)}")


def _id(device: str) -> None:
    try:
        checked_id(device)
    except Malformed as error:
        raise ConfigurationError(error.detail) from None


def _device(device: DeviceFrom, key: Literal["column", "tag"]) -> None:
    wrong = "tag" if key == "column" else "column"
    if getattr(device, wrong) is not None or (device.name is None) == (getattr(device, key) is None):
        raise ConfigurationError(f"[device] has either name or {key}")
    if device.name is not None:
        _id(device.name)


def _time(time: Time) -> None:
    offset_known = time.format in _NAMED or "%z" in time.format
    if offset_known == (time.zone is not None):
        what = "has its own offset, so zone must go" if offset_known else "has no offset, so zone must say it"
        raise ConfigurationError(f"[time] format {time.format!r} {what}")
    if time.zone is not None:
        try:
            ZoneInfo(time.zone)
        except (KeyError, ValueError, OSError):
            raise ConfigurationError(f"[time] zone {time.zone!r} is no IANA time zone") from None
