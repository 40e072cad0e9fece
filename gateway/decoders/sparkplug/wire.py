"""Protocol buffers on the wire: https://protobuf.dev/programming-guides/encoding/."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from city.errors import Reason
from gateway.decoders.decoder import DecodeError

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
_MAX_VARINT_BITS: Final = 63
_WIDTHS: Final = MappingProxyType({FIXED_64: 8, FIXED_32: 4})


def fields(data: bytes, wanted: Mapping[int, int]) -> Iterator[tuple[int, int | bytes]]:
    """Walk over a message: the wanted fields, with their number; all others are stepped over.

    Args:
        data: The message.
        wanted: Number of each field to its wire type.

    Raises:
        DecodeError: `undecoded`, with the byte at which it breaks.
    """
    place, end = 0, len(data)
    while place < end:
        tag = data[place]
        place += 1
        if tag > 0x7F:  # noqa: PLR2004  the bit that says that the number goes on
            tag, place = _read_varint(data, place - 1)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise DecodeError(Reason.UNDECODED, f"field 0 at byte {place - 1}")
        value: int | bytes
        if wire == VARINT:
            if place < end and data[place] <= 0x7F:  # noqa: PLR2004  most numbers are one byte
                value, place = data[place], place + 1
            else:
                value, place = _read_varint(data, place)
        else:
            size, place = _size(data, place, wire)
            if size > end - place:
                raise DecodeError(Reason.UNDECODED, f"field {number} wants {size} bytes, {end - place} are left")
            value, place = data[place : place + size], place + size
        expected = wanted.get(number)
        if expected is None:
            continue
        if expected != wire:
            raise DecodeError(Reason.UNDECODED, f"field {number} has wire type {wire}, not {expected}")
        yield number, value


def _size(data: bytes, place: int, wire: int) -> tuple[int, int]:
    if wire == BYTES:
        return _read_varint(data, place)
    if wire in _WIDTHS:
        return _WIDTHS[wire], place
    raise DecodeError(Reason.UNDECODED, f"wire type {wire} at byte {place - 1}")


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    try:
        while (byte := data[place]) > 0x7F:  # noqa: PLR2004  the bit that says that the number goes on
            number |= (byte & 0x7F) << shift
            shift += 7
            place += 1
            if shift > _MAX_VARINT_BITS:
                raise DecodeError(Reason.UNDECODED, f"a number without end at byte {place}")
    except IndexError:
        raise DecodeError(Reason.UNDECODED, "it ends within a number") from None
    return (number | byte << shift) & 0xFFFF_FFFF_FFFF_FFFF, place + 1


def field(number: int, value: int | bytes) -> bytes:
    """Write a field: a number, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3 | VARINT) + _varint(value)
    return _varint(number << 3 | BYTES) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004  seven bits a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
