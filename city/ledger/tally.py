"""A tally: the counts of one flush as bytes, in columns, and sums of many."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from city.ledger.port import Counts, Source

HOUR_NS: Final = 3_600_000_000_000

COLUMNS: Final = ("received", "stored", "duplicate", "quarantined", "rejected")


class Block(msgspec.Struct, array_like=True, gc=False):
    """Counts of one hour.

    Attributes:
        hour_ns: Start of the hour, nanoseconds UTC.
        sources: Gateway and device of each row.
        columns: One list for each of COLUMNS, empty where all are zero.
    """

    hour_ns: int
    sources: list[tuple[str, str]]
    columns: list[list[int]]


class Sum:
    """The counts of one hour, added up by source."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], int] = {}
        self._parts: list[tuple[NDArray[np.intp], list[list[int]]]] = []

    def add(self, block: Block) -> None:
        """Take in a block."""
        rows = self._rows
        index = [rows.setdefault(source, len(rows)) for source in block.sources]
        self._parts.append((np.array(index, np.intp), block.columns))

    def __iter__(self) -> Iterator[tuple[Source, list[int]]]:
        """Give each source with its five numbers, sorted by source."""
        totals = np.zeros((len(self._rows), len(COLUMNS)), np.int64)
        for index, columns in self._parts:
            for number, column in enumerate(columns):
                if column:
                    np.add.at(totals[:, number], index, column)
        numbers: list[list[int]] = totals.tolist()
        return ((Source(*source), numbers[row]) for source, row in sorted(self._rows.items()))


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(list[Block])


def hour_of(time_ns: int) -> int:
    """Find the start of the hour."""
    return time_ns - time_ns % HOUR_NS


def block_of(hour_ns: int, counts: Mapping[Source, Counts]) -> Block:
    """Lay counts out as columns."""
    rows = counts.values()
    columns = [
        [c.received for c in rows],
        [c.stored for c in rows],
        [c.duplicate for c in rows],
        [c.quarantined for c in rows],
        [c.rejected for c in rows],
    ]
    return Block(hour_ns, list(counts), [column if any(column) else [] for column in columns])


def encode(blocks: list[Block]) -> bytes:
    """Write a tally; level 1 takes little time and leaves a fifth of the bytes."""
    return zlib.compress(_encode(blocks), 1)


def add_up(tallies: Iterable[bytes]) -> dict[int, Sum]:
    """Sum tallies by hour."""
    sums: dict[int, Sum] = {}
    for tally in tallies:
        for block in _decoder.decode(zlib.decompress(tally)):
            sums.setdefault(block.hour_ns, Sum()).add(block)
    return sums
