"""SenML (RFC 8428), JSON and CBOR, as readings.

**Device and quantity** come from the resolved name and the unit:

1. With a device in the context, the name's last segment is the quantity.
2. `urn:dev:<type>:<id>` (RFC 9039) is the device; what follows the next `:` or `_` is the quantity:
   `urn:dev:ow:10e2073a01080063:voltage` is `voltage` of `urn-dev-ow-10e2073a01080063`.
3. Of other names the last segment (after `:` or `/`) is the quantity if the catalog has it, or if the unit tells none;
   otherwise the whole name is the device.

A quantity that the name doesn't tell is told by the unit (`Cel`: temperature); if that doesn't either, the pack is
refused. Values are turned into the catalog's units. `lat` and `lon` become the position.

**Kind**: the context's; else, for each device of the pack, the kind that has most of its quantities, and `weather`
where several do. Whoever sends packs with changing contents should name the kind.

Records of one device and instant become one reading. Truths become 0 and 1. Texts and data are no readings and are
passed over. A sum becomes `<quantity>_sum`, and that of power (watts) becomes `energy`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from city.catalog import KINDS, QUANTITIES
from city.errors import Malformed, Reason
from city.reading import FIRST_NS, LAST_NS, QUANTITY_PATTERN, Reading, checked_quantity
from city.wire.direct import MOST_VALUES, to_position
from gateway.decoders.context import Context, DecodeError, device_id, known_kind
from gateway.decoders.senml_pack import Record, parse, resolve
from gateway.decoders.senml_units import QUANTITY_OF_UNIT, converted

__all__ = ["decode", "resolve"]

_DEFAULT_KIND: Final = "weather"
_DEVICE_URN: Final = re.compile(r"(urn:dev:[^:_]+:[^:_]+)[:_]?(.*)", re.IGNORECASE)
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
_FIRST_S, _LAST_S = FIRST_NS / 1e9, LAST_NS / 1e9


@dataclass(slots=True)
class _Moment:
    """One device at one instant, while it is put together."""

    values: dict[str, float] = field(default_factory=dict)
    position: dict[str, float] = field(default_factory=dict)


def decode(payload: bytes, context: Context) -> list[Reading]:
    """Understand a SenML pack; `[]` if it holds only texts and data.

    Raises:
        DecodeError: With the reason from the bounded list; the whole pack counts as one.
    """
    try:
        return _readings(resolve(parse(payload), context.received_ns), context)
    except Malformed as error:
        raise DecodeError(error.reason, error.detail) from None


def _readings(records: Iterable[Record], context: Context) -> list[Reading]:
    moments: dict[tuple[str, int], _Moment] = {}
    for record in records:
        if isinstance(record.value, str | bytes):
            continue
        name, tail = _split(record, context)
        moment = moments.setdefault((_device(name, context), _time_ns(record)), _Moment())
        _add(moment, record, tail)
    kinds = _kinds(moments, context)
    return [_reading(device, kinds[device], time_ns, moment) for (device, time_ns), moment in moments.items()]


def _split(record: Record, context: Context) -> tuple[str, str]:
    """Split a name into device and what names the quantity; either may be empty."""
    urn = _DEVICE_URN.fullmatch(record.name)
    if urn is not None:
        return urn[1], urn[2]
    head, _, tail = record.name.replace("/", ":").rpartition(":")
    unit_tells = record.unit in QUANTITY_OF_UNIT or record.unit in {"lat", "lon"}
    if context.device is not None or _known(tail) in QUANTITIES or not unit_tells:
        return head, tail
    return record.name, ""


def _add(moment: _Moment, record: Record, tail: str) -> None:
    if record.unit in {"lat", "lon"} and isinstance(record.value, float):
        moment.position[record.unit] = record.value
        return
    quantity = _quantity(tail, record)
    if record.value is not None:
        moment.values[quantity] = converted(quantity, float(record.value), record.unit)
    if record.total is not None and quantity == "power" and record.unit == "W":
        moment.values["energy"] = converted("energy", record.total, "J")
    elif record.total is not None:
        moment.values[checked_quantity(f"{quantity}_sum")] = record.total


def _quantity(tail: str, record: Record) -> str:
    key = _known(tail)
    if QUANTITY_PATTERN.fullmatch(key) is not None:
        return checked_quantity(key)
    by_unit = QUANTITY_OF_UNIT.get(record.unit or "")
    if by_unit is None:
        unit = (record.unit or "none")[:40]
        raise Malformed(Reason.BAD_QUANTITY, f"neither the name {record.name[:80]!r} nor the unit {unit!r} tells what")
    return by_unit


def _known(tail: str) -> str:
    key = tail.lower().replace("-", "_")
    return _ALIASES.get(key, key)


def _device(name: str, context: Context) -> str:
    if context.device is None and not name:
        raise Malformed(Reason.MISSING_FIELD, "neither the names nor the link tell the device")
    return device_id(context.device or name)


def _time_ns(record: Record) -> int:
    if not _FIRST_S <= record.time_s < _LAST_S:
        raise Malformed(Reason.BAD_TIME, f"{record.time_s} s is outside 1970 to 2100")
    # a double of today holds no more than microseconds
    return round(record.time_s * 1e6) * 1000


def _kinds(moments: dict[tuple[str, int], _Moment], context: Context) -> dict[str, str]:
    quantities: dict[str, set[str]] = {}
    for (device, _), moment in moments.items():
        quantities.setdefault(device, set()).update(moment.values)
    if context.kind is not None:
        return dict.fromkeys(quantities, known_kind(context.kind))
    return {device: _best_kind(keys) for device, keys in quantities.items()}


def _best_kind(quantities: set[str]) -> str:
    return max(KINDS, key=lambda kind: (len(quantities.intersection(KINDS[kind].quantities)), kind == _DEFAULT_KIND))


def _reading(device: str, kind: str, time_ns: int, moment: _Moment) -> Reading:
    if not 0 < len(moment.values) <= MOST_VALUES:
        raise Malformed(
            Reason.NO_VALUES, f"{len(moment.values)} values of {device}; from 1 to {MOST_VALUES} are allowed"
        )
    if not moment.position:
        return Reading(device, kind, time_ns, moment.values)
    if len(moment.position) == 1:
        raise Malformed(Reason.BAD_POSITION, f"a position of {device} is half of one")
    lat, lon = to_position(moment.position["lat"], moment.position["lon"])
    return Reading(device, kind, time_ns, moment.values, lat, lon)
