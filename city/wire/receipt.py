"""Receipts: which packs of a gateway are settled for good.

`{"boot": "k3f0", "done": [[1, 40], [42, 42]], "at_ns": 1764900000000000000}`
"""

from collections.abc import Iterable
from typing import Annotated, Final, TypeAlias

import msgspec

from city.errors import Malformed, Reason

_MOST: Final = 2**63 - 1
"""What a database and a clock in nanoseconds hold."""

_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
_Time: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


class Receipt(msgspec.Struct, omit_defaults=True):
    """Sequence numbers that a gateway may forget.

    Attributes:
        boot: The boot that numbered them.
        done: Closed ranges `[first, last]`, rising and apart.
        at_ns: When it was written, by ingest's clock, nanoseconds UTC; 0: not said. For gateways to compare their own.
    """

    boot: str
    done: list[tuple[_Number, _Number]]
    at_ns: _Time = 0


_decoder: Final = msgspec.json.Decoder(Receipt)


def encode(receipt: Receipt) -> bytes:
    """Write a receipt."""
    return msgspec.json.encode(receipt)


def decode(payload: bytes) -> Receipt:
    """Understand a receipt; fields of later versions are passed over.

    Raises:
        Malformed: `malformed_json` or `wrong_type`; a gateway ignores it and sends its packs again.
    """
    try:
        receipt = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Malformed(Reason.WRONG_TYPE, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(Reason.MALFORMED_JSON, str(error)) from None
    if any(first > last for first, last in receipt.done):
        raise Malformed(Reason.WRONG_TYPE, "a range that does not rise")
    return receipt


def to_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Gather numbers into rising closed ranges."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
