"""A tally: the counts of one flush as bytes, and sums of many."""

import zlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from city.ledger.port import Counts, Source

HOUR_NS: Final = 3_600_000_000_000

Key = tuple[int, str, str]
"""Start of the hour in nanoseconds UTC, gateway, device."""
Numbers = tuple[int, int, int, int, int]
"""received, stored, duplicate, quarantined, rejected."""
Row = tuple[int, str, str, int, int, int, int, int]
Sums = dict[Key, list[int]]

_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(list[Row])


def hour_of(time_ns: int) -> int:
    """Find the start of the hour."""
    return time_ns - time_ns % HOUR_NS


def rows_of(hour_ns: int, counts: Mapping[Source, Counts], sign: int = 1) -> list[Row]:
    """Lay counts out as rows of an hour."""
    return [
        (
            hour_ns,
            gateway,
            device,
            sign * c.received,
            sign * c.stored,
            sign * c.duplicate,
            sign * c.quarantined,
            sign * c.rejected,
        )
        for (gateway, device), c in counts.items()
    ]


def encode(rows: list[Row]) -> bytes:
    """Write a tally; level 1 takes a fifth of a millisecond from a thousand rows and four fifths of their bytes."""
    return zlib.compress(_encode(rows), 1)


def add_up(tallies: Iterable[bytes]) -> Sums:
    """Sum tallies by hour, gateway and device."""
    sums: Sums = {}
    known = sums.get
    for tally in tallies:
        for hour, gateway, device, *numbers in _decoder.decode(zlib.decompress(tally)):
            row = known((hour, gateway, device))
            if row is None:
                sums[hour, gateway, device] = numbers
            else:
                received, stored, duplicate, quarantined, rejected = numbers
                row[0] += received
                row[1] += stored
                row[2] += duplicate
                row[3] += quarantined
                row[4] += rejected
    return sums
