"""Counts of flushes as bytes, in columns, and sums of many."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from city.ledger.port import Source
from city.outcomes import COUNTED, Counts

HOUR_NS: Final = 3_600_000_000_000


class HourCounts(msgspec.Struct, array_like=True, gc=False):
    """Counts of one hour.

    Attributes:
        hour_ns: Start of the hour, nanoseconds UTC.
        sources: Gateway and device of each row as one text, see `join`: half a million pairs keep the garbage
            collector busy, texts don't.
        columns: One list for each of COUNTED, empty where all are zero.
    """

    hour_ns: int
    sources: list[str]
    columns: list[list[int]]


class Sum:
    """Counts added up by a key: a joined source, or a part of it."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._parts: list[tuple[NDArray[np.intp], list[list[int]]]] = []

    def add(self, keys: list[str], columns: list[list[int]]) -> None:
        """Take in columns, one key a row."""
        rows = self._rows
        index = [rows.setdefault(key, len(rows)) for key in keys]
        self._parts.append((np.array(index, np.intp), columns))

    def result(self) -> tuple[list[str], NDArray[np.int64]]:
        """Give the n keys as they came, and their (n, 5) numbers."""
        totals = np.zeros((len(self._rows), len(COUNTED)), np.int64)
        for index, columns in self._parts:
            for number, column in enumerate(columns):
                if column:
                    np.add.at(totals[:, number], index, np.array(column, np.int64))
        return list(self._rows), totals


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(list[HourCounts])


def hour_of(time_ns: int) -> int:
    """Give the start of the hour, nanoseconds UTC."""
    return time_ns - time_ns % HOUR_NS


def join(source: Source) -> str:
    """Write a source as one text; no id has a line's end in it."""
    return f"{source[0]}\n{source[1]}"


def split(source: str) -> Source:
    """Read what `join` wrote."""
    gateway, _, device = source.partition("\n")
    return Source(gateway, device)


def to_hour_counts(hour_ns: int, counts: Mapping[Source, Counts]) -> HourCounts:
    """Lay counts out as columns."""
    columns = [list(map(attrgetter(name), counts.values())) for name in COUNTED]
    return dense_hour_counts(hour_ns, [join(source) for source in counts], columns)


def dense_hour_counts(hour_ns: int, sources: list[str], columns: list[list[int]]) -> HourCounts:
    """Make a block of full columns; those of zeros are left out."""
    return HourCounts(hour_ns, sources, [column if any(column) else [] for column in columns])


def encode(blocks: list[HourCounts]) -> bytes:
    """Write the counts of a flush; level 1 takes little time and leaves a fifth of the bytes."""
    return zlib.compress(_encode(blocks), 1)


def decode(rows: Iterable[bytes]) -> Iterator[HourCounts]:
    """Read the counts of flushes."""
    for row in rows:
        yield from _decoder.decode(zlib.decompress(row))
