"""Receipts and statuses."""

import json
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


KEY = b"k" * 32
done_lists = st.lists(
    st.tuples(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1)).map(sorted).map(tuple), max_size=5
)


@given(st.text(min_size=1), done_lists, st.integers(0, 2**63 - 1), st.binary(min_size=1))
def test_a_signed_receipt_is_genuine_after_its_way(
    spool: str, done: list[tuple[int, int]], at_ns: int, key: bytes
) -> None:
    sent = receipt.Receipt(spool, done, at_ns)
    receipt.sign(sent, "gw-1", key)
    came = receipt.decode(receipt.encode(sent))
    assert receipt.is_genuine(came, "gw-1", key)
    assert not receipt.is_genuine(came, "gw-2", key)
    assert not receipt.is_genuine(came, "gw-1", key + b"x")
    assert not receipt.is_genuine(receipt.Receipt(spool, done, at_ns), "gw-1", key)


@pytest.mark.parametrize(
    "change",
    [
        {"spool": "b1"},
        {"done": [[1, 3]]},
        {"done": [[1, 1], [2, 2]]},
        {"done": []},
        {"at_ns": 8},
        {"at_ns": 0},
        {"hmac": ""},
        {"hmac": "0" * 64},
        {"hmac": "é"},
    ],
)
def test_what_was_changed_on_the_way_is_not_genuine(change: dict[str, object]) -> None:
    sent = receipt.Receipt("b0", [(1, 2)], 7)
    receipt.sign(sent, "gw-1", KEY)
    fields = json.loads(receipt.encode(sent))
    assert receipt.is_genuine(receipt.decode(json.dumps(fields).encode()), "gw-1", KEY)
    assert not receipt.is_genuine(receipt.decode(json.dumps(fields | change).encode()), "gw-1", KEY)


def test_a_gateway_of_the_version_before_reads_a_signed_receipt() -> None:
    """It passes over the field that it does not know, and needs `boot`."""
    sent = receipt.Receipt("b0", [(1, 2)], 7)
    receipt.sign(sent, "gw-1", KEY)
    fields = json.loads(receipt.encode(sent))
    assert {key: fields[key] for key in ("boot", "done", "at_ns")} == {"boot": "b0", "done": [[1, 2]], "at_ns": 7}
