"""Zigbee2MQTT: one JSON object a device, on `<base>/<friendly name>`.

Fields: https://www.zigbee2mqtt.io/guide/usage/exposes.html and the devices' pages. What the bridge, availability and
commands (`/set`, `/get`) say is no measurement.

**Device**: the topic's friendly name, its levels joined by dots: `zigbee2mqtt-hall.lamp`; a name that is an IEEE
address (`0x` and 16 hex digits) becomes `eui-<16 hex>`. **Voltage** is in volts where power, current or energy stand
beside it (a plug), else in millivolts of a battery. **state** is `lamp_on` of what has a brightness or colour, else
`switch_on`; several gangs add their name (`state_l2` is `switch_on_l2`). `contact` is true when closed. `last_seen` is
the time, if the bridge is told to send it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from city.reading import Reading
from gateway.decoders.dallas import flagged, names_probe, probe_flags
from gateway.decoders.decoder import Context, Rest
from gateway.decoders.fields import NOTHING, Meaning, Names, to_key, to_values
from gateway.decoders.json_fields import (
    ISO_UTC,
    foreign_device,
    from_iso,
    from_number,
    load_object,
    number,
)
from gateway.decoders.kinds import kind_of
from gateway.decoders.leaves import NOTHING_KNOWN, unread

_NAMES: Final[Names] = MappingProxyType(
    {
        "device_temperature": Meaning("device_temperature", "Cel"),
        "energy": Meaning("energy", "kWh"),
        "illuminance": Meaning("illuminance", "lx"),
        "illuminance_lux": Meaning("illuminance", "lx"),
        "last_seen": NOTHING,
        "occupancy": Meaning("occupied"),
        "pm25": Meaning("pm2_5", "ug/m3"),
        "presence": Meaning("occupied"),
        "produced_energy": Meaning("energy_exported", "kWh"),
        "soil_moisture": Meaning("soil_moisture", "%"),
        "update_available": NOTHING,
    }
)
_STATE: Final = re.compile(r"state(|_.+)", re.DOTALL)
_SWITCH: Final = MappingProxyType({"ON": 1.0, "OFF": 0.0})
_LIGHT: Final = frozenset({"brightness", "color", "color_mode", "color_temp"})
_MAINS: Final = frozenset({"power", "current", "energy"})
_FULL_BRIGHTNESS: Final = 254
_IEEE: Final = re.compile(r"0x([0-9a-f]{16})", re.IGNORECASE | re.ASCII)
_MAX_BYTES: Final = 16 * 1024
_SETTINGS: Final = frozenset(
    {
        "child_lock", "color", "color_mode", "color_options", "color_temp_startup", "countdown", "effect", "last_seen",
        "level_config", "led_indication", "power_on_behavior", "power_outage_memory", "update", "update_available",
    }
)  # fmt: skip
"""What a device was told, and what its bridge knows of its firmware: no measurements."""
_NO_MEASUREMENT: Final = ("/availability", "/set", "/get")


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand what a device published.

    Raises:
        DecodeError: No JSON object, or neither topic nor input names the device.
    """
    _, _, name = context.parameters.get("topic", "").partition("/")
    if name.startswith("bridge/") or name.endswith(_NO_MEASUREMENT) or "/set/" in name:
        return []
    if name and not payload:
        return []  # how a retained message of a device that left is cleared
    message = load_object(payload, _MAX_BYTES)
    values = _values(message, rest)
    if not values:
        return []
    time_ns = _time_ns(message.get("last_seen"), context)
    reading = Reading(_device(context, name), kind_of(context, values), time_ns, values)
    return [flagged(reading, probe_flags(values, filter(names_probe, values)))]


def _values(message: Mapping[str, Any], rest: Rest) -> dict[str, float]:
    fields: dict[str, object] = {}
    switched: dict[str, float] = {}
    left: dict[str, object] = {}
    for name, field in message.items():
        if name in _SETTINGS:
            continue
        if (value := number(field)) is not None:
            fields[name] = value
        elif (
            isinstance(field, str)
            and (on := _SWITCH.get(field.upper())) is not None
            and (of := _STATE.fullmatch(name)) is not None
        ):
            switched[of[1]] = on
        else:
            left[name] = field
    if "illuminance_lux" in fields:
        fields.pop("illuminance", None)  # of older bridges: a raw logarithm
    named = _special(message, fields, switched)
    values = to_values(fields, _NAMES)
    if len(values) < len(fields):  # one of them may have a name that makes no key
        left |= {name: field for name, field in fields.items() if to_key(name) is None}
    if left:
        unread(left, NOTHING_KNOWN, rest.unread)
    return values | named


def _special(message: Mapping[str, Any], fields: dict[str, object], switched: Mapping[str, float]) -> dict[str, float]:
    """Take out what means one thing here and another there."""
    named: dict[str, float] = {}
    light = not _LIGHT.isdisjoint(message)
    for gang, on in switched.items():
        quantity = "lamp_on" if light or f"brightness{gang}" in message else "switch_on"
        named[to_key(quantity + gang) or quantity] = on
    if (brightness := number(fields.pop("brightness", None))) is not None:
        named["brightness"] = brightness * 100 / _FULL_BRIGHTNESS
    if (contact := number(fields.pop("contact", None))) is not None:
        named["door_open"] = float(not contact)
    if (voltage := number(fields.pop("voltage", None))) is not None:
        mains = not _MAINS.isdisjoint(message)
        named["voltage" if mains else "battery_voltage"] = voltage if mains else voltage / 1000
    return named


def _device(context: Context, name: str) -> str:
    ieee = _IEEE.fullmatch(name)
    if ieee is not None and context.device is None:
        return f"eui-{ieee[1].lower()}"
    return foreign_device(context, "zigbee2mqtt", tuple(name.split("/")) if name else None)


def _time_ns(seen: object, context: Context) -> int:
    if isinstance(seen, str):
        return from_iso(seen, ISO_UTC)
    milliseconds = number(seen)
    return context.received_ns if milliseconds is None else from_number(milliseconds, 1000)
