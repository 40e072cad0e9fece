"""The walk that finds what nothing read, and its memory of shapes."""

import pytest

from gateway.decoders import leaves
from gateway.decoders.leaves import unread

KNOWN = frozenset({"id", "energy.total"})


def found(document: object, read: tuple[str, ...] = ()) -> list[str]:
    paths: list[str] = []
    unread(document, KNOWN, paths, read=read)
    return paths


@pytest.mark.parametrize("_time", ["first", "remembered"])
def test_a_shape_that_came_before_is_walked_as_the_first_was(_time: str) -> None:
    assert found({"id": 1, "energy": {"total": 2, "day": 3}, "speed": 4}) == ["energy.day", "speed"]
    assert found({"id": 1, "energy": {"total": 2, "day": "none"}, "speed": "fast"}) == []
    assert found({"id": 1, "energy": 5, "speed": {"now": "ON"}}, read=("energy",)) == ["speed.now"]


def test_a_key_with_a_dot_is_no_path() -> None:
    assert found({"energy.total": 1}) == ["energy.total"]


def test_shapes_that_strangers_make_up_are_not_kept_for_ever() -> None:
    for number in range(leaves._MAX_SHAPES + 10):
        assert found({f"made-up-{number}": 1}) == [f"made-up-{number}"]
    assert len(leaves._shapes) <= leaves._MAX_SHAPES
    kept = len(leaves._shapes)
    assert found({"x" * 2_000: 1}) == ["x" * 200]
    assert len(leaves._shapes) == kept
