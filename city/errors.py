"""Every error of the platform, classed by what the caller should do next.

KoratError
├── ConfigurationError      refuse to start, with the sentence
├── Malformed               quarantine the bytes with `reason`; never retry
├── Unavailable             keep everything, try again after `retry_after_s`
│   ├── StoreUnavailable
│   └── LedgerUnavailable
├── Broken                  a file of ours is damaged: stop with the sentence, never start afresh over it
├── Conflict                another worker committed a claim of this flush: load it again
├── JournalGone             what follows a position in the journal isn't there: build anew from the store
├── SpoolFull               custody refused: the sender keeps its reading and tries later
└── QueryRefused            a query out of its limits: its sender changes it
"""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum


class Reason(StrEnum):
    """Why bytes are in quarantine: the bounded list, used in the ledger, the API and the metrics."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_UTF8 = "not_utf8"
    MALFORMED_JSON = "malformed_json"
    DUPLICATE_KEY = "duplicate_key"
    WRONG_TYPE = "wrong_type"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    NOT_FINITE = "not_finite"
    NO_VALUES = "no_values"
    BAD_TIME = "bad_time"
    BAD_POSITION = "bad_position"
    BAD_QUANTITY = "bad_quantity"
    BAD_DEVICE = "bad_device"
    TOO_MANY_READINGS = "too_many_readings"
    BAD_TOPIC = "bad_topic"
    UNKNOWN_WORKSTREAM = "unknown_workstream"
    UNKNOWN_KIND = "unknown_kind"
    PACK_VERSION = "pack_version"
    PACK_MALFORMED = "pack_malformed"
    PACK_FOREIGN = "pack_foreign"
    UNDECODED = "undecoded"
    NO_CODEC = "no_codec"
    UNREAD = "unread"
    PARTLY_READ = "partly_read"
    CLOCK_AHEAD = "clock_ahead"
    BUDGET_MESSAGES = "budget_messages"
    BUDGET_BYTES = "budget_bytes"
    BUDGET_DEVICES = "budget_devices"
    BUDGET_QUANTITIES = "budget_quantities"
    STORE_REFUSED = "store_refused"


class KoratError(Exception):
    """The root of everything that the platform itself raises."""


class ConfigurationError(KoratError):
    """A setting is wrong; the message is one sentence that names the key."""


class Malformed(KoratError):
    """Bytes that can't become a reading.

    Attributes:
        reason: The bounded reason under which the bytes are kept.
        detail: One sentence for a person, naming what and where; may be empty.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class Unavailable(KoratError):
    """A part that is down for now; nothing is lost by waiting."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ClockWrong(Unavailable):
    """Other clocks agree that ours is wrong; the message says by how much, and names no address or secret."""


class StoreUnavailable(Unavailable):
    """The store did not confirm the batch; whether it holds a part of it is unknown."""


class LedgerUnavailable(Unavailable):
    """The ledger's database did not commit."""


class Broken(KoratError):
    """A database or spool file that can't be read; the message names the file."""


class Conflict(KoratError):
    """Another worker settled a pack, message or re-drive of this flush first."""


class JournalGone(KoratError):
    """A position in the journal is of another epoch, or the entries that follow it have expired."""


class SpoolFull(KoratError):
    """Custody can't be taken: the spool's byte limit is reached or the disk is full."""


class QueryRefused(KoratError):
    """A question to the store that goes beyond its limits."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End a sentence about an unknown name: `, did you mean port?`, or nothing where none is close."""
    close = get_close_matches(name, list(known), n=1)
    return f", did you mean {close[0]}?" if close else ""
