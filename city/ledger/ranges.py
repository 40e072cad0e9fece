"""Sets of pack numbers as ranges that grow together: pure, and small however many packs there were."""

from bisect import bisect_right
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple


class Range(NamedTuple):
    """Packs `first` to `last` of one spool.

    Attributes:
        first: Lowest number.
        last: Highest number.
        offset: Readings of the spool before `first`.
        through: Readings of the spool through `last`.
        since_ns: When `first` was settled; 0: not known.
        until_ns: When `last` was settled; 0: not known.
    """

    first: int
    last: int
    offset: int
    through: int
    since_ns: int = 0
    until_ns: int = 0


_first: Final = attrgetter("first")


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of one spool, rising and apart (never adjacent).

    It doesn't change, so one thread may look things up while another puts a successor in its place.
    """

    rows: tuple[Range, ...] = ()

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self.rows, seq, key=_first)
        return at > 0 and seq <= self.rows[at - 1].last

    def joined(self, new: Range) -> "Ranges":
        """Take in a range, whatever it overlaps or touches; where both know a count, the outer edge's holds."""
        low = bisect_right(self.rows, new.first, key=_first)
        if low > 0 and self.rows[low - 1].last >= new.first - 1:
            low -= 1
        high = bisect_right(self.rows, new.last + 1, key=_first)
        met = self.rows[low:high]
        if met:
            left, right = min(new, met[0], key=_first), new if new.last >= met[-1].last else met[-1]
            new = Range(left.first, right.last, left.offset, right.through, left.since_ns, right.until_ns)
        return Ranges((*self.rows[:low], new, *self.rows[high:]))


@dataclass(slots=True)
class Growth:
    """How the ranges of one spool change with a flush."""

    old: Ranges
    new: Ranges = field(init=False)

    def __post_init__(self) -> None:
        self.new = self.old

    def gone(self) -> list[int]:
        """First numbers of ranges that became part of another one."""
        kept = {row.first for row in self.new.rows}
        return [row.first for row in self.old.rows if row.first not in kept]

    def changed(self) -> list[Range]:
        """Ranges that are new or longer."""
        known = set(self.old.rows)
        return [row for row in self.new.rows if row not in known]
