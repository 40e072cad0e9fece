"""Mapping files: which column or field of a recording is which device, time and quantity.

A table is mapped like this; see `simulators/mappings/` for whole ones:

    format = "csv"                      # or json
    kind = "air_quality"
    missing = ["", "-999"]              # what stands for no value; the empty cell is the default
    [time]
    column = "DATETIMEDATA"
    format = "%Y-%m-%d %H:%M:%S"        # as in strptime, or rfc3339 (the default), iso, s, ms, us, ns
    zone = "Asia/Bangkok"               # IANA; left out where the format has an offset
    [device]
    column = "stationID"                # or name = "one-device"
    prefix = "air4thai-"
    [columns]
    PM25 = "pm2_5"
    TEMP = { quantity = "temperature", unit = "degF" }
    FLOW = { quantity = "flow", over = 10, unit = "L/s" }

Numbers and times are spelled as in `gateway.toml`: `city/mapping/` has the keys.

A wide table, where each column is a device, has `[gauges]` instead of `[device]` and `[columns]`. Line protocol has
`format = "line_protocol"` and a list of `[[points]]`.
"""

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from city.catalog import QUANTITIES
from city.errors import ConfigurationError
from city.mapping import Marker, QuantityTransform, TimeFormat
from city.settings import read_toml
from city.tables import Id, Kind, QuantityKey, Table, parse_table


def _with_quantity(given: object) -> object:
    return {"quantity": given} if isinstance(given, str) else given


class Column(QuantityTransform):
    """A column's quantity, and what its numbers mean."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.unit and self.quantity not in QUANTITIES:
            raise ValueError(f"{self.quantity!r} is not in the catalog, so nothing says what {self.unit} becomes")
        self.check(self.quantity)
        return self


Columns = dict[str, Annotated[Column, BeforeValidator(_with_quantity)]]


class Gauge(Column):
    """A wide table's column: its device as well."""

    device: Id


class Time(TimeFormat):
    """Where the time is and how it is written."""

    column: str
    format: str = "rfc3339"


class DeviceFrom(Table):
    """The device: one `name`, or a `column` (for points: a `tag`) whose text gets the prefix and becomes an id."""

    name: Id | None = None
    column: str | None = None
    tag: str | None = None
    prefix: str = ""

    def check(self, key: Literal["column", "tag"]) -> None:
        """Look whether it says one of `name` and the key.

        Raises:
            ValueError: It doesn't.
        """
        other = self.tag if key == "column" else self.column
        if other is not None or (self.name is None) == (getattr(self, key) is None):
            raise ValueError(f"[device] has either name or {key}")


class Position(Table):
    """Two columns of degrees, or one of WKT `POINT(lon lat)`."""

    lat: str | None = None
    lon: str | None = None
    wkt: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.wkt is None) == (self.lat is None or self.lon is None):
            raise ValueError("[position] has lat and lon, or wkt")
        return self


class Points(Table):
    """Points of one measurement."""

    measurement: str
    kind: Kind
    device: DeviceFrom
    fields: Columns = Field(min_length=1)


class Mapping(Table):
    """A mapping file.

    Attributes:
        missing: Texts and numbers that stand for no value; the empty cell, unless this says otherwise.
        absent_columns: Whether the file may lack columns that the mapping names; at least one must be there.
        constants: Quantities that each row has with the same value, such as `fix = 1` for a bare position.
        precision: Unit of the timestamps of line protocol.
        others: Whether a measurement or field that [[points]] do not name is a bad line, or left out.
    """

    format: Literal["csv", "json", "line_protocol"]
    kind: Kind | None = None
    delimiter: str = Field(",", min_length=1, max_length=1)
    missing: tuple[Marker, ...] = ("",)
    absent_columns: Literal["refuse", "allow"] = "refuse"
    time: Time | None = None
    device: DeviceFrom | None = None
    position: Position | None = None
    columns: Columns = Field(default_factory=dict)
    gauges: dict[str, Gauge] = Field(default_factory=dict)
    constants: dict[QuantityKey, float] = Field(default_factory=dict)
    points: tuple[Points, ...] = ()
    precision: Literal["ns", "us", "ms", "s"] = "ns"
    others: Literal["refuse", "ignore"] = "refuse"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.format == "line_protocol":
            self._check_points()
        else:
            self._check_table()
        return self

    def _check_points(self) -> None:
        if not self.points or self.columns or self.gauges or self.time or self.device or self.kind:
            raise ValueError("line protocol is mapped by [[points]] alone")
        for row in self.points:
            row.device.check("tag")

    def _check_table(self) -> None:
        if self.points:
            raise ValueError("[[points]] are for line protocol; a table has [columns] or [gauges]")
        if self.kind is None:
            raise ValueError("a table needs a kind")
        if self.time is None:
            raise ValueError("a table needs [time]")
        if self.gauges:
            if self.columns or self.device or self.constants or self.position:
                raise ValueError("[gauges] name devices and quantities already: no [device], [columns] beside")
            return
        if self.device is None or not (self.columns or self.constants):
            raise ValueError("a table needs [device], and [columns] or [constants]")
        self.device.check("column")


def load_mapping(name: str) -> Mapping:
    """Read a mapping file, or a shipped one by its name.

    Raises:
        ConfigurationError: It isn't there, or is wrong; the sentence names it.
    """
    shipped = Path(str(resources.files("simulators") / "mappings"))
    file = Path(name) if name.endswith(".toml") else shipped / f"{Path(name).name}.toml"
    if not file.exists():
        names = ", ".join(sorted(each.stem for each in shipped.glob("*.toml")))
        raise ConfigurationError(f"there is no mapping {name!r}; shipped are {names}")
    return parse_table(Mapping, read_toml(file), f"mapping {name}")
