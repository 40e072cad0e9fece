"""The ledger port: what was received, and what became of it.

A flush is settled in one transaction: counters, packs, fingerprints, journal, quarantine and new devices together,
after the store has confirmed the write. Two workers may hold the same pack; the first one to settle has it.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from city.errors import Reason
from city.ledger.retention import Erasure, ErasureRow, Expired, Gap, JournalLimits, JournalSpan, Restore
from city.outcomes import Counts

DIRECT = ""
"""The gateway of a device that publishes itself."""


class PackId(NamedTuple):
    """One pack of one life of one gateway's spool."""

    gateway: str
    spool: str
    seq: int


class Source(NamedTuple):
    """Whose readings are counted; `gateway` is DIRECT for a device's own, `device` empty where it isn't known."""

    gateway: str
    device: str


@dataclass(frozen=True, slots=True)
class QuarantinedPayload:
    """Bytes for the quarantine.

    Attributes:
        topic: MQTT topic on which they came; for what a gateway could not decode, the topic of its pack.
        payload: The original bytes.
        received_ns: When ingest (or the gateway) got them.
        reason: Why they are here.
        detail: One sentence for a person.
        source: Gateway and device they are counted for.
        origin: `link:decoder?...` of a gateway's undecoded bytes; empty for MQTT messages.
        readings: How many readings they count as (a pack: as many as it says; what can't be counted is 1).
        payloads: How many payloads they stand for.
        size: Bytes of all of them where a gateway condensed them and `payload` is but a sample; else 0.
    """

    topic: str
    payload: bytes
    received_ns: int
    reason: Reason
    detail: str
    source: Source
    origin: str = ""
    readings: int = 1
    payloads: int = 1
    size: int = 0


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device that the registry did not know, or not under this kind, when the flush was loaded."""

    device: str
    kind: str
    province: str
    gateway: str
    first_seen_ns: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Stored readings of one owner, for those who follow changes.

    Attributes:
        owner: Owner of the devices; empty where they have none.
        readings: How many.
        payload: As `city.wire.journal` writes it.
    """

    owner: str
    readings: int
    payload: bytes


class JournalRow(NamedTuple):
    """An entry as it was committed: `id` rises by one from 1 in order of commit, `at_ns` is its flush's."""

    id: int
    at_ns: int
    entry: JournalEntry


class PackClaim(NamedTuple):
    """A pack that this flush settles.

    `offset` and `readings` are the pack's own: readings of the spool before it, and readings in it.
    """

    id: PackId
    offset: int
    readings: int


@dataclass(slots=True)
class Settlement:
    """Everything that one flush changes, committed together or not at all.

    Attributes:
        at_ns: Time of the flush; the hour of its counters.
        packs: Packs that it settles for the first time.
        fingerprints: 64-bit fingerprints of the direct messages that it settles for the first time.
        counts: Source to counts.
        quarantined: New in the quarantine.
        journal: One entry an owner.
        devices: To be registered.
        redriven: Quarantine id to what became of it. Its counters are corrected in the hour in which it was
            received first: received and quarantined (rejected under `store_refused`) fall by the readings it
            counted as, and `counts` of the redrive (given here, not in `counts`) are added to that hour.
        condensed: Told by the ledger: reason to payloads of `quarantined` that it only counts.
    """

    at_ns: int
    packs: list[PackClaim] = field(default_factory=list)
    fingerprints: list[int] = field(default_factory=list)
    counts: defaultdict[Source, Counts] = field(default_factory=lambda: defaultdict(Counts))
    quarantined: list[QuarantinedPayload] = field(default_factory=list)
    journal: list[JournalEntry] = field(default_factory=list)
    devices: list[NewDevice] = field(default_factory=list)
    redriven: dict[int, "Redriven"] = field(default_factory=dict)
    condensed: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Redriven:
    """What became of a quarantined payload that was tried again.

    Attributes:
        counts: Source to counts, when it became readings; empty when it failed again.
        quarantined: Parts of it that go back to the quarantine, as new rows counted in the same hour; they are among
            the quarantined of `counts`.
        reason: The new reason when it failed again, else None.
        detail: The sentence for it.
    """

    counts: dict[Source, Counts] = field(default_factory=dict)
    quarantined: list[QuarantinedPayload] = field(default_factory=list)
    reason: Reason | None = None
    detail: str = ""


class DedupIndex(Protocol):
    """What is settled already, as far as this process has read.

    Attributes:
        journal: Number of the last entry of the journal.
    """

    journal: int

    def has_pack(self, pack: PackId) -> bool:
        """Tell whether a pack is settled."""

    def has_fingerprint(self, fingerprint: int) -> bool:
        """Tell whether a direct message is settled; remembered for about the last 100,000."""


@dataclass(frozen=True, slots=True)
class QuarantineBounds:
    """What the quarantine keeps; what is beyond is condensed into rows that count.

    Attributes:
        source_hour_bytes: Bytes of one source in an hour, rows' own included.
        hour_bytes: Bytes of all sources in an hour.
        bytes: Bytes in all; beyond, the oldest hours expire.
        days: Days after which an hour expires.
    """

    source_hour_bytes: int = 8 * 2**20
    hour_bytes: int = 64 * 2**20
    bytes: int = 2 * 2**30
    days: int = 90


