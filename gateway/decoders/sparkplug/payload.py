"""Sparkplug B's payload: protocol buffers, read and written by field number.

Field numbers and data types: Sparkplug Specification 3.0.0, chapter 6.4 (Eclipse Foundation). Fields that say nothing
about a measurement are skipped.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from city.errors import Reason
from city.wire.direct import MAX_BYTES
from gateway.decoders.decoder import DecodeError
from gateway.decoders.sparkplug import wire

_MAX_METRICS: Final = 5_000
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")
_SIGNED_BITS: Final = MappingProxyType({1: 8, 2: 16, 3: 32, 4: 64})
"""Data types Int8, Int16, Int32 and Int64: they travel as two's complement in an unsigned field."""
_BOOLEAN, _STRING, _DATE_TIME = 11, 12, 13

# fields of a payload, of a metric, of a set of properties
_P_TIMESTAMP, _P_METRICS, _P_SEQ, _P_BODY = 1, 2, 3, 5
_M_NAME, _M_ALIAS, _M_TIMESTAMP, _M_TYPE, _M_NULL, _M_PROPERTIES = 1, 2, 3, 4, 7, 9
_M_INT, _M_LONG, _M_FLOAT, _M_DOUBLE, _M_BOOLEAN = 10, 11, 12, 13, 14
_M_STRING, _M_BYTES, _M_DATASET, _M_TEMPLATE = 15, 16, 17, 18
_STRUCTURES: Final = frozenset({_M_BYTES, _M_DATASET, _M_TEMPLATE})
_ARRAYS: Final = frozenset(range(22, 33))
"""Data types of arrays of numbers and truths; they travel as bytes."""

_S_KEYS, _S_VALUES, _V_TYPE, _V_TEXT = 1, 2, 1, 8
_UNIT_PROPERTY: Final = "engUnit"
_UNIT_PROPERTIES: Final = frozenset({_UNIT_PROPERTY, "Engineering Units", "unit"})
_METRIC_WIRE: Final = MappingProxyType(
    {
        _M_NAME: wire.BYTES,
        _M_ALIAS: wire.VARINT,
        _M_TIMESTAMP: wire.VARINT,
        _M_TYPE: wire.VARINT,
        _M_NULL: wire.VARINT,
        _M_PROPERTIES: wire.BYTES,
        _M_INT: wire.VARINT,
        _M_LONG: wire.VARINT,
        _M_FLOAT: wire.FIXED_32,
        _M_DOUBLE: wire.FIXED_64,
        _M_BOOLEAN: wire.VARINT,
        _M_STRING: wire.BYTES,
        _M_BYTES: wire.BYTES,
        _M_DATASET: wire.BYTES,
        _M_TEMPLATE: wire.BYTES,
    }
)
_PAYLOAD_WIRE: Final = MappingProxyType(
    {_P_TIMESTAMP: wire.VARINT, _P_METRICS: wire.BYTES, _P_SEQ: wire.VARINT, _P_BODY: wire.BYTES}
)
_SET_WIRE: Final = MappingProxyType({_S_KEYS: wire.BYTES, _S_VALUES: wire.BYTES})
_VALUE_WIRE: Final = MappingProxyType({_V_TEXT: wire.BYTES})


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
        text: The text, where it is one.
        structure: Whether it is a data set, a template or an array, of which nothing is read.
        integer: Whether `value` is from an integer field, whose sign depends on the data type.
        raw: Its bytes.
    """

    name: str = ""
    alias: int | None = None
    timestamp: int | None = None
    datatype: int = 0
    unit: str = ""
    value: float | None = None
    text: str = ""
    structure: bool = False
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
        DecodeError: `too_large`, `too_many_readings`, or `undecoded` with the byte at which it breaks.
    """
    if len(data) > MAX_BYTES:
        raise DecodeError(Reason.TOO_LARGE, f"{len(data)} bytes; at most {MAX_BYTES}")
    payload = Payload()
    for number, value in wire.fields(data, _PAYLOAD_WIRE):
        if number == _P_BODY:
            raise DecodeError(Reason.UNDECODED, "a body beside the metrics, as compressed payloads have")
        if isinstance(value, bytes):
            payload.metrics.append(_metric(value))
            if len(payload.metrics) > _MAX_METRICS:
                raise DecodeError(Reason.TOO_MANY_READINGS, f"more than {_MAX_METRICS} metrics")
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
            wire.field(_M_NAME, b"Node Control/Rebirth"),
            wire.field(_M_TIMESTAMP, now_ms),
            wire.field(_M_TYPE, _BOOLEAN),
            wire.field(_M_BOOLEAN, 1),
        )
    )
    return wire.field(_P_TIMESTAMP, now_ms) + wire.field(_P_METRICS, metric)


def named(name: str) -> bytes:
    """Write a metric's name; behind its bytes it takes the place of the one in them."""
    return wire.field(_M_NAME, name.encode())


def lacking(metric: Metric, birth: Metric) -> bytes:
    """Write those of name, data type and unit that a metric lacks and its birth told; to be put behind its bytes."""
    parts: list[bytes] = []
    if not metric.name and birth.name:
        parts.append(wire.field(_M_NAME, birth.name.encode()))
    if not metric.datatype and birth.datatype:
        parts.append(wire.field(_M_TYPE, birth.datatype))
    if not metric.unit and birth.unit:
        unit = wire.field(_V_TYPE, _STRING) + wire.field(_V_TEXT, birth.unit.encode())
        parts.append(
            wire.field(_M_PROPERTIES, wire.field(_S_KEYS, _UNIT_PROPERTY.encode()) + wire.field(_S_VALUES, unit))
        )
    return b"".join(parts)


def written(payload: Payload, metrics: Iterable[bytes]) -> bytes:
    """Write a payload with other metrics."""
    parts = [] if payload.timestamp is None else [wire.field(_P_TIMESTAMP, payload.timestamp)]
    parts += [wire.field(_P_METRICS, metric) for metric in metrics]
    if payload.seq is not None:
        parts.append(wire.field(_P_SEQ, payload.seq))
    return b"".join(parts)


def _metric(data: bytes) -> Metric:
    metric = Metric(raw=data)
    null = False
    for number, value in wire.fields(data, _METRIC_WIRE):
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
    elif number == _M_STRING:
        metric.text = value.decode("utf-8", "replace")
    elif number in _STRUCTURES:
        metric.structure = number != _M_BYTES or metric.datatype in _ARRAYS
    else:
        form = _DOUBLE if number == _M_DOUBLE else _FLOAT
        metric.value, metric.integer = form.unpack(value)[0], False


def _unit(data: bytes) -> str:
    keys: list[str] = []
    texts: list[str] = []
    for number, value in wire.fields(data, _SET_WIRE):
        if isinstance(value, int):
            continue
        if number == _S_KEYS:
            keys.append(_text(value))
        else:
            texts.append(next((_text(v) for _, v in wire.fields(value, _VALUE_WIRE) if isinstance(v, bytes)), ""))
    return next((text for key, text in zip(keys, texts, strict=False) if key in _UNIT_PROPERTIES), "")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(Reason.NOT_UTF8, str(error)) from None
