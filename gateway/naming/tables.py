"""The tables of `gateway.toml` that name what a gateway hears.

```toml
[sources."eui-a84041b2c1d00001"]        # as the decoder names it, or a match key: "plant/+/flow", "http/senml"
device = "wl-lam-takhong-3"
kind = "water_level"
codec = "elsys"                         # for network servers that send only bytes
lat = 14.9795                           # of what stands still
lon = 102.0977
drop = ["snr"]                          # or "rest": all that [quantities] lacks

[sources."eui-a84041b2c1d00001".quantities]
distance_mm = { quantity = "level", unit = "mm" }
bat = "battery"

[mappings.stations]                     # foreign JSON: gateway/decoders/mapping.py

[pseudonyms]
key_file = "/etc/korat/pseudonyms.key"  # relative: from this file's folder
devices = ["osmand-*"]
quantities = ["driver_id"]
```

The unit is the one in which the source measures (a key of `city.units.UNITS`). Pseudonyms are made of the names that
result from the rest. Bytes that no decoder understands go to the quarantine as they came, with the ids in them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from city.catalog import QUANTITIES
from city.errors import ConfigurationError, Malformed
from city.reading import checked_id, checked_quantity
from city.tables import Id, Kind, QuantityKey, Table
from city.units import UNITS
from city.wire.direct import to_position
from gateway.decoders import DECODERS
from gateway.decoders.lorawan.codecs import CODECS
from gateway.naming.pseudonyms import MIN_KEY_BYTES, Pseudonyms
from gateway.naming.rules import Rename, Rule, pattern, unit_mismatch

_SHARED_INPUTS: Final = frozenset({"folder", "http", "mqtt", "poll", "tcp", "udp"})
"""In a match key without a topic: it is that of all that uses the input and the decoder."""


def _drop(value: object) -> object:
    if value == "rest" or (isinstance(value, tuple) and all(isinstance(key, str) for key in value)):
        return value
    raise ValueError('it is "rest" or a list of quantities')


def _codec(value: str) -> str:
    if value not in CODECS:
        raise ValueError(f"there is no device codec {value!r}, only {', '.join(CODECS)}")
    return value


Drop: TypeAlias = Annotated[tuple[str, ...] | Literal["rest"], PlainValidator(_drop)]


class QuantityTable(Table):
    """What a decoder's quantity is called in the city, and the unit in which the source measures it."""

    quantity: str | None = None
    unit: str | None = None

    def rename(self, key: str) -> Rename:
        """Make it a rule.

        Raises:
            ValueError: The quantity is not well-formed, or the unit doesn't fit it.
        """
        quantity, unit = self.quantity or key, self.unit
        for each in (key, quantity):
            _checked_quantity(each)
        if unit is None:
            return Rename(quantity)
        if unit not in UNITS:
            raise ValueError(f"no unit {unit!r}, only {', '.join(UNITS)}")
        if quantity not in QUANTITIES:
            raise ValueError(f"the catalog has no quantity {quantity!r}, so nothing says what {unit} becomes")
        wanted = QUANTITIES[quantity].unit
        if why := unit_mismatch(unit, wanted):
            raise ValueError(why)
        return Rename(quantity, unit, wanted)


def _quantity(given: object) -> object:
    return {"quantity": given} if isinstance(given, str) else given


