"""Journal payloads."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city.batch import Batch
from city.errors import Broken
from city.reading import Reading
from city.wire import journal, pack
from support.readings import readings


def written(rows: list[Reading]) -> bytes:
    kinds: dict[str, list[Reading]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row)
    return journal.encode([pack.to_block(Batch.from_readings(kind)) for kind in kinds.values()])


@given(st.lists(readings(), min_size=1, max_size=8))
def test_what_is_written_is_read_again(rows: list[Reading]) -> None:
    found = [row for block in journal.decode(written(rows)) for row in pack.to_batch(block).readings()]
    assert sorted(found, key=repr) == sorted(rows, key=repr)


def test_many_equal_rows_are_read_again() -> None:
    rows = [Reading("d", "rain", 0, {"battery": 0.0})] * 100_000
    (block,) = journal.decode(written(rows))
    assert len(pack.to_batch(block)) == 100_000


@given(st.lists(readings(), min_size=1, max_size=2))
@settings(max_examples=20)
def test_every_truncation_is_damage(rows: list[Reading]) -> None:
    payload = written(rows)
    for end in range(len(payload)):
        with pytest.raises(Broken):
            journal.decode(payload[:end])
