"""From metrics to readings: names, units, signs, times and positions."""

from collections.abc import Iterable
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from city.names import MAX_KEPT
from city.reading import Reading
from city.units import UNITS, convert
from city.wire.direct import Position, to_position
from gateway.decoders.decoder import Context, DecodeError, Rest
from gateway.decoders.fields import apart, checksum, to_key
from gateway.decoders.json_fields import foreign_device, from_number, number, portions, position_fix
from gateway.decoders.kinds import kind_of
from gateway.decoders.leaves import is_measured
from gateway.decoders.sparkplug.payload import Metric, Payload, written
from gateway.decoders.sparkplug.topic import Topic

_NO_MEASUREMENT: Final = frozenset(
    {
        "bdSeq", "Node Control/Next Server", "Node Control/Reboot", "Node Control/Rebirth", "Node Control/Scan Rate",
        "Node Control/Scan Rate ms", "Device Control/Reboot", "Device Control/Rebirth", "Device Control/Scan Rate",
    }
)  # fmt: skip
"""Commands, and the number of the birth (Sparkplug Specification 3.0.0, chapters 6.4 and 6.5)."""

_LATITUDES: Final = frozenset(map(to_key, ("lat", "latitude")))
_LONGITUDES: Final = frozenset(map(to_key, ("lon", "lng", "longitude")))
_SIGN_BITS: Final = (1 << 31) | (1 << 63)
_SPELLINGS: Final = MappingProxyType(
    {
        "°c": "Cel", "c": "Cel", "degc": "Cel", "°f": "degF", "f": "degF", "degf": "degF", "pct": "%", "percent": "%",
        "kph": "km/h", "kmh": "km/h", "kts": "knot", "l/min": "L/min", "m³/h": "m3/h", "m³/s": "m3/s", "°": "deg",
        "ppm": "[ppm]", "ppb": "[ppb]", "µg/m³": "ug/m3", "ug/m³": "ug/m3", "db": "dB", "dba": "dB[SPL]",
        "dbm": "dB[mW]", "lux": "lx", "m/s²": "m/s2", "w/m²": "W/m2", "cel": "Cel",
    }
)  # fmt: skip


class Definition(NamedTuple):
    """What a metric is.

    `quantity` is None for what is no measurement; `unit` is a key of `city.units.UNITS`, or empty.
    """

    quantity: str | None
    unit: str = ""
    datatype: int = 0


def defined(metric: Metric) -> Definition | None:
    """Say what a metric is by its own name; None where only an alias stands for it."""
    if not metric.name:
        return None if metric.alias is not None else Definition(None)
    return Definition(*_meaning(metric), metric.datatype)


def _meaning(metric: Metric) -> tuple[str | None, str]:
    kept = len(metric.name) + len(metric.unit) <= MAX_KEPT
    return (_known if kept else _define)(metric.name, metric.unit)


def _define(name: str, unit_text: str) -> tuple[str | None, str]:
    if name in _NO_MEASUREMENT:
        return None, ""
    key = to_key(name)
    text = unit_text.strip()
    unit = text if text in UNITS else _SPELLINGS.get(text.lower(), "")
    row = QUANTITIES.get(key or "")
    if not text or row is None:
        return key, ""
    if unit not in UNITS or UNITS[unit].dimension != UNITS[row.unit].dimension:
        return f"{key}_raw", ""
    return key, unit


_known: Final = lru_cache(maxsize=8192)(_define)


def readings(
    topic: Topic,
    message: Payload,
    metrics: Iterable[tuple[Metric, Definition]],
    context: Context,
    rest: Rest,
) -> list[Reading]:
    """Make readings, one an instant; metrics that can't be are refused alone, with those of their instant.

    Args:
        topic: Names the device.
        message: Its time stands in for metrics without one.
        metrics: With what each is.
        context: May name device and kind.
        rest: What is unread or refused.

    Raises:
        Malformed: The device or the kind is none.
    """
    moments: dict[int | None, dict[str, float]] = {}
    sources: dict[int | None, list[Metric]] = {}
    defined_by = list(metrics)
    keys = apart((metric.name, row.quantity) for metric, row in defined_by if row.quantity is not None)
    for metric, definition in defined_by:
        try:
            value = _value(metric, definition)
        except Malformed as error:
            rest.refuse(alone(message, [metric]), error)
            continue
        if value is not None and definition.quantity is not None:
            stamp = metric.timestamp or message.timestamp
            moments.setdefault(stamp, {})[keys[metric.name]] = value
            sources.setdefault(stamp, []).append(metric)
        elif metric.name not in _NO_MEASUREMENT and (value is not None or _is_unread(metric)):
            rest.unread.append(metric.name)
    measured = [quantity for values in moments.values() for quantity in values]
    kind = kind_of(context, measured)
    device = foreign_device(context, "sparkplug", topic.name) if moments else ""
    made: list[Reading] = []
    for stamp, values in moments.items():
        try:
            time_ns = from_number(stamp, 1000) if stamp else context.received_ns
            made += portions(device, kind, time_ns, values, *(_position(values) or (None, None)))
        except Malformed as error:
            rest.refuse(alone(message, sources[stamp]), error)
    return made


def alone(message: Payload, metrics: Iterable[Metric]) -> bytes:
    """Write a message anew with some of its metrics alone."""
    return written(message, [metric.raw for metric in metrics])


def _is_unread(metric: Metric) -> bool:
    """Whether a metric without a number measures all the same: a structure, or a text that spells a number."""
    return metric.structure or is_measured(metric.text)


def _value(metric: Metric, definition: Definition) -> float | None:
    datatype = metric.datatype or definition.datatype
    if not datatype and metric.integer and int(metric.value or 0) & _SIGN_BITS:
        raise DecodeError(Reason.UNDECODED, f"{metric.name[:80]!r}: only the birth's data type tells its sign")
    value = number(metric.measured(datatype))
    row = QUANTITIES.get(definition.quantity or "")
    if value is None or row is None or not definition.unit:
        return value
    return convert(value, definition.unit, row.unit)


def _position(values: dict[str, float]) -> Position | None:
    """Take a whole position out of the values; half of one stays among them, under a long name."""
    found: list[float | None] = []
    for keys, long_name in ((_LATITUDES, "latitude"), (_LONGITUDES, "longitude")):
        given = [values.pop(key) for key in values.keys() & keys]
        found.append(given[0] if given else None)
        if given:
            values[long_name] = given[0]
    lat, lon = found
    if lat is None or lon is None:
        return None
    place = to_position(lat, lon)
    del values["latitude"], values["longitude"]
    if not values:
        values.update(position_fix(place))
    return place


def renamed_at_birth(metrics: Iterable[Metric]) -> dict[str, str]:
    """Give names to those metrics of a birth whose key another one has, for all data until the next birth."""
    known = {metric.name: quantity for metric in metrics if metric.name and (quantity := _meaning(metric)[0])}
    keys = apart(known.items())
    return {name: f"{name} {checksum(name)}" for name, quantity in known.items() if keys[name] != quantity}


def kind_at_birth(metrics: Iterable[Metric]) -> str:
    """Choose the kind that all data until the next birth will have."""
    meanings = [_meaning(metric) for metric in metrics if metric.name]
    return kind_of(Context(0), [quantity for quantity, _ in meanings if quantity is not None])
