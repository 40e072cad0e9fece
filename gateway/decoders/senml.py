"""SenML (RFC 8428), JSON and CBOR, as readings.

**Device and quantity** come from the resolved name and the unit:

1. With a device in the context, the name's last segment is the quantity.
2. `urn:dev:<type>:<id>` (RFC 9039) is the device; what follows the next `:` or `_` is the quantity:
   `urn:dev:ow:10e2073a01080063:voltage` is `voltage` of `urn-dev-ow-10e2073a01080063`.
3. Of other names the last segment (after `:` or `/`) is the quantity if the catalog has it, or if the unit tells none;
   otherwise the whole name is the device.

A quantity that the name doesn't tell is told by the unit (`Cel`: temperature); if that doesn't either, the pack is
refused. Values are turned into the catalog's units. `lat` and `lon` become the position.

**Several names** that mean one quantity of a device, in one pack, add what they are called, in whatever order they
come: `1/temp` and `2/temp` are `temperature_1` and `temperature_2`; beside `temperature`, which stays, `temp` is
`temperature_temp`. With a device in the context the whole name counts (`temperature_room1`). Where two keys would still
be one, the pack is refused.

**Kind**: the context's; else that of the quantities of each device in the pack. Devices whose packs change in contents
should name the kind.

Records of one device and instant become one reading. Truths become 0 and 1. Texts and data are no readings and are
passed over. A sum becomes `<quantity>_sum`, and that of power (watts) becomes `energy`.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from city.reading import FIRST_NS, LAST_NS, QUANTITY_PATTERN, Reading, checked_quantity
from city.wire.direct import MAX_VALUES, to_position
from gateway.decoders.decoder import Context, DecodeError, Rest, given_id
from gateway.decoders.fields import to_key
from gateway.decoders.kinds import kind_of
from gateway.decoders.leaves import is_measured, unread
from gateway.decoders.senml_pack import LABELS, Record, Source, parse, resolve, resolve_each, write
from gateway.decoders.senml_units import QUANTITY_OF_UNIT, converted

__all__ = ["decode", "resolve"]

_DEVICE_URN: Final = re.compile(r"(urn:dev:[^:_]+:[^:_]+)[:_]?(.*)", re.IGNORECASE)
_HEX_URN: Final = re.compile(r"urn:dev:(?:mac|ow):[0-9a-f]+")
_LEVELS: Final = re.compile("[:/]")
_ALIASES: Final = MappingProxyType(
    {
        "temp": "temperature",
        "hum": "humidity",
        "rh": "humidity",
        "press": "pressure",
        "pm25": "pm2_5",
        "pm2.5": "pm2_5",
        "bat": "battery",
        "batt": "battery",
    }
)
_PLACE: Final = frozenset({"lat", "lon"})
_FIRST_S, _LAST_S = FIRST_NS / 1e9, LAST_NS / 1e9


_Series = tuple[str, str]
"""Quantity and SenML name."""


@dataclass(slots=True)
class _Moment:
    """One device at one instant, while it is put together."""

    values: dict[_Series, float] = field(default_factory=dict)
    position: dict[str, float] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a SenML pack; `[]` if it holds only texts and data.

    Raises:
        Malformed: With the reason from the bounded list. A bad record is refused alone, or with those of its device or
            instant; but the whole pack where a base field is bad.
    """

    def refuse(sources: list[Source], error: Malformed) -> None:
        rest.refuse(write(payload, sources), error)

    moments: dict[tuple[str, int], _Moment] = {}
    known: dict[tuple[str, str | None], tuple[str, str]] = {}
    undated: Counter[tuple[str, str, str]] = Counter()
    for record, source in resolve_each(parse(payload), context.received_ns):
        if isinstance(record, DecodeError):
            refuse([source], record)
            continue
        if not LABELS.issuperset(source[1]):
            unread(source[1], LABELS, rest.unread)
        if isinstance(record.value, str | bytes):
            if is_measured(record.value):
                rest.unread.append(record.name)
            continue
        try:
            _place(record, source, moments, known, undated, context)
        except Malformed as error:
            refuse([source], error)
    return _readings(moments, context, refuse)


def _place(
    record: Record,
    source: Source,
    moments: dict[tuple[str, int], _Moment],
    known: dict[tuple[str, str | None], tuple[str, str]],
    undated: Counter[tuple[str, str, str]],
    context: Context,
) -> None:
    """Add a record to the moment of its device."""
    which = record.name, record.unit
    if which not in known:
        known[which] = _meant(record, context)
    device, quantity = known[which]
    place = device, _time_ns(record)
    now_ns = _micros(context.received_ns / 1e9)
    if place[1] == now_ns:
        # a name a second time at the time of receipt is no correction, but another measurement without a time
        place = device, now_ns + undated[device, record.name, quantity]
        undated[device, record.name, quantity] += 1
    moment = moments.get(place)
    if moment is None:
        moment = _Moment()
    _add(moment, record, quantity)
    moment.sources.append(source)
    moments[place] = moment


def _readings(
    moments: Mapping[tuple[str, int], _Moment],
    context: Context,
    refuse: Callable[[list[Source], Malformed], None],
) -> list[Reading]:
    found: dict[str, set[_Series]] = {}
    for (device, _), moment in moments.items():
        found.setdefault(device, set()).update(moment.values)
    named: dict[str, tuple[str, dict[_Series, str]]] = {}
    for device, series in found.items():
        try:
            named[device] = _named(device, series, context)
        except DecodeError as error:
            if error.reason is Reason.UNKNOWN_KIND:
                raise
            refuse([one for (of, _), moment in moments.items() if of == device for one in moment.sources], error)
    made: list[Reading] = []
    for (device, time_ns), moment in moments.items():
        if device not in named:
            continue
        try:
            made.append(_reading(device, time_ns, moment, *named[device]))
        except Malformed as error:
            refuse(moment.sources, error)
    return made


