"""Receipts: which packs of a gateway are settled for good.

`{"spool": "k3f0", "done": [[1, 40], [42, 42]], "at_ns": 1764900000000000000}`, and `boot`, the same as `spool`, for
gateways of the version before (docs/decisions/0016). `hmac` where ingest has a key (docs/threat-model.md).
"""

import hmac
from collections.abc import Iterable
from typing import Annotated, Final, TypeAlias

import msgspec

from city.errors import Malformed, Reason

_MOST: Final = 2**63 - 1
"""What a database and a clock in nanoseconds hold."""

_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
_Time: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


class Receipt(msgspec.Struct):
    """Sequence numbers that a gateway may forget.

    Attributes:
        spool: Id of the spool that numbered them.
        done: Closed ranges `[first, last]`, rising and apart.
        at_ns: When it was written, by ingest's clock, nanoseconds UTC; 0: unknown. For gateways to compare their own.
        hmac: HMAC-SHA-256 in hex, by `sign`; empty: it is not signed.
    """

    spool: str
    done: list[tuple[_Number, _Number]]
    at_ns: _Time = 0
    hmac: str = ""


class _Form(msgspec.Struct, omit_defaults=True, kw_only=True):
    spool: str = ""
    done: list[tuple[_Number, _Number]]
    at_ns: _Time = 0
    boot: str = ""
    hmac: str = ""


_decoder: Final = msgspec.json.Decoder(_Form)


def encode(receipt: Receipt) -> bytes:
    """Write a receipt that a gateway of the version before understands too."""
    return msgspec.json.encode(
        _Form(spool=receipt.spool, done=receipt.done, at_ns=receipt.at_ns, boot=receipt.spool, hmac=receipt.hmac)
    )


def decode(payload: bytes) -> Receipt:
    """Understand a receipt, of the version before too; fields of later versions are passed over.

    Raises:
        Malformed: `malformed_json` or `wrong_type`; a gateway ignores it and sends its packs again.
    """
    try:
        form = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Malformed(Reason.WRONG_TYPE, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(Reason.MALFORMED_JSON, str(error)) from None
    if any(first > last for first, last in form.done):
        raise Malformed(Reason.WRONG_TYPE, "a range that does not rise")
    spool = form.spool or form.boot
    if not spool:
        raise Malformed(Reason.WRONG_TYPE, "a receipt that names no spool")
    return Receipt(spool, form.done, form.at_ns, form.hmac)


def sign(receipt: Receipt, gateway: str, key: bytes) -> None:
    """Bind spool, numbers and time to this gateway, with a key that it shares with ingest."""
    receipt.hmac = _hmac(receipt, gateway, key)


def is_genuine(receipt: Receipt, gateway: str, key: bytes) -> bool:
    """Say whether the receipt was signed for this gateway with this key."""
    return hmac.compare_digest(_hmac(receipt, gateway, key).encode(), receipt.hmac.encode())


def _hmac(receipt: Receipt, gateway: str, key: bytes) -> str:
    """Sign a list of values, not the payload: fields of other versions must not matter."""
    signed = msgspec.json.encode(["korat receipt", gateway, receipt.spool, receipt.done, receipt.at_ns])
    return hmac.digest(key, signed, "sha256").hex()


def to_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Gather numbers into rising closed ranges."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
