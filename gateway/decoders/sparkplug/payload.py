"""Sparkplug B's payload: protocol buffers, read and written by field number.

Field numbers and data types: Sparkplug Specification 3.0.0, chapter 6.4 (Eclipse Foundation); the wire format:
https://protobuf.dev/programming-guides/encoding/. Fields that say nothing about a measurement are skipped.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from city.errors import Malformed, Reason
from city.wire.direct import MOST_BYTES

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_MOST_VARINT_BITS: Final = 63
_MOST_METRICS: Final = 5_000
_WIDTHS: Final = MappingProxyType({_FIXED_64: 8, _FIXED_32: 4})
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
_SIGNED_BITS: Final = MappingProxyType({1: 8, 2: 16, 3: 32, 4: 64})
"""Data types Int8, Int16, Int32 and Int64: they travel as two's complement in an unsigned field."""
_BOOLEAN, _STRING, _DATE_TIME = 11, 12, 13

# fields of a payload, of a metric, of a set of properties
_P_TIMESTAMP, _P_METRICS, _P_SEQ, _P_BODY = 1, 2, 3, 5
_M_NAME, _M_ALIAS, _M_TIMESTAMP, _M_TYPE, _M_NULL, _M_PROPERTIES = 1, 2, 3, 4, 7, 9
_M_INT, _M_LONG, _M_FLOAT, _M_DOUBLE, _M_BOOLEAN = 10, 11, 12, 13, 14
_S_KEYS, _S_VALUES, _V_TYPE, _V_TEXT = 1, 2, 1, 8
_UNIT_PROPERTY: Final = "engUnit"
_UNIT_PROPERTIES: Final = frozenset({_UNIT_PROPERTY, "Engineering Units", "unit"})
_METRIC_WIRE: Final = MappingProxyType(
    {
        _M_NAME: _BYTES,
        _M_ALIAS: _VARINT,
        _M_TIMESTAMP: _VARINT,
        _M_TYPE: _VARINT,
        _M_NULL: _VARINT,
        _M_PROPERTIES: _BYTES,
        _M_INT: _VARINT,
        _M_LONG: _VARINT,
        _M_FLOAT: _FIXED_32,
        _M_DOUBLE: _FIXED_64,
        _M_BOOLEAN: _VARINT,
    }
)
_PAYLOAD_WIRE: Final = MappingProxyType({_P_TIMESTAMP: _VARINT, _P_METRICS: _BYTES, _P_SEQ: _VARINT, _P_BODY: _BYTES})
_SET_WIRE: Final = MappingProxyType({_S_KEYS: _BYTES, _S_VALUES: _BYTES})
_VALUE_WIRE: Final = MappingProxyType({_V_TEXT: _BYTES})


@dataclass(slots=True)
class Metric:
    """One metric as it stands on the wire.

    Attributes:
        name: Name; empty where only the alias stands for it.
        alias: Number that a birth gave to the name.
        timestamp: Unix milliseconds.
        datatype: Of the specification's list; 0 where it isn't told.
        unit: Of the property that names an engineering unit, as it was written.
        value: The number, or None for texts, nulls and structures.
        integer: Whether `value` is from an integer field, whose sign depends on the data type.
        raw: Its bytes.
    """

    name: str = ""
    alias: int | None = None
    timestamp: int | None = None
    datatype: int = 0
    unit: str = ""
    value: float | None = None
    integer: bool = False
    raw: bytes = b""

    def measured(self, datatype: int) -> float | None:
        """Give the number as the data type means it; None for what is no measurement."""
        if self.value is None or datatype == _DATE_TIME:
            return None
        bits = _SIGNED_BITS.get(datatype, 0) if self.integer else 0
        if not bits:
            return float(self.value)
        unsigned = int(self.value) & ((1 << bits) - 1)
        return float(unsigned - (1 << bits) if unsigned >> (bits - 1) else unsigned)


@dataclass(slots=True)
class Payload:
    """One message.

    Attributes:
        timestamp: Unix milliseconds.
        seq: Number of the message, 0 to 255; None where it has none.
        metrics: In their order.
    """

    timestamp: int | None = None
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


def read(data: bytes) -> Payload:
    """Read a payload.

    Raises:
        Malformed: `too_large`, `too_many_readings`, or `undecoded` with the byte at which it breaks.
    """
    if len(data) > MOST_BYTES:
        raise Malformed(Reason.TOO_LARGE, f"{len(data)} bytes; at most {MOST_BYTES}")
    payload = Payload()
    for number, value in _fields(data, _PAYLOAD_WIRE):
        if number == _P_BODY:
            raise Malformed(Reason.UNDECODED, "a body beside the metrics, as compressed payloads have")
        if isinstance(value, bytes):
            payload.metrics.append(_metric(value))
            if len(payload.metrics) > _MOST_METRICS:
                raise Malformed(Reason.TOO_MANY_READINGS, f"more than {_MOST_METRICS} metrics")
        elif number == _P_SEQ:
            payload.seq = value
        else:
            payload.timestamp = value
    return payload