def _meant(record: Record, context: Context) -> tuple[str, str]:
    """Tell device and quantity of a record, and of all with its name and unit; `lat` and `lon` of a place."""
    name, tail = _split(record, context)
    if record.unit in _PLACE:
        return _device(name, context), record.unit
    return _device(name, context), _quantity(tail, record)


def _split(record: Record, context: Context) -> tuple[str, str]:
    """Split a name into device and what names the quantity; either may be empty."""
    urn = _DEVICE_URN.fullmatch(record.name)
    if urn is not None:
        return _spelled(urn[1]), urn[2]
    cut = max(record.name.rfind(":"), record.name.rfind("/"))
    head, tail = record.name[: max(cut, 0)], record.name[cut + 1 :]
    unit_tells = record.unit in QUANTITY_OF_UNIT or record.unit in _PLACE
    if context.device is not None or _known(tail) in QUANTITIES or not unit_tells:
        return head, tail
    return record.name, ""


def _spelled(urn: str) -> str:
    """Give the one spelling of a URN: `urn:dev` (RFC 8141, 3.1) and hexadecimal bodies (RFC 9039) in lower case."""
    lower = urn.lower()
    return lower if _HEX_URN.fullmatch(lower) else f"urn:dev:{urn[len('urn:dev:') :]}"


def _add(moment: _Moment, record: Record, quantity: str) -> None:
    name, value, unit, total = record.name, record.value, record.unit, record.total
    if quantity in _PLACE:
        if not isinstance(value, float):
            raise DecodeError(Reason.BAD_POSITION, f"{name[:80]} has no number of degrees")
        moment.position[quantity] = value
        return
    if value is not None:
        moment.values[quantity, name] = converted(quantity, float(value), unit)
    if total is not None and quantity == "power" and unit == "W":
        moment.values["energy", name] = converted("energy", total, "J")
    elif total is not None:
        moment.values[checked_quantity(f"{quantity}_sum"), name] = total


def _quantity(tail: str, record: Record) -> str:
    key = _known(tail)
    if QUANTITY_PATTERN.fullmatch(key) is not None:
        return checked_quantity(key)
    by_unit = QUANTITY_OF_UNIT.get(record.unit or "")
    if by_unit is None:
        unit = (record.unit or "none")[:40]
        raise DecodeError(
            Reason.BAD_QUANTITY, f"neither the name {record.name[:80]!r} nor the unit {unit!r} tells what"
        )
    return by_unit


def _known(tail: str) -> str:
    key = tail.lower().replace("-", "_")
    return _ALIASES.get(key, key)


def _device(name: str, context: Context) -> str:
    device = given_id(context)
    if device is None and not name:
        raise DecodeError(Reason.MISSING_FIELD, "neither the names nor the input tell the device")
    return device or context.ids(name, "")


def _time_ns(record: Record) -> int:
    if not _FIRST_S <= record.time_s < _LAST_S:
        raise DecodeError(Reason.BAD_TIME, f"{record.time_s} s is outside 2000 to 2100")
    return _micros(record.time_s)


def _micros(time_s: float) -> int:
    """Give nanoseconds; a double of today's seconds holds no more than microseconds."""
    return round(time_s * 1e6) * 1000


def _named(device: str, found: Collection[_Series], context: Context) -> tuple[str, dict[_Series, str]]:
    """Choose a device's kind, and keys for those names that share their quantity with another."""
    count = Counter(quantity for quantity, _ in found)
    kind = kind_of(context, count)
    if len(count) == len(found):
        return kind, {}
    keys = {series: _apart(*series, context) for series in found if count[series[0]] > 1}
    if len({keys.get(series, series[0]) for series in found}) < len(found):
        raise DecodeError(Reason.DUPLICATE_KEY, f"several names of {device} mean the same, and can't be told apart")
    return kind, keys


def _apart(quantity: str, name: str, context: Context) -> str:
    """Make the key of a name that shares its quantity with another one."""
    tail = name
    if context.device is None:
        urn = _DEVICE_URN.fullmatch(name)
        tail = urn[2] if urn is not None else _LEVELS.split(name)[-1]
    *before, last = _LEVELS.split(tail)
    if tail == quantity or (before and _known(last) == quantity):
        tail = "_".join(before)
    return to_key(f"{quantity}_{tail}") or quantity


def _reading(device: str, time_ns: int, moment: _Moment, kind: str, keys: Mapping[_Series, str]) -> Reading:
    values = {keys.get(series, series[0]): value for series, value in moment.values.items()}
    if not 0 < len(values) <= MAX_VALUES:
        raise DecodeError(Reason.NO_VALUES, f"{len(values)} values of {device}; from 1 to {MAX_VALUES} are allowed")
    if not moment.position:
        return Reading(device, kind, time_ns, values)
    if len(moment.position) == 1:
        raise DecodeError(Reason.BAD_POSITION, f"a position of {device} is half of one")
    lat, lon = to_position(moment.position["lat"], moment.position["lon"])
    return Reading(device, kind, time_ns, values, lat, lon)
