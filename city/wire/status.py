"""A gateway's retained status, and the will that says it is offline.

The version before calls `spool` `boot` and `health.inputs` `links` (docs/decisions/0016).
"""

from typing import Final

import msgspec

from city.errors import Malformed, Reason
from city.reading import checked_id


class InputHealth(msgspec.Struct):
    """What one input has brought since the gateway was started.

    Attributes:
        readings: Readings on disk.
        undecoded: Payloads on disk that no decoder read.
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
        readings_a_second: Spooled on average since the last status, undecoded payloads included.
        sources: Sources that sent anything within the last hour.
        undecoded: Reason to payloads that were not understood since the start.
        inputs: Name of an input to what it brought.
        clock_ahead_s: Seconds that the gateway's clock is ahead of ingest's; None: not known within a second.
        clock_error_s: By how much that may be wrong.
        receipts_refused: Receipts since the start that ingest had not signed, where the gateway has its key.
    """

    at_ns: int = 0
    oldest_ns: int | None = None
    readings_a_second: float = 0.0
    sources: int = 0
    undecoded: dict[str, int] = {}
    inputs: dict[str, InputHealth] = {}
    clock_ahead_s: float | None = None
    clock_error_s: float | None = None
    receipts_refused: int = 0


class Status(msgspec.Struct):
    """How a gateway is.

    Attributes:
        online: False only in the will and in the farewell.
        spool: Id of its spool; empty in the will.
        pending: Readings (and undecoded) in the spool that have no receipt yet; None in the will: not known.
        packs: Packs in the spool without a receipt.
        spool_bytes: Bytes of those packs.
        at_ns: When it was published, nanoseconds UTC.
        health: What it last measured of itself; None: nothing yet, or never.
    """

    online: bool
    spool: str = ""
    pending: int | None = None
    packs: int = 0
    spool_bytes: int = 0
    at_ns: int = 0
    health: Health | None = None


class _HealthForm(Health):
    links: dict[str, InputHealth] = {}


class _Form(Status):
    boot: str = ""
    health: _HealthForm | None = None


_decoder: Final = msgspec.json.Decoder(_Form)


def encode(status: Status) -> bytes:
    """Write a status; ingest of the version before reads the spool's id as `boot`."""
    return msgspec.json.encode(msgspec.structs.asdict(status) | {"boot": status.spool})


def decode(payload: bytes) -> Status:
    """Understand a status, of the version before too; fields of later versions are passed over.

    Raises:
        Malformed: `malformed_json` or `wrong_type`.
    """
    try:
        form = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Malformed(Reason.WRONG_TYPE, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(Reason.MALFORMED_JSON, str(error)) from None
    spool = form.spool or form.boot
    if spool:
        checked_id(spool, Reason.WRONG_TYPE)
    return Status(form.online, spool, form.pending, form.packs, form.spool_bytes, form.at_ns, _health(form.health))


def _health(form: _HealthForm | None) -> Health | None:
    if form is None:
        return None
    fields = msgspec.structs.asdict(form)
    links = fields.pop("links")
    return Health(**fields | {"inputs": form.inputs or links})
