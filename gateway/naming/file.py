"""`gateway.toml`: what a city calls what a gateway hears. Refused at the start with a sentence that names the key.

```toml
[sources."eui-a84041b2c1d00001"]        # as the decoder names it, or a way: "plant/+/flow", "http/senml"
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

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from city.catalog import KINDS, QUANTITIES
from city.errors import ConfigurationError, Malformed
from city.reading import checked_id, checked_quantity
from city.units import UNITS
from city.wire.direct import to_position
from gateway.decoders import DECODERS
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.mapping import load_mapping
from gateway.naming.decoding import Naming
from gateway.naming.pseudonyms import LEAST_KEY_BYTES, Pseudonyms
from gateway.naming.rules import Rename, Rule, pattern, unit_mismatch
from gateway.settings import GatewaySettings

_SHARED_LINKS: Final = frozenset({"folder", "http", "mqtt", "poll", "tcp", "udp"})
"""In a way without a topic: whoever uses the link and the decoder comes so."""


class _Quantity(msgspec.Struct, forbid_unknown_fields=True):
    quantity: str | None = None
    unit: str | None = None


class _Source(msgspec.Struct, forbid_unknown_fields=True):
    device: str | None = None
    kind: str | None = None
    codec: str | None = None
    lat: float | None = None
    lon: float | None = None
    drop: list[str] | Literal["rest"] = []
    quantities: dict[str, str | _Quantity] = {}


class _Pseudonyms(msgspec.Struct, forbid_unknown_fields=True):
    key_file: str
    devices: list[str] = []
    quantities: list[str] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    sources: dict[str, dict[str, Any]] = {}
    mappings: dict[str, dict[str, Any]] = {}
    pseudonyms: dict[str, Any] | None = None
    link: dict[str, Any] = {}  # gateway/inputs/configuration.py reads it


def find_naming(settings: GatewaySettings, data: Path) -> Naming:
    """Read the file that the settings name, in the data folder; no names where none is asked for and none is there.

    Raises:
        ConfigurationError: The file is wrong, or a setting names one that isn't there.
    """
    file = data / settings.naming
    return load_naming(file) if "naming" in settings.model_fields_set or file.exists() else Naming()


def load_naming(file: Path) -> Naming:
    """Read and check a file.

    Raises:
        ConfigurationError: One sentence that names the file and the key.
    """
    with _at(str(file)):
        return _naming(tomllib.loads(file.read_text("utf-8")), file.parent)


def _naming(table: dict[str, Any], folder: Path) -> Naming:
    whole = msgspec.convert(table, _File)
    devices, ways = {}, []
    for key, given in whole.sources.items():
        with _at(f'[sources."{key}"]'):
            rule = _rule(given)
            if "/" in key:
                ways.append((pattern(key), _of_many(rule, key)))
            else:
                devices[checked_id(key)] = rule
    _refuse_shared(devices)
    pseudonyms = None
    if whole.pseudonyms is not None:
        with _at("[pseudonyms]"):
            pseudonyms = _pseudonyms(whole.pseudonyms, folder)
    mappings = {name: load_mapping(name, given) for name, given in whole.mappings.items()}
    return Naming(devices, tuple(ways), mappings, pseudonyms)


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Say where, whatever is wrong."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{error.filename or where} can't be read: {error.strerror}") from None
    except Malformed as error:
        raise ConfigurationError(f"{where}: {error.detail}") from None
    except (msgspec.ValidationError, ValueError, ConfigurationError) as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _rule(given: dict[str, Any]) -> Rule:
    source = msgspec.convert(given, _Source)
    if source.kind is not None and source.kind not in KINDS:
        raise ValueError(f"kind: the catalog has no kind {source.kind!r}, only {', '.join(KINDS)}")
    if source.codec is not None and source.codec not in CODECS:
        raise ValueError(f"codec: there is no device codec {source.codec!r}, only {', '.join(CODECS)}")
    if (source.lat is None) != (source.lon is None):
        raise ValueError("lat and lon come together or not at all")
    renames = {key: _rename(key, quantity) for key, quantity in source.quantities.items()}
    drop = frozenset() if source.drop == "rest" else frozenset(source.drop)
    for key in (*renames, *drop):
        checked_quantity(key)
    if both := drop & renames.keys():
        raise ValueError(f"drop and quantities both name {min(both)!r}")
    if twice := _twice([rename.quantity for rename in renames.values()]):
        raise ValueError(f"quantities: two of them become {twice!r}")
    if source.drop == "rest" and not renames:
        raise ValueError('drop = "rest" keeps nothing: quantities is empty')
    return Rule(
        device=None if source.device is None else checked_id(source.device),
        kind=source.kind,
        codec=source.codec,
        position=None if source.lat is None or source.lon is None else to_position(source.lat, source.lon),
        renames=renames,
        drop=drop,
        rest=source.drop != "rest",
    )


def _rename(key: str, given: str | _Quantity) -> Rename:
    quantity, unit = (given, None) if isinstance(given, str) else (given.quantity or key, given.unit)
    with _at(f"quantities.{key}"):
        checked_quantity(quantity)
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


def _of_many(rule: Rule, key: str) -> Rule:
    link, _, decoder = key.partition("/")
    shared = "+" in key or "#" in key or (link in _SHARED_LINKS and decoder in DECODERS)
    if rule.device is not None and shared:
        raise ValueError("device: many sources come this way, and they can't all be one device")
    return rule


def _refuse_shared(rules: Mapping[str, Rule]) -> None:
    """Refuse two sources of one device, unless it is clear which quantity comes from which."""
    owners: dict[str, list[str]] = {}
    for key, rule in rules.items():
        owners.setdefault(rule.device or key, []).append(key)
    for device, keys in owners.items():
        theirs = [rules[key] for key in keys]
        quantities = [rename.quantity for rule in theirs for rename in rule.renames.values()]
        if len(keys) > 1 and (any(rule.rest for rule in theirs) or _twice(quantities)):
            raise ConfigurationError(
                f'[sources."{keys[1]}"] device: {device!r} is that of "{keys[0]}" already; two sources of one device '
                'need drop = "rest" each, and different quantities'
            )
        if len({rule.kind for rule in theirs}) > 1:
            raise ConfigurationError(f'[sources."{keys[1]}"] kind: {device!r} has another kind in "{keys[0]}"')


def _twice(names: list[str]) -> str | None:
    return next((name for name in names if names.count(name) > 1), None)


def _pseudonyms(given: dict[str, Any], folder: Path) -> Pseudonyms:
    table = msgspec.convert(given, _Pseudonyms)
    if not (table.devices or table.quantities):
        raise ValueError("neither devices nor quantities: it says of nothing that it is personal")
    key = (folder / table.key_file).read_bytes().strip()
    if len(key) < LEAST_KEY_BYTES:
        raise ValueError(f"key_file: {table.key_file} has {len(key)} bytes, at least {LEAST_KEY_BYTES} are needed")
    for quantity in table.quantities:
        checked_quantity(quantity)
    return Pseudonyms(key, table.devices, table.quantities)
