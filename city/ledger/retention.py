"""What is kept, erased, restored and missing: values that cross the ledger's port."""

from typing import NamedTuple


class JournalSpan(NamedTuple):
    """What the journal holds.

    Attributes:
        epoch: Of which life of the database: a position is one only together with it.
        first: Number of the oldest entry that is kept; `last` + 1 when none is.
        last: Number of the newest entry.
    """

    epoch: str
    first: int
    last: int


class JournalLimits(NamedTuple):
    """How long entries of the journal are kept, in nanoseconds, and how many bytes of payloads."""

    age_ns: int
    max_bytes: int


class Expired(NamedTuple):
    """How many entries of the journal expired, and which followers were cut off: they were too far behind."""

    entries: int
    followers: tuple[str, ...]


class Erasure(NamedTuple):
    """What is to be erased.

    Attributes:
        device: Whose readings.
        start_ns: First instant, inclusive.
        end_ns: End, exclusive.
        who: Who asked for it.
        why: One sentence, for the record.
    """

    device: str
    start_ns: int
    end_ns: int
    who: str
    why: str


class ErasureRow(NamedTuple):
    """An erasure as it was recorded.

    Attributes:
        id: Its number, from 1.
        at_ns: When it was asked for.
        asked: What was to be erased.
        readings: How many left the journal.
        payloads: How many in the quarantine were emptied.
        done: False: it was cut short; ask for it again.
    """

    id: int
    at_ns: int
    asked: Erasure
    readings: int
    payloads: int
    done: bool


class Restore(NamedTuple):
    """A time at which the database was put back to an earlier state.

    Attributes:
        epoch: The one that began then.
        at_ns: When.
        commit_ns: When the state that it was put back to had its last commit, to ten seconds.
    """

    epoch: str
    at_ns: int
    commit_ns: int


class Gap(NamedTuple):
    """Packs `first` to `last` of one spool that never came, or that a restored ledger forgot.

    Attributes:
        gateway: Whose.
        spool: Of which life of its spool.
        first: Lowest number.
        last: Highest number.
        readings: In all of them, as the packs around them count.
        after_ns: When the pack before them was settled; 0: not known, or there is none.
        before_ns: When the pack behind them was settled; 0: not known.
    """

    gateway: str
    spool: str
    first: int
    last: int
    readings: int
    after_ns: int
    before_ns: int
