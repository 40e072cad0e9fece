"""Which of two instants a local time means that happens twice, told by the order of the rows around it. Pure.

When clocks are put back, an hour of local times comes twice. In rows in order of time, ascending or descending, a
device's times jump against the order once in that hour, or an equal time comes a second time: there the passes part.
Nothing is guessed: rows in no order, a pass that stands alone, and more than one jump tell nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum
from itertools import pairwise
from typing import Final, NamedTuple

MIN_STEPS: Final = 2
"""So many steps one way show the order where no time outside the hour does."""


class DatedRow(NamedTuple):
    """A row: whose, what it holds, and the instants that its time may be, nanoseconds UTC; equal when there is one."""

    device: str
    quantities: AbstractSet[str]
    early_ns: int
    late_ns: int

    @property
    def is_ambiguous(self) -> bool:
        """Whether its time happens twice."""
        return self.early_ns != self.late_ns


class _Step(IntEnum):
    """From a row to the next one of its device: back, a second row of one instant, again at the same time, on."""

    BACK = -1
    SAME = 0
    ON = 1
    AGAIN = 2


def tell_apart(rows: Sequence[DatedRow]) -> dict[int, int]:
    """Give the instants of the ambiguous rows whose order tells it, by their numbers."""
    by_device: defaultdict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_device[row.device].append(number)
    told: dict[int, int] = {}
    for numbers in by_device.values():
        here = [rows[number] for number in numbers]
        if any(row.is_ambiguous for row in here):
            for first, end, split, order in _passes(here):
                for at in range(first, end):
                    is_later = (at >= split) == (order is _Step.ON)
                    told[numbers[at]] = here[at].late_ns if is_later else here[at].early_ns
    return told


def _passes(rows: list[DatedRow]) -> Iterator[tuple[int, int, int, _Step]]:
    """Find each run of ambiguous rows that parts in two, as (first, end, first of the second part, order)."""
    steps = list(_steps(rows))
    first = 0
    while first < len(rows):
        end = first + 1
        if rows[first].is_ambiguous:
            while end < len(rows) and rows[end].is_ambiguous and _is_same_night(rows[first], rows[end]):
                end += 1
            order = _order(rows, steps, first, end)
            against = [at + 1 for at in range(first, end - 1) if steps[at] in (_Step.AGAIN, -order)] if order else []
            if order and len(against) == 1:
                yield first, end, against[0], order
        first = end


def _steps(rows: list[DatedRow]) -> Iterator[_Step]:
    held = set(rows[0].quantities)
    for before, after in pairwise(rows):
        if after.early_ns == before.early_ns and not held & after.quantities:
            held |= after.quantities
            yield _Step.SAME
            continue
        held = set(after.quantities)
        if after.early_ns == before.early_ns:
            yield _Step.AGAIN
        else:
            yield _Step.ON if after.early_ns > before.early_ns else _Step.BACK


def _is_same_night(one: DatedRow, other: DatedRow) -> bool:
    return abs(one.early_ns - other.early_ns) <= one.late_ns - one.early_ns


def _order(rows: list[DatedRow], steps: list[_Step], first: int, end: int) -> _Step | None:
    """Say whether time goes on or back from row to row; None: neither always."""
    outside = {
        step
        for at, step in enumerate(steps)
        if step in (_Step.ON, _Step.BACK) and not (rows[at].is_ambiguous and rows[at + 1].is_ambiguous)
    }
    if outside:
        return outside.pop() if len(outside) == 1 else None
    inside = steps[first : end - 1]
    ons, backs = inside.count(_Step.ON), inside.count(_Step.BACK)
    if ons >= MIN_STEPS and backs <= 1:
        return _Step.ON
    return _Step.BACK if backs >= MIN_STEPS and ons <= 1 else None
