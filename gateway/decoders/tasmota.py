"""Tasmota: `SENSOR`, `STATE` and status messages as JSON, `POWER` as a text, in any order of prefix and topic.

Topics and fields: https://tasmota.github.io/docs/MQTT/ and the pages of the sensors. Last wills, `INFO` and results of
other commands are no measurement.

**Device**: the topic without its prefix (`tele`, `stat`) and its last level, and without a first level `tasmota`:
`tele/hall/SENSOR` and `tasmota/hall/tele/SENSOR` are `tasmota-hall`, `tele/hall/lamp/SENSOR` is `tasmota-hall.lamp`.
**Time**: the device's `Time` where it has an offset; without one it is local time of an unknown zone, so the time of
receipt counts. **Several sensors** of one quantity: the first keeps its name, the others add theirs; one with a number
from 2 (`DS18B20-2`) always does (`temperature_ds18b20_2`), also where it is left alone. Several phases or relays add
their number. The chip's own temperature is `device_temperature`. `TempUnit` and `PressureUnit` name the units.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from city.catalog import SENSOR
from city.errors import Reason
from city.names import Name
from city.reading import Reading
from city.units import convert
from gateway.decoders.dallas import flagged, names_probe, probe_flags
from gateway.decoders.decoder import Context, DecodeError, Rest
from gateway.decoders.fields import NOTHING, NUMBER, Meaning, Names, apart, checksum, to_key, to_values
from gateway.decoders.json_fields import (
    foreign_device,
    from_iso,
    load_object,
    number,
    portions,
)
from gateway.decoders.kinds import kind_of
from gateway.decoders.leaves import NOTHING_KNOWN, unread

_NAMES: Final[Names] = MappingProxyType(
    {
        "ApparentPower": Meaning("apparent_power"),
        "CarbonDioxide": Meaning("co2"),
        "Current": Meaning("current", "A"),
        "ExportActive": Meaning("energy_exported", "kWh"),
        "Factor": Meaning("power_factor"),
        "Id": NOTHING,
        "Illuminance": Meaning("illuminance", "lx"),
        "Noise": Meaning("sound_level", "dB[SPL]"),
        "PM1": Meaning("pm1", "ug/m3"),
        "PM2.5": Meaning("pm2_5", "ug/m3"),
        "PM10": Meaning("pm10", "ug/m3"),
        "Period": NOTHING,
        "Power": Meaning("power", "W"),
        "ReactivePower": Meaning("reactive_power"),
        "Today": Meaning("energy_today"),
        "Total": Meaning("energy", "kWh"),
        "Voltage": Meaning("voltage", "V"),
        "Yesterday": Meaning("energy_yesterday"),
        "eCO2": Meaning("eco2"),
    }
)
_TEMPERATURES: Final = MappingProxyType({"Temperature": "temperature", "DewPoint": "dew_point"})
_PRESSURES: Final = MappingProxyType({"Pressure": "pressure", "SeaPressure": "sea_level_pressure"})
_UNITS: Final = MappingProxyType({"C": "Cel", "F": "degF", "hPa": "hPa", "mmHg": "mmHg", "inHg": "inHg"})
_DISTANCES: Final = MappingProxyType({"VL53L0X": "mm", "VL53L1X": "mm", "SR04": "cm"})
_CHIP: Final = "ESP32"
_NUMBERED: Final = re.compile(r".*-0*([2-9]|[1-9][0-9]+)", re.ASCII | re.DOTALL)
_SWITCH: Final = MappingProxyType({"ON": 1.0, "OFF": 0.0})
_MAX_BYTES: Final = 8 * 1024
_NO_MEASUREMENT: Final = frozenset(
    {
        "Berry", "Channel", "Color", "CT", "Downtime", "Fade", "HSBColor", "Heap", "LedTable", "LoadAvg", "MqttCount",
        "POWERONSTATE", "Pixels", "PressureUnit", "Restart", "Scheme", "Sleep", "SleepMode", "SpeedUnit", "Speed",
        "TempUnit", "Time", "Uptime", "UptimeSec", "Vcc", "White", "Width",
    }
)  # fmt: skip
"""Of the chip, its program and the colour of its lamp; at the top of a message."""

_NO_MEASUREMENT_OF_WIFI: Final = frozenset({"AP", "BSSId", "Channel", "Downtime", "LinkCount", "Mode", "RSSI", "SSId"})
_NO_MEASUREMENT_OF_A_SENSOR: Final = frozenset({"Id", "Period", "TotalStartTime", "SerialNumber", "Address"})
_RESULTS: Final = frozenset(
    {"INFO", "INFO1", "INFO2", "INFO3", "RESULT", "UPGRADE"} | {f"STATUS{place}" for place in ("", *"12345679")}
)
"""Last levels of the topics of answers to commands."""

_PREFIXES: Final = frozenset({"tele", "stat", "cmnd"})
_WRAPPERS: Final = ("StatusSNS", "StatusSTS")


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a message.

    Raises:
        DecodeError: No JSON object, a unit that isn't known, or no name of a device.
    """
    levels = context.parameters.get("topic", "").split("/")
    last = levels[-1].upper()
    if last == "LWT" or "cmnd" in levels or (last and not payload):
        return []
    is_result = last in _RESULTS or last.startswith("DISCOVERY")
    message = _switched(last, payload) if last.startswith("POWER") else load_object(payload, _MAX_BYTES)
    wrapper = next((key for key in _WRAPPERS if isinstance(message.get(key), dict)), None)
    if wrapper is not None:
        unread(message, NOTHING_KNOWN, rest.unread, read=(wrapper,))
        message = message[wrapper]
    flags: dict[str, int] = {}
    measured = _measurements(message, flags, rest)
    values = _states(message, rest) | measured
    if is_result and not values:
        rest.unread.clear()
    if not values:
        return []
    device = foreign_device(context, "tasmota", _name(levels[:-1]))
    readings = portions(device, _kind(context, values), _time_ns(message, context), values)
    return [flagged(reading, flags) for reading in readings]


