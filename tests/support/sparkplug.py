"""Writes payloads of Sparkplug B as an edge node does, field by field."""

import struct


def varint(number: int) -> bytes:
    """Write a number, seven bits a byte."""
    out = bytearray()
    while number >= 0x80:
        out.append(number % 0x80 + 0x80)
        number //= 0x80
    return bytes((*out, number))


def field(number: int, value: float | str | bytes, *, single: bool = False) -> bytes:
    """Write a field in the wire type of its Python type; `single` makes a float of 32 bits."""
    match value:
        case bool() | int():
            return varint(number * 8) + varint(int(value))
        case float():
            return varint(number * 8 + (5 if single else 1)) + struct.pack("<f" if single else "<d", value)
        case str():
            return field(number, value.encode())
        case _:
            return varint(number * 8 + 2) + varint(len(value)) + value


def metric(
    name: str = "", alias: int | None = None, datatype: int = 0, value: bytes = b"", unit: str = "", ms: int = 0
) -> bytes:
    """Write a metric; `value` is its value's field."""
    parts = [field(1, name)] if name else []
    parts += [] if alias is None else [field(2, alias)]
    parts += [field(3, ms)] if ms else []
    parts += [field(4, datatype)] if datatype else []
    parts += [field(9, field(1, "engUnit") + field(2, field(1, 12) + field(8, unit)))] if unit else []
    return b"".join((*parts, value))


def payload(seq: int | None, *metrics: bytes, ms: int = 1_764_900_000_000) -> bytes:
    """Write a payload."""
    end = b"" if seq is None else field(3, seq)
    return field(1, ms) + b"".join(field(2, one) for one in metrics) + end
