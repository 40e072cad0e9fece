"""Shelly, second generation and later: notifications, and the status of one component, as JSON.

Messages and components: https://shelly-api-docs.shelly.cloud/gen2/. `NotifyStatus` and `NotifyFullStatus` hold
`params` with components (`temperature:0`); on `<prefix>/status/<component>` a component stands alone. Events (buttons)
and answers to commands are no measurement.

**Device**: `shelly-<src>`, or `shelly-<prefix>` of the topic, its levels joined by dots. **Components**: number 0 gives
the plain quantity, others add their number: `temperature:101` is `temperature_101`. The temperature of a switch is its
own, `device_temperature`. **Kind**: a notification may hold one component or all, so each has its own kind, and
components of several kinds are several readings; battery and Wi-Fi go with the others. **Time**: `params.ts`; a clock
that isn't set says null, and the time of receipt counts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from city.catalog import SENSOR
from city.errors import Reason
from city.names import MAX_KEPT
from city.reading import Reading
from gateway.decoders.dallas import flagged, probe_flags
from gateway.decoders.decoder import Context, DecodeError, Rest, known_kind
from gateway.decoders.fields import Meaning, Names, to_values
from gateway.decoders.json_fields import (
    as_object,
    foreign_device,
    from_number,
    load_json,
    load_object,
    number,
    portions,
)
from gateway.decoders.leaves import NOTHING_KNOWN, unread

_ELECTRICITY: Final = {
    "apower": Meaning("power", "W"),
    "act_power": Meaning("power", "W"),
    "aprt_power": Meaning("apparent_power"),
    "aprtpower": Meaning("apparent_power"),
    "voltage": Meaning("voltage", "V"),
    "current": Meaning("current", "A"),
    "pf": Meaning("power_factor"),
    "freq": Meaning("frequency", "Hz"),
    "aenergy.total": Meaning("energy", "Wh"),
    "ret_aenergy.total": Meaning("energy_exported", "Wh"),
    "temperature.tC": Meaning("device_temperature", "Cel"),
}
_PHASES: Final = {
    f"{phase}_{field}": Meaning(f"{quantity}_l{place}", unit)
    for place, phase in enumerate("abc", 1)
    for field, quantity, unit in (
        ("act_power", "power", "W"),
        ("aprt_power", "apparent_power", ""),
        ("voltage", "voltage", "V"),
        ("current", "current", "A"),
        ("pf", "power_factor", ""),
        ("freq", "frequency", "Hz"),
    )
}
_SWITCHED: Final = _ELECTRICITY | {"output": Meaning("switch_on")}
_COMPONENTS: Final[Mapping[str, Names]] = MappingProxyType(
    {
        "cover": _ELECTRICITY,
        "devicepower": {"battery.percent": Meaning("battery", "%"), "battery.V": Meaning("battery_voltage", "V")},
        "em": _PHASES
        | {
            "n_current": Meaning("current_n"),
            "total_act_power": Meaning("power", "W"),
            "total_aprt_power": Meaning("apparent_power"),
            "total_current": Meaning("current", "A"),
        },
        "em1": _ELECTRICITY,
        "em1data": {
            "total_act_energy": Meaning("energy", "Wh"),
            "total_act_ret_energy": Meaning("energy_exported", "Wh"),
        },
        "emdata": {"total_act": Meaning("energy", "Wh"), "total_act_ret": Meaning("energy_exported", "Wh")},
        "flood": {"alarm": Meaning("water_leak")},
        "humidity": {"rh": Meaning("humidity", "%")},
        "illuminance": {"lux": Meaning("illuminance", "lx")},
        "light": _ELECTRICITY | {"output": Meaning("lamp_on"), "brightness": Meaning("brightness", "%")},
        "pm1": _ELECTRICITY,
        "smoke": {"alarm": Meaning("smoke")},
        "switch": _SWITCHED,
        "temperature": {"tC": Meaning("temperature", "Cel")},
        "voltmeter": {"voltage": Meaning("voltage", "V")},
        "wifi": {"rssi": Meaning("rssi", "dB[mW]")},
    }
)
_KINDS: Final = MappingProxyType(
    {
        "flood": "water_level",
        "humidity": "weather",
        "illuminance": "weather",
        "light": "street_light",
        "smoke": SENSOR,
        "temperature": "weather",
    }
)
_OTHERS: Final = "energy_meter"
_HEALTH: Final = frozenset({"devicepower", "wifi"})
_NO_MEASUREMENT: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "ble": frozenset(), "bthome": frozenset({"errors"}), "cloud": frozenset({"connected"}),
        "cover": frozenset(
            {"current_pos", "id", "last_direction", "move_started_at", "move_timeout", "pos_control", "source", "state",
             "target_pos", "slat_pos"}
        ),
        "devicepower": frozenset({"id", "external.present"}),
        "em": frozenset({"id", "user_calibrated_phase"}),
        "eth": frozenset({"ip"}),
        "flood": frozenset({"id", "mute"}),
        "input": frozenset({"id"}),
        "light": frozenset({"id", "source", "timer_duration", "timer_started_at", "transition"}),
        "mqtt": frozenset({"connected"}),
        "script": frozenset({"cpu", "errors", "id", "mem_free", "mem_peak", "mem_used", "running"}),
        "smoke": frozenset({"id", "mute"}),
        "switch": frozenset({"id", "source", "timer_duration", "timer_started_at"}),
        "sys": frozenset(
            {"alt", "available_updates", "btrelay_rev", "bthc_rev", "cfg_rev", "fs_free", "fs_size", "id",
             "kvs_rev", "last_sync_ts", "mac", "ram_free", "ram_min_free", "ram_size", "reset_reason",
             "restart_required", "schedule_rev", "time", "unixtime", "uptime", "utc_offset", "wakeup_period",
             "wakeup_reason", "webhook_rev"}
        ),
        "temperature": frozenset({"id", "tF"}),
        "ts": frozenset(),
        "wifi": frozenset({"ap_client_count", "bssid", "mac", "ssid", "sta_connect_retry_count", "sta_ip", "status"}),
        "ws": frozenset({"connected"}),
    }
)  # fmt: skip
"""Component to those of its fields that are no measurement: settings, sources, counters of its memory."""

_NO_MEASUREMENT_OF_ANY: Final = frozenset(
    {
        "id", "aenergy.by_minute", "aenergy.minute_ts", "ret_aenergy.by_minute", "ret_aenergy.minute_ts",
        "temperature.tF", "errors", "calibration",
    }
)  # fmt: skip
_KNOWN: Final = MappingProxyType(
    {name: _NO_MEASUREMENT_OF_ANY.union(_NO_MEASUREMENT.get(name, ()), names) for name, names in _COMPONENTS.items()}
)
_Path = tuple[str, str, str]
_PATHS: Final[Mapping[str, Sequence[_Path]]] = MappingProxyType(
    {name: [(path, *path.partition(".")[::2]) for path in names] for name, names in _COMPONENTS.items()}
)
"""Component to the fields that it may have: path, its head, and its tail, which may be empty."""

_ADD_ON: Final = 100
"""Components from this id on are those of the sensor add-on, whose thermometers are DS18B20 (a DHT22 ends at 80)."""

_MAX_BYTES: Final = 32 * 1024
_COMPONENT: Final = re.compile(r"([a-z0-9]+)(?::(\d{1,4}))?", re.ASCII)
_ENVELOPE: Final = frozenset({"dst", "id", "method", "src", "ts"})
_ENVELOPE_OF_A_STATUS: Final = _ENVELOPE | {"params"}
_ANSWERS: Final = frozenset({"error", "result"})
_STATUSES: Final = ("NotifyStatus", "NotifyFullStatus")


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a message; all of it is of the input's kind, if it names one.

    Raises:
        DecodeError: No JSON object, a time that is none, or no name of a device.
    """
    prefix, status, component = context.parameters.get("topic", "").rpartition("/status/")
    if status:
        part = load_json(payload)  # null for a component that isn't there
        return [] if part is None else _readings({component: part}, prefix, context, rest)
    if context.parameters.get("topic", "").endswith("/online"):
        return []
    message = load_object(payload, _MAX_BYTES)
    method = message.get("method")
    if method is None and "src" not in message:
        raise DecodeError(Reason.MISSING_FIELD, "neither a notification nor a component's status")
    if method == "NotifyEvent" or not _ANSWERS.isdisjoint(message):
        return []
    if method not in _STATUSES:
        unread(message, _ENVELOPE, rest.unread)
        return []
    source = message.get("src")
    params = as_object(message.get("params"), "params")
    unread(message, _ENVELOPE_OF_A_STATUS, rest.unread)
    return _readings(params, source if isinstance(source, str) else None, context, rest)


