"""The kind of a device to which neither its input nor its decoder, its profile nor a naming rule gives one.

What it measures tells, by a table of its own. It is not made of the catalog: a new kind there moves no device that is
known (docs/decisions/0015-a-device-nobody-has-given-a-kind.md).
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from city.catalog import SENSOR
from gateway.decoders.decoder import Context, known_kind


class Signature(NamedTuple):
    """What devices of a kind measure: what tells the kind, and what other things have as well."""

    kind: str
    telling: frozenset[str]
    common: frozenset[str]


def _signature(kind: str, telling: str, common: str = "") -> Signature:
    return Signature(kind, frozenset(telling.split()), frozenset(common.split()))


SIGNATURES: Final = (
    _signature("weather", "temperature humidity pressure wind_speed wind_direction solar_radiation rain_rate"),
    _signature("energy_meter", "power energy voltage current"),
    _signature("air_quality", "pm2_5 pm10 o3 co no2 so2", "temperature humidity wind_speed wind_direction"),
    _signature("water_level", "level flow water_leak"),
    _signature("rain", "rain_rate rain_amount"),
    _signature("traffic", "vehicle_count lane_occupancy", "speed"),
    _signature("noise", "sound_level"),
    _signature("parking", "spaces_free spaces_total"),
    _signature("street_light", "lamp_on brightness", "power energy"),
    _signature("ev_charger", "charging", "state_of_charge power energy"),
    _signature("waste_bin", "fill_level", "temperature"),
    _signature("crowd", "people_count"),
    _signature("mapping_robot", "pm2_5", "speed heading"),
    _signature("vehicle", "odometer fuel_level ignition position_fix", "speed heading"),
    _signature("cargo", "shock", "temperature humidity door_open"),
    _signature("dock", "", "door_open occupied"),
    _signature("container", "", "temperature humidity door_open weight"),
)
"""The signature that shares most quantities with a device is its own; of equals, the upper one.

If none of them tells the kind, nothing does: a door belongs to a dock, a cold box and a cupboard.
"""

_HEALTH: Final = frozenset({"battery", "battery_voltage", "rssi", "snr"})
_KNOWN: Final = frozenset[str]().union(*(row.telling | row.common for row in SIGNATURES))
_MAX_KEYS_KEPT: Final = 64


def kind_of(context: Context, values: Iterable[str]) -> str:
    """Choose a kind: the input's, else that of the signature, else `sensor`; a device's health tells nothing.

    Args:
        context: May name the kind.
        values: Quantity keys.

    Raises:
        DecodeError: `unknown_kind`: the input names one that isn't in the catalog.
    """
    if context.kind is not None:
        return known_kind(context.kind)
    keys = frozenset(values) - _HEALTH
    return (_kept_kind if len(keys) <= _MAX_KEYS_KEPT else by_signature)(keys)


def by_signature(keys: frozenset[str]) -> str:
    """Choose the kind of a device that measures these quantities; `sensor` where nothing tells it."""
    plain = frozenset(map(_plain, keys))
    best = max(SIGNATURES, key=lambda row: len(plain & row.telling) + len(plain & row.common))
    return best.kind if plain & best.telling else SENSOR


_kept_kind: Final = lru_cache(maxsize=1024)(by_signature)


def _plain(key: str) -> str:
    """Give the quantity of a signature that a key refines: `temperature` for `temperature_ds18b20`."""
    while key not in _KNOWN and "_" in key:
        key = key.rpartition("_")[0]
    return key
