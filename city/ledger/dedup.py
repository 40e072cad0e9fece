"""What is settled, kept in memory: packs as ranges, and the fingerprints of the newest direct messages."""

from collections import deque
from typing import Final, NamedTuple

import numpy as np
from typing_extensions import override

from city.ledger.port import DedupIndex, PackId
from city.ledger.ranges import Range, Ranges

REMEMBERED: Final = 131_072
"""Direct messages whose fingerprints are kept: about 15 MB, whatever the traffic."""

SpoolKey = tuple[str, str]
"""A gateway and one life of its spool."""

_NONE: Final = Ranges()


class Page(NamedTuple):
    """The fingerprints of one flush: little-endian uint64."""

    flush: int
    packed: bytes


class SettledIndex(DedupIndex):
    """The index of one process.

    One thread writes, another one may ask at the same time: each change of a set or dict here is one step to it.

    Attributes:
        flush: The last flush that it knows.
        journal: The last entry of the journal by then.
    """

    def __init__(self) -> None:
        self.flush = 0
        self.journal = 0
        self._packs: dict[SpoolKey, Ranges] = {}
        self._fingerprints: set[int] = set()
        self._pages: deque[Page] = deque()
        self._remembered = 0

    @override
    def has_pack(self, pack: PackId) -> bool:
        return pack.seq in self._packs.get((pack.gateway, pack.spool), _NONE)

    @override
    def has_fingerprint(self, fingerprint: int) -> bool:
        return fingerprint in self._fingerprints

    def any_fingerprint(self, fingerprints: set[int]) -> bool:
        """Tell whether one of many direct messages is settled."""
        return not self._fingerprints.isdisjoint(fingerprints)

    def ranges(self, spool: SpoolKey) -> Ranges:
        """Settled packs of one spool."""
        return self._packs.get(spool, _NONE)

    def oldest_flush(self) -> int:
        """The oldest flush whose fingerprints still matter."""
        return self._pages[0].flush if self._pages else self.flush + 1

    def replace_ranges(self, spool: SpoolKey, ranges: Ranges) -> None:
        """Put the ranges of a spool after a flush in place of those before it."""
        self._packs[spool] = ranges

    def learn_range(self, spool: SpoolKey, row: Range) -> None:
        """Take in a range that another worker settled."""
        self._packs[spool] = self.ranges(spool).joined(row)

    def learn_fingerprints(self, page: Page) -> None:
        """Take in a flush's fingerprints, and forget the oldest flushes that are beyond what is remembered."""
        self._pages.append(page)
        self._fingerprints.update(unpack(page.packed))
        self._remembered += len(page.packed) // 8
        while self._remembered - len(self._pages[0].packed) // 8 >= REMEMBERED:
            old = self._pages.popleft().packed
            self._fingerprints.difference_update(unpack(old))
            self._remembered -= len(old) // 8


def pack(fingerprints: list[int]) -> bytes:
    """Give fingerprints as little-endian uint64."""
    return np.array(fingerprints, "<u8").tobytes()


def unpack(packed: bytes) -> list[int]:
    """Read what `pack` wrote."""
    numbers: list[int] = np.frombuffer(packed, "<u8").tolist()
    return numbers