def _kind(context: Context, values: Mapping[str, float]) -> str:
    """Choose a kind; a relay is of the kind of the meter in it, which speaks in another message."""
    kind = kind_of(context, values)
    is_relay = any(quantity.startswith("switch_on") for quantity in values)
    return "energy_meter" if kind == SENSOR and is_relay and context.kind is None else kind


def _name(levels: list[str]) -> Name:
    own = [level for level in levels if level not in _PREFIXES]
    return tuple(own[1:] if len(own) > 1 and own[0] == "tasmota" else own)


def _switched(name: str, payload: bytes) -> dict[str, Any]:
    state = payload[:8].decode("ascii", "replace")
    if state not in _SWITCH:
        raise DecodeError(Reason.WRONG_TYPE, f"{name} is {state!r}, neither ON nor OFF")
    return {name: state}


def _states(message: Mapping[str, Any], rest: Rest) -> dict[str, float]:
    """What a `STATE` says: relays, light, and the strength of the Wi-Fi."""
    values: dict[str, float] = {}
    read = {"Dimmer"} if number(message.get("Dimmer")) is not None else set()
    for name, state in message.items():
        if name.startswith("POWER") and isinstance(state, str) and state in _SWITCH:
            number_of_relay = "" if name in {"POWER", "POWER1"} else f"_{name.removeprefix('POWER')}"
            quantity = "lamp_on" if "Dimmer" in message else "switch_on"
            values[to_key(quantity + number_of_relay) or quantity] = _SWITCH[state]
            read.add(name)
    if (dimmer := number(message.get("Dimmer"))) is not None:
        values["brightness"] = dimmer
    wifi = message.get("Wifi")
    if isinstance(wifi, dict) and (signal := number(wifi.get("Signal"))) is not None:
        values["rssi"] = signal
        read.add("Signal")
    for name, field in message.items():
        if name == "Wifi":
            unread(field, _NO_MEASUREMENT_OF_WIFI, rest.unread, "Wifi.", read)
        elif not isinstance(field, dict) and name not in read and name not in _NO_MEASUREMENT:
            unread({name: field}, NOTHING_KNOWN, rest.unread)
    return values


