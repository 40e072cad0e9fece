"""Opaque cursors: where the next page begins, sealed together with the query it belongs to."""

import base64
import binascii
from typing import Final, TypeVar

import msgspec
from xxhash import xxh3_64_digest

from api.problems import Problem

_SEAL: Final = 8

Position = TypeVar("Position")


def seal(query: str, position: object) -> str:
    """Write a cursor.

    Args:
        query: Everything that was asked, except the page's size and the cursor.
        position: What msgspec can encode.
    """
    body = msgspec.msgpack.encode(position)
    return base64.urlsafe_b64encode(_digest(query, body) + body).rstrip(b"=").decode()


def unseal(query: str, cursor: str, position: type[Position]) -> Position:
    """Read a cursor of this query.

    The seal finds mistakes (a cut cursor, another query); it is no signature, so what stands in a cursor must be
    checked like any other input.

    Raises:
        Problem: 400 `bad-cursor`.
    """
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if whole[:_SEAL] == _digest(query, whole[_SEAL:]):
            return msgspec.msgpack.decode(whole[_SEAL:], type=position)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        pass
    raise Problem(400, "bad-cursor", "the cursor is damaged or belongs to another query: start without it")


def _digest(query: str, body: bytes) -> bytes:
    return xxh3_64_digest(query.encode() + b"\0" + body)
