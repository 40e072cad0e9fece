"""A receipt that no gateway could work with is refused, whatever it holds."""

import pytest

from city.errors import Malformed
from city.wire import receipt

MOST = 2**63 - 1


@pytest.mark.parametrize(
    "fields",
    [
        b'"done":[],"later":' + b"[" * 100_000 + b"]" * 100_000,
        b'"done":[[1,' + b"9" * 400 + b"]]",
        b'"done":[[1,' + b"9" * 5000 + b"]]",
        b'"done":[[1,%d]]' % (MOST + 1),
        b'"done":[[-1,1]]',
        b'"done":[],"at_ns":' + b"9" * 400,
        b'"done":[],"at_ns":%d' % (MOST + 1),
        b'"done":[],"at_ns":-1',
    ],
)
def test_what_is_too_deep_or_too_large_is_refused(fields: bytes) -> None:
    with pytest.raises(Malformed):
        receipt.decode(b'{"spool":"b0",' + fields + b"}")


def test_the_largest_numbers_are_read() -> None:
    said = receipt.Receipt("b0", [(1, MOST)], MOST)
    assert receipt.decode(receipt.encode(said)) == said