def _measurements(message: Mapping[str, Any], flags: dict[str, int], rest: Rest) -> dict[str, float]:
    """What the sensors say; what one says when it has measured nothing is noted in `flags`."""
    names = _names(message)
    taken: set[str] = set()
    values: dict[str, float] = {}
    for sensor, fields in message.items():
        if not isinstance(fields, dict) or sensor == "Wifi":
            continue
        if sensor == _CHIP:
            values |= _of_chip(fields, names["Temperature"].unit)
            read = {"Temperature"} if number(fields.get("Temperature")) is not None else set()
            unread(fields, _NO_MEASUREMENT_OF_A_SENSOR, rest.unread, f"{sensor}.", read)
            continue
        own = _own(fields, {**names, **_distance(sensor)} if "Distance" in fields else names)
        unread(fields, _NO_MEASUREMENT_OF_A_SENSOR, rest.unread, f"{sensor}.", _read_of(fields))
        claimed = {to_key(_quantity(name, names)) or "" for name in fields}
        is_numbered = _NUMBERED.fullmatch(sensor) is not None
        is_probe = names_probe(sensor)
        for quantity, value in own.items():
            key = to_key(f"{quantity}_{sensor.lower()}") if is_numbered or quantity in taken else quantity
            key = key or quantity
            if key in values:  # of sensors whose names differ in case alone
                key = to_key(f"{quantity}_{sensor.lower()}_{checksum(sensor)}") or key
            values[key] = value
            if is_probe:
                flags |= probe_flags(values, [key])
        # a sensor that fails says null, and its name stays its own
        taken |= set() if is_numbered else claimed | own.keys()
    return values


def _read_of(fields: Mapping[str, Any]) -> set[str]:
    """Say which fields of a sensor `_flat` reads whole."""
    return {
        name
        for name, field in fields.items()
        if (all(isinstance(part, NUMBER) for part in field) if isinstance(field, list) else isinstance(field, NUMBER))
        and to_key(name)
    }


def _of_chip(fields: Mapping[str, Any], unit: str) -> dict[str, float]:
    degrees = number(fields.get("Temperature"))
    return {} if degrees is None else {"device_temperature": convert(degrees, unit, "Cel")}


def _quantity(name: str, names: Names) -> str:
    return (names[name].quantity or "") if name in names else name


def _own(fields: Mapping[str, Any], names: Names) -> dict[str, float]:
    """One sensor's values, each under a key of its own."""
    rows = list(_flat(fields, names))
    keys = apart((name, quantity) for name, quantity, _ in rows)
    return {keys[name]: value for name, _, value in rows}


def _flat(fields: Mapping[str, Any], names: Names) -> Iterator[tuple[str, str, float]]:
    """One sensor's values by field and quantity; those of a list get their number as a phase."""
    for name, field in fields.items():
        parts = field if isinstance(field, list) else [field]
        for place, part in enumerate(parts, 1):
            value = None if isinstance(part, str) else number(part)
            if value is None:
                continue
            for quantity, converted in to_values({name: value}, names).items():
                if len(parts) == 1:
                    yield name, quantity, converted
                else:
                    yield f"{name}_l{place}", f"{quantity}_l{place}", converted


def _names(message: Mapping[str, Any]) -> Names:
    return _names_in(_unit(message, "TempUnit", "C"), _unit(message, "PressureUnit", "hPa"))


@lru_cache
def _names_in(temperature: str, pressure: str) -> Names:
    return MappingProxyType(
        dict(_NAMES)
        | {name: Meaning(quantity, temperature) for name, quantity in _TEMPERATURES.items()}
        | {name: Meaning(quantity, pressure) for name, quantity in _PRESSURES.items()}
    )


def _unit(message: Mapping[str, Any], name: str, otherwise: str) -> str:
    given = message.get(name, otherwise)
    if not isinstance(given, str) or given not in _UNITS:
        raise DecodeError(Reason.BAD_QUANTITY, f"{name} is {str(given)[:40]!r}, none of {', '.join(_UNITS)}")
    return _UNITS[given]


def _distance(sensor: str) -> dict[str, Meaning]:
    """Rangers differ in their unit, so that of an unknown one stays under its own name."""
    model = sensor.partition("-")[0]
    unit = _DISTANCES.get(model)
    return {
        "Distance": Meaning(to_key(f"{to_key(model.lower()) or 'other'}_distance"))
        if unit is None
        else Meaning("distance", unit)
    }


def _time_ns(message: Mapping[str, Any], context: Context) -> int:
    stamp = message.get("Time")
    if isinstance(stamp, str) and (stamp.endswith("Z") or stamp[19:20] in {"+", "-"}):
        return from_iso(stamp)
    return context.received_ns
