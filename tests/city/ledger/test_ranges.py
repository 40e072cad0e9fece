"""Ranges of packs, against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from city.ledger.ranges import Growth, Range, Ranges

spans = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)), max_size=20)


@given(spans)
def test_joined_ranges_hold_what_a_set_holds(spans: list[tuple[int, int]]) -> None:
    ranges, plain = Ranges(), set[int]()
    for first, more in spans:
        grown = Growth(ranges)
        grown.new = ranges.joined(Range(first, first + more, (first - 1) * 10, (first + more) * 10))
        kept = [row for row in ranges.rows if row.first not in grown.gone()]
        by_first = {row.first: row for row in kept} | {row.first: row for row in grown.changed()}
        assert sorted(by_first.values()) == list(grown.new.rows)
        ranges = grown.new
        plain.update(range(first, first + more + 1))
    assert {seq for seq in range(60) if seq in ranges} == plain
    for left, right in zip(ranges.rows, ranges.rows[1:], strict=False):
        assert left.last + 1 < right.first
    assert all((row.offset, row.through) == ((row.first - 1) * 10, row.last * 10) for row in ranges.rows)