def rebirth_request(now_ms: int) -> bytes:
    """Write the command that asks an edge node for its births: `Node Control/Rebirth` true.

    Args:
        now_ms: Unix milliseconds.
    """
    metric = b"".join(
        (
            _field(_M_NAME, b"Node Control/Rebirth"),
            _field(_M_TIMESTAMP, now_ms),
            _field(_M_TYPE, _BOOLEAN),
            _field(_M_BOOLEAN, 1),
        )
    )
    return _field(_P_TIMESTAMP, now_ms) + _field(_P_METRICS, metric)


def lacking(metric: Metric, birth: Metric) -> bytes:
    """Write those of name, data type and unit that a metric lacks and its birth told; to be put behind its bytes."""
    parts: list[bytes] = []
    if not metric.name and birth.name:
        parts.append(_field(_M_NAME, birth.name.encode()))
    if not metric.datatype and birth.datatype:
        parts.append(_field(_M_TYPE, birth.datatype))
    if not metric.unit and birth.unit:
        unit = _field(_V_TYPE, _STRING) + _field(_V_TEXT, birth.unit.encode())
        parts.append(_field(_M_PROPERTIES, _field(_S_KEYS, _UNIT_PROPERTY.encode()) + _field(_S_VALUES, unit)))
    return b"".join(parts)


def written(payload: Payload, metrics: Iterable[bytes]) -> bytes:
    """Write a payload with other metrics."""
    parts = [] if payload.timestamp is None else [_field(_P_TIMESTAMP, payload.timestamp)]
    parts += [_field(_P_METRICS, metric) for metric in metrics]
    if payload.seq is not None:
        parts.append(_field(_P_SEQ, payload.seq))
    return b"".join(parts)


def _metric(data: bytes) -> Metric:
    metric = Metric(raw=data)
    null = False
    for number, value in _fields(data, _METRIC_WIRE):
        if isinstance(value, bytes):
            _take_bytes(metric, number, value)
        elif number == _M_ALIAS:
            metric.alias = value
        elif number == _M_TIMESTAMP:
            metric.timestamp = value
        elif number == _M_TYPE:
            metric.datatype = value
        elif number == _M_NULL:
            null = bool(value)
        elif number == _M_BOOLEAN:
            metric.value, metric.integer = float(bool(value)), False
        else:
            metric.value, metric.integer = value, True
    if null:
        metric.value = None
    return metric


def _take_bytes(metric: Metric, number: int, value: bytes) -> None:
    if number == _M_NAME:
        metric.name = _text(value)
    elif number == _M_PROPERTIES:
        metric.unit = _unit(value) or metric.unit
    else:
        form = _DOUBLE if number == _M_DOUBLE else _FLOAT
        metric.value, metric.integer = form.unpack(value)[0], False


def _unit(data: bytes) -> str:
    keys: list[str] = []
    texts: list[str] = []
    for number, value in _fields(data, _SET_WIRE):
        if isinstance(value, int):
            continue
        if number == _S_KEYS:
            keys.append(_text(value))
        else:
            texts.append(next((_text(v) for _, v in _fields(value, _VALUE_WIRE) if isinstance(v, bytes)), ""))
    return next((text for key, text in zip(keys, texts, strict=False) if key in _UNIT_PROPERTIES), "")


def _fields(data: bytes, wanted: "MappingProxyType[int, int]") -> Iterator[tuple[int, int | bytes]]:
    """Walk over a message: the wanted fields, with their number; all others are stepped over."""
    place, end = 0, len(data)
    while place < end:
        tag = data[place]
        place += 1
        if tag > 0x7F:  # noqa: PLR2004  the bit that says that the number goes on
            tag, place = _read_varint(data, place - 1)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise Malformed(Reason.UNDECODED, f"field 0 at byte {place - 1}")
        value: int | bytes
        if wire == _VARINT:
            if place < end and data[place] <= 0x7F:  # noqa: PLR2004  most numbers are one byte
                value, place = data[place], place + 1
            else:
                value, place = _read_varint(data, place)
        else:
            size, place = _size(data, place, wire)
            if size > end - place:
                raise Malformed(Reason.UNDECODED, f"field {number} wants {size} bytes, {end - place} are left")
            value, place = data[place : place + size], place + size
        expected = wanted.get(number)
        if expected is None:
            continue
        if expected != wire:
            raise Malformed(Reason.UNDECODED, f"field {number} has wire type {wire}, not {expected}")
        yield number, value


def _size(data: bytes, place: int, wire: int) -> tuple[int, int]:
    if wire == _BYTES:
        return _read_varint(data, place)
    if wire in _WIDTHS:
        return _WIDTHS[wire], place
    raise Malformed(Reason.UNDECODED, f"wire type {wire} at byte {place - 1}")


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    try:
        while (byte := data[place]) > 0x7F:  # noqa: PLR2004  the bit that says that the number goes on
            number |= (byte & 0x7F) << shift
            shift += 7
            place += 1
            if shift > _MOST_VARINT_BITS:
                raise Malformed(Reason.UNDECODED, f"a number without end at byte {place}")
    except IndexError:
        raise Malformed(Reason.UNDECODED, "it ends within a number") from None
    return (number | byte << shift) & 0xFFFF_FFFF_FFFF_FFFF, place + 1


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed(Reason.NOT_UTF8, str(error)) from None


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004  seven bits a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
