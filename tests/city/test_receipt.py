"""Receipts and statuses."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import Malformed
from city.wire import receipt, status

numbers = st.sets(st.integers(1, 400))


@given(numbers)
def test_ranges_hold_exactly_the_numbers(done: set[int]) -> None:
    ranges = receipt.to_ranges(done)
    assert {number for first, last in ranges for number in range(first, last + 1)} == done
    assert all(first > last + 1 for (_, last), (first, _) in pairwise(ranges))


@given(numbers)
def test_a_receipt_is_read_as_it_was_written(done: set[int]) -> None:
    said = receipt.Receipt("b0", receipt.to_ranges(done))
    assert receipt.decode(receipt.encode(said)) == said


@given(numbers)
def test_every_truncated_receipt_is_refused(done: set[int]) -> None:
    payload = receipt.encode(receipt.Receipt("b0", receipt.to_ranges(done)))
    for end in range(len(payload)):
        with pytest.raises(Malformed):
            receipt.decode(payload[:end])


def test_fields_of_later_versions_are_passed_over() -> None:
    assert receipt.decode(b'{"spool":"b0","done":[[1,2]],"mood":"good"}') == receipt.Receipt("b0", [(1, 2)])
    assert receipt.encode(receipt.Receipt("b0", [(1, 2)])) == b'{"spool":"b0","done":[[1,2]],"boot":"b0"}'
    assert status.decode(b'{"online":true,"health":{"mood":"good"}}').health == status.Health()


@pytest.mark.parametrize("done", [b"[[2,1]]", b"[[0,1]]", b"[[1]]", b'[["1",2]]', b"{}"])
def test_a_range_that_is_none_is_refused(done: bytes) -> None:
    with pytest.raises(Malformed):
        receipt.decode(b'{"spool":"b0","done":' + done + b"}")


def test_a_status_is_read_as_it_was_written_and_every_truncation_refused() -> None:
    health = status.Health(
        9, 3, 5.5, 7, {"undecoded": 1}, {"http": status.InputHealth(4, 1, 8, {"spool": 2})}, -0.25, 0.1
    )
    said = status.Status(online=True, spool="b0", pending=12, packs=2, spool_bytes=900, at_ns=5, health=health)
    payload = status.encode(said)
    assert status.decode(payload) == said
    for end in range(len(payload)):
        with pytest.raises(Malformed):
            status.decode(payload[:end])
