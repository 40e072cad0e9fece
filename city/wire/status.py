"""A gateway's retained status, and the will that says it is offline."""

from typing import Final

import msgspec

from city.errors import Malformed, Reason
from city.reading import checked_id


class LinkHealth(msgspec.Struct):
    """What one way in has brought since the gateway was started.

    Attributes:
        readings: Readings on disk.
        undecoded: Payloads on disk that nobody understood.
        last_ns: When something last reached the disk, nanoseconds UTC; 0: never.
        failed: Reason to how often something went wrong.
    """

    readings: int = 0
    undecoded: int = 0
    last_ns: int = 0
    failed: dict[str, int] = {}


class Health(msgspec.Struct):
    """What a gateway saw when it last looked at itself.

    Attributes:
        at_ns: When, nanoseconds UTC.
        oldest_ns: When the oldest pack without a receipt was spooled; None: there is none.
        readings_a_second: Spooled on average since the look before, undecoded payloads included.
        sources: Sources heard within the last hour.
        undecoded: Reason to payloads that were not understood since the start.
        links: Name of a link to what it brought.
        clock_ahead_s: Seconds that the gateway's clock is ahead of ingest's; None: not known within a second.
        clock_error_s: By how much that may be wrong.
    """

    at_ns: int = 0
    oldest_ns: int | None = None
    readings_a_second: float = 0.0
    sources: int = 0
    undecoded: dict[str, int] = {}
    links: dict[str, LinkHealth] = {}
    clock_ahead_s: float | None = None
    clock_error_s: float | None = None


class Status(msgspec.Struct):
    """How a gateway is.

    Attributes:
        online: False only in the will and in the farewell.
        boot: Boot of its spool; empty in the will.
        pending: Readings (and undecoded) in the spool that have no receipt yet; None in the will: not known.
        packs: Packs in the spool without a receipt.
        spool_bytes: Bytes of those packs.
        at_ns: When this was said, nanoseconds UTC.
        health: What it last saw of itself; None: it didn't look yet, or doesn't.
    """

    online: bool
    boot: str = ""
    pending: int | None = None
    packs: int = 0
    spool_bytes: int = 0
    at_ns: int = 0
    health: Health | None = None


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