def _readings(status: Mapping[str, Any], name: str | None, context: Context, rest: Rest) -> list[Reading]:
    flags: dict[str, int] = {}
    found = _by_kind(status, None if context.kind is None else known_kind(context.kind), rest, flags)
    if not any(found.values()):
        return []
    stamp = number(status.get("ts"))
    time_ns = context.received_ns if stamp is None else from_number(stamp, 1)
    device = foreign_device(context, "shelly", None if name is None else tuple(name.split("/")))
    return [
        flagged(reading, flags) for kind, values in found.items() for reading in portions(device, kind, time_ns, values)
    ]


def _by_kind(
    status: Mapping[str, Any], given: str | None, rest: Rest, flags: dict[str, int]
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    health: dict[str, float] = {}
    for component, fields in status.items():
        type_, place = (_kept_parts if len(component) <= MAX_KEPT else _parts)(component)
        names = _COMPONENTS.get(type_)
        if names is None or not isinstance(fields, dict):
            if component != "ts":
                unread(fields, _NO_MEASUREMENT.get(type_, NOTHING_KNOWN), rest.unread, f"{component}.")
            continue
        ending = f"_{place}" if place else ""
        target = health if type_ in _HEALTH else found.setdefault(given or _KINDS.get(type_, _OTHERS), {})
        left: dict[str, object] = {}
        read = _fields(fields, _PATHS[type_], left)
        unread(fields, _KNOWN[type_], rest.unread, f"{component}.")
        if left:
            unread(left, NOTHING_KNOWN, rest.unread, f"{component}.")
        for quantity, value in to_values(read, names).items():
            target[quantity + ending] = value
        if type_ == "temperature" and place >= _ADD_ON:
            flags |= probe_flags(target, [f"temperature{ending}"])
    found.setdefault(next(iter(found), given or SENSOR), {}).update(health)
    return found


def _parts(component: str) -> tuple[str, int]:
    """Split `temperature:101`; no type where it is no component."""
    match = _COMPONENT.fullmatch(component)
    return ("", 0) if match is None else (match[1], int(match[2] or 0))


_kept_parts: Final = lru_cache(maxsize=4096)(_parts)


def _fields(fields: Mapping[str, Any], paths: Iterable[_Path], left: dict[str, object]) -> dict[str, float]:
    """Take the numbers that stand at these paths; what is none is `left`."""
    read: dict[str, float] = {}
    for path, head, tail in paths:
        thing = fields.get(head)
        if tail and isinstance(thing, dict):
            thing = thing.get(tail)
        elif tail:
            if isinstance(thing, list):  # its objects have the same paths, and nothing reads them
                left[head] = thing
            continue
        if thing is None:
            continue
        value = None if isinstance(thing, str) else number(thing)
        if value is None:
            left[path] = thing
        else:
            read[path] = value
    return read