class SourceTable(Table):
    """One `[sources."..."]`: what is said of one source, or of all with one match key."""

    device: Id | None = None
    kind: Kind | None = None
    codec: Annotated[str, AfterValidator(_codec)] | None = None
    lat: float | None = None
    lon: float | None = None
    drop: Drop = ()
    quantities: dict[str, Annotated[QuantityTable, BeforeValidator(_quantity)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        self.rule()
        return self

    def rule(self) -> Rule:
        """Make it a rule.

        Raises:
            ValueError: It contradicts itself.
        """
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon come together or not at all")
        try:
            place = None if self.lat is None or self.lon is None else to_position(self.lat, self.lon)
        except Malformed as error:
            raise ValueError(error.detail) from None
        if place == (None, None):
            raise ValueError("0, 0 is no position")
        position = place if place is not None and place[0] is not None else None
        renames = {key: _renamed(key, table) for key, table in self.quantities.items()}
        drop = frozenset[str]() if self.drop == "rest" else frozenset(self.drop)
        for key in drop:
            _checked_quantity(key)
        if both := drop & renames.keys():
            raise ValueError(f"drop and quantities both name {min(both)!r}")
        if twice := _twice([rename.quantity for rename in renames.values()]):
            raise ValueError(f"quantities: two of them become {twice!r}")
        if self.drop == "rest" and not renames:
            raise ValueError('drop = "rest" keeps nothing: quantities is empty')
        return Rule(self.device, self.kind, self.codec, position, renames, drop, rest=self.drop != "rest")


class PseudonymsTable(Table):
    """`[pseudonyms]`: what is personal, and the file of the key that hides it."""

    key_file: str
    devices: tuple[str, ...] = ()
    quantities: tuple[QuantityKey, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not (self.devices or self.quantities):
            raise ValueError("neither devices nor quantities: it says of nothing that it is personal")
        return self

    def load(self, folder: Path) -> Pseudonyms:
        """Read the key.

        Raises:
            ConfigurationError: It can't be read, or is too short.
        """
        try:
            key = (folder / self.key_file).read_bytes().strip()
        except OSError as error:
            raise ConfigurationError(f"pseudonyms: {error.filename} can't be read: {error.strerror}") from None
        if len(key) < MIN_KEY_BYTES:
            raise ConfigurationError(
                f"pseudonyms: key_file: {self.key_file} has {len(key)} bytes, at least {MIN_KEY_BYTES} are needed"
            )
        return Pseudonyms(key, self.devices, self.quantities)


def check_source(key: str, table: SourceTable) -> None:
    """Look whether the key of a source is one, and fits what is said of it.

    Raises:
        ValueError: One sentence that says what is wrong.
    """
    if "/" not in key:
        try:
            checked_id(key)
        except Malformed as error:
            raise ValueError(error.detail) from None
        return
    pattern(key)
    name, _, decoder = key.partition("/")
    shared = "+" in key or "#" in key or (name in _SHARED_INPUTS and decoder in DECODERS)
    if table.device is not None and shared:
        raise ValueError("device: many sources come this way, and they can't all be one device")


def refuse_shared(sources: Mapping[str, SourceTable]) -> None:
    """Refuse two sources of one device, unless it is clear which quantity comes from which.

    Raises:
        ValueError: There are such two.
    """
    rules = {key: table.rule() for key, table in sources.items() if "/" not in key}
    owners: dict[str, list[str]] = {}
    for key, rule in rules.items():
        owners.setdefault(rule.device or key, []).append(key)
    for device, keys in owners.items():
        theirs = [rules[key] for key in keys]
        quantities = [rename.quantity for rule in theirs for rename in rule.renames.values()]
        if len(keys) > 1 and (any(rule.rest for rule in theirs) or _twice(quantities)):
            raise ValueError(
                f'[sources."{keys[1]}"] device: {device!r} is that of "{keys[0]}" already; two sources of one device '
                'need drop = "rest" each, and different quantities'
            )
        if len({rule.kind for rule in theirs}) > 1:
            raise ValueError(f'[sources."{keys[1]}"] kind: {device!r} has another kind in "{keys[0]}"')


def _renamed(key: str, table: QuantityTable) -> Rename:
    try:
        return table.rename(key)
    except ValueError as error:
        raise ValueError(f"quantities.{key}: {error}") from None


def _checked_quantity(key: str) -> None:
    try:
        checked_quantity(key)
    except Malformed as error:
        raise ValueError(error.detail) from None


def _twice(names: list[str]) -> str | None:
    return next((name for name in names if names.count(name) > 1), None)