class By(StrEnum):
    """How an account is broken down."""

    TOTAL = "total"
    GATEWAY = "gateway"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Account:
    """The ledger's answer for one total, gateway or device.

    Attributes:
        key: Empty for the total, and for the gateway of direct devices.
        counts: As settled in the asked hours.
        pending: Readings spooled at the gateway without a receipt, by its last status (now, whatever the range);
            0 for a device.
        gaps: Readings in packs that are missing between packs that came (now, whatever the range); 0 for a device.
    """

    key: str
    counts: Counts
    pending: int = 0
    gaps: int = 0


class QuarantineState(StrEnum):
    """Where a quarantined payload stands."""

    HELD = "held"
    REQUESTED = "requested"
    RELEASED = "released"
    CONDENSED = "condensed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A row of the quarantine.

    Attributes:
        id: Rises in order of commit.
        quarantined: What is kept; of a condensed or expired row the beginning of the first payload, of a row in a
            list no payload at all.
        state: Where it stands.
        tries: Re-drives that failed again.
        payloads: How many payloads it stands for.
        bytes: Of all of them as they came.
        digest: SHA-256 chained over all of them, in hex; empty where the payload itself is here.
    """

    id: int
    quarantined: QuarantinedPayload
    state: QuarantineState
    tries: int
    payloads: int = 1
    bytes: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """A gateway by its last status; `pending` is None when only a will of it is known."""

    gateway: str
    province: str
    online: bool
    spool: str
    pending: int | None
    packs: int
    spool_bytes: int
    at_ns: int


class Ledger(Protocol):
    """The one transactional database beside the store. All calls raise LedgerUnavailable when it is down."""

    async def refresh(self) -> DedupIndex:
        """Read what others have settled since the last call; cheap when it's little."""

    async def settle(self, settlement: Settlement) -> None:
        """Commit a flush.

        Raises:
            Conflict: A pack, fingerprint or redrive of it was settled by another worker; nothing changed.
        """

    async def journal(self, *, after: int, limit: int = 100, epoch: str = "") -> list[JournalRow]:
        """Entries of the journal with `id > after`, rising; `epoch` is that of the position, empty: not known.

        Raises:
            JournalGone: The position is of another epoch, or what follows it isn't kept any more.
        """

    async def journal_span(self) -> JournalSpan:
        """Give the journal's epoch, and what it holds."""

    async def renew_epoch(self) -> str:
        """Begin a new epoch, after the database was put back to an earlier state; gives its name."""

    async def restores(self) -> list[Restore]:
        """When the database was put back, the first time first."""

    async def gaps(self) -> list[Gap]:
        """Packs that are missing between those that came, by gateway, spool and number."""

    async def copy_to(self, path: Path) -> None:
        """Write one state of the database into a new file, while others write on.

        Raises:
            ConfigurationError: It is a server, which has tools of its own for that.
        """

    async def follow(self, name: str, position: int, *, worker: bool) -> None:
        """Keep how far a follower has read the journal; a worker's position is never passed while it works."""

    async def unfollow(self, name: str) -> None:
        """Forget a follower."""

    async def claim_cleanup(self, now_ns: int, every_ns: int) -> bool:
        """Take the clean-up of this period; False when another worker has it."""

    async def expire_journal(self, limits: JournalLimits, now_ns: int) -> Expired:
        """Let the oldest entries go that are beyond a limit, one batch of them."""

    async def expire_hours(self, before_ns: int) -> int:
        """Delete the counts of hours that began before an instant, one batch of rows; how many."""

    async def erase(self, asked: Erasure) -> int:
        """Record an erasure, and erase in journal and quarantine; gives its number, for `erased`.

        Entries keep their numbers and counts. What is asked for twice is erased once.
        """

    async def erased(self, number: int) -> None:
        """Record that an erasure is done, in the store and the registry too."""

    async def erasures(self) -> list[ErasureRow]:
        """All erasures that were asked for, the oldest first."""

    async def note_status(self, row: GatewayRow) -> None:
        """Keep a gateway's last status; an older `at_ns` never replaces a newer one, a will keeps `pending`."""

    async def server_time_ns(self) -> int | None:
        """The clock of the database's server, nanoseconds UTC; None: there is no server, and its clock is ours."""

    async def gateways(self) -> list[GatewayRow]:
        """All gateways that ever sent a status, sorted by id."""

    async def account(self, start_ns: int, end_ns: int, by: By, *, after: str = "", limit: int = 1000) -> list[Account]:
        """Counts of the hours that begin in `[start_ns, end_ns)`, by key; `after` and `most` make pages."""

    async def quarantine(
        self, *, after: int = 0, limit: int = 100, state: QuarantineState | None = None, reason: str | None = None
    ) -> list[QuarantineRow]:
        """Rows of the quarantine with `id > after`, rising."""

    async def quarantine_list(
        self, *, before: int | None, limit: int, state: QuarantineState | None = None, reason: str | None = None
    ) -> list[QuarantineRow]:
        """Rows of the quarantine with `id < before`, falling, without their payloads."""

    async def quarantine_row(self, id_: int) -> QuarantineRow | None:
        """One row of the quarantine with its payload."""

    async def expire_quarantine(self, now_ns: int) -> int:
        """Condense what is too old or too much, all of it; how many rows. A flush does a part of it now and then."""

    async def request_redrive(self, ids: list[int] | None, reason: str | None) -> int:
        """Ask ingest to try held rows again: these ids, or all of a reason, or (both None) all; how many."""

    async def ping(self) -> None:
        """Return when the database answers."""

    async def aclose(self) -> None:
        """Close connections."""
