"""A gateway's retained status, and the will that says it is offline."""

from typing import Final

import msgspec

from city.errors import Malformed, Reason
from city.reading import checked_id


class Status(msgspec.Struct):
    """How a gateway is.

    Attributes:
        online: False only in the will and in the farewell.
        boot: Boot of its spool; empty in the will.
        pending: Readings (and undecoded) in the spool that have no receipt yet; None in the will: not known.
        packs: Packs in the spool without a receipt.
        spool_bytes: Bytes of those packs.
        at_ns: When this was said, nanoseconds UTC.
    """

    online: bool
    boot: str = ""
    pending: int | None = None
    packs: int = 0
    spool_bytes: int = 0
    at_ns: int = 0


_decoder: Final = msgspec.json.Decoder(Status)


def encode(status: Status) -> bytes:
    """Write a status."""
    return msgspec.json.encode(status)


def decode(payload: bytes) -> Status:
    """Understand a status; fields of later versions are passed over.

    Raises:
        Malformed: `malformed_json` or `wrong_type`.
    """
    try:
        status = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Malformed(Reason.WRONG_TYPE, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(Reason.MALFORMED_JSON, str(error)) from None
    if status.boot:
        checked_id(status.boot, Reason.WRONG_TYPE)
    return status
