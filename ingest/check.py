"""The second step: what was settled before is set aside, rows become columns, columns are judged.

Plausible ranges flag a value (QARTOD gross range test); only a time that is none, or too far
ahead, sends a reading to quarantine.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city.batch import NOWHERE, Batch, Place
from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from city.ledger.port import DIRECT, DedupIndex, PackId, QuarantinedPayload, Source
from city.reading import FIRST_NS, Flag
from ingest.load import DirectMessage, FlushInput, PackMessage, Refusal, undecoded
from ingest.traced_batch import TracedBatch, group_by_kind

FIRST_INEXACT: Final = 2.0**53
"""The first integer that a float may have instead of another one (IEEE 754 binary64); 2^53 + 1 becomes it."""


class Claim(Enum):
    """Whose a pack or message is: this flush's, or settled already."""

    NEW = auto()
    DUPLICATE = auto()


@dataclass(slots=True)
class Claims:
    """The packs and messages that one flush settles, each claimed once.

    Attributes:
        settled: What the ledger has settled already.
        packs: Claimed so far.
        fingerprints: Claimed so far.
    """

    settled: DedupIndex
    packs: set[PackId] = field(default_factory=set)
    fingerprints: set[int] = field(default_factory=set)

    def claim_pack(self, pack: PackId) -> Claim:
        """Take a pack unless it is taken."""
        if pack in self.packs or self.settled.has_pack(pack):
            return Claim.DUPLICATE
        self.packs.add(pack)
        return Claim.NEW

    def claim_message(self, fingerprint: int | None) -> Claim:
        """Take a message unless it is taken; one without a fingerprint is always new."""
        if fingerprint is None:
            return Claim.NEW
        if fingerprint in self.fingerprints or self.settled.has_fingerprint(fingerprint):
            return Claim.DUPLICATE
        self.fingerprints.add(fingerprint)
        return Claim.NEW


@dataclass(slots=True)
class Checked:
    """A flush after its checks.

    Attributes:
        now_ns: Time of the check, nanoseconds UTC.
        token: Of the flush's input.
        batches: What goes to the store, one a kind.
        direct: Direct messages that are new.
        packs: Packs that are new, those to be quarantined whole included.
        fingerprints: Of the messages that are new and have one.
        quarantined: What goes to quarantine.
        duplicates: Source to readings that were settled before.
        merged: Source to readings whose instant a later one of the flush has too.
        inexact: Values that may have lost digits on their way into a float.
    """

    now_ns: int
    token: int
    batches: list[TracedBatch] = field(default_factory=list)
    direct: list[DirectMessage] = field(default_factory=list)
    packs: list[PackMessage] = field(default_factory=list)
    fingerprints: set[int] = field(default_factory=set)
    quarantined: list[QuarantinedPayload] = field(default_factory=list)
    duplicates: defaultdict[Source, int] = field(default_factory=lambda: defaultdict(int))
    merged: defaultdict[Source, int] = field(default_factory=lambda: defaultdict(int))
    inexact: int = 0


def check(
    taken: FlushInput, settled: DedupIndex, places: dict[str, Place], now_ns: int, max_future_skew_s: int
) -> Checked:
    """Judge the input of a flush.

    Args:
        taken: What was received.
        settled: What the ledger has settled already.
        places: Where known devices belong.
        now_ns: Present time, nanoseconds UTC.
        max_future_skew_s: How far a time may lie ahead, seconds.
    """
    claims = Claims(settled)
    checked = Checked(now_ns, taken.token, fingerprints=claims.fingerprints)
    new = _take_new(taken.accepted, claims, checked)
    _quarantine_new(taken.refused, claims, checked)
    for traced in group_by_kind(new):
        traced.batch.rx_ns = now_ns
        traced.batch.places = _find_places(traced, places, checked)
        kept = _quarantine_times(traced, checked, now_ns + max_future_skew_s * 10**9)
        checked.inexact += judge_ranges(kept.batch)
        checked.batches.append(_merge_instants(kept, checked))
    return checked


def judge_ranges(batch: Batch) -> int:
    """Flag what the catalog holds for impossible, and what it doesn't know; give how many values may have lost digits.

    A float keeps each integer below 2^53; from there on, what was sent may have been another one, such as the id of a
    card or a counter of 64 bits. Where the catalog has a range, that range decides.
    """
    inexact = 0
    for key, column in batch.values.items():
        quantity = QUANTITIES.get(key)
        if quantity is None:
            _worsen(batch, key, ~np.isnan(column), Flag.NOT_EVALUATED)
            large = np.abs(column) >= FIRST_INEXACT
            if large.any():
                _worsen(batch, key, large, Flag.SUSPECT)
                inexact += int(large.sum())
            continue
        outside = (column < quantity.low) | (column > quantity.high)
        if outside.any():
            _worsen(batch, key, outside, Flag.FAIL)
    return inexact


def _take_new(
    accepted: Iterable[DirectMessage | PackMessage], claims: Claims, checked: Checked
) -> list[DirectMessage | PackMessage]:
    """Count duplicates; what is new stays in order of receipt."""
    new: list[DirectMessage | PackMessage] = []
    for message in accepted:
        if isinstance(message, DirectMessage):
            if claims.claim_message(message.fingerprint) is Claim.DUPLICATE:
                checked.duplicates[Source(DIRECT, message.readings[0].device)] += len(message.readings)
                continue
            checked.direct.append(message)
        elif claims.claim_pack(message.id) is Claim.DUPLICATE:
            _count_duplicate_pack(message, checked)
            continue
        else:
            checked.packs.append(message)
            checked.quarantined.extend(message.held)
            checked.quarantined.extend(undecoded(message.message.topic, message.pack.gateway, message.pack.undecoded))
        new.append(message)
    return new


def _quarantine_new(refused: Iterable[Refusal], claims: Claims, checked: Checked) -> None:
    """Count duplicates; what is new goes to quarantine whole."""
    for payload, fingerprint, pack in refused:
        if pack is None:
            if claims.claim_message(fingerprint) is Claim.DUPLICATE:
                checked.duplicates[payload.source] += payload.readings
                continue
        elif claims.claim_pack(pack.id) is Claim.DUPLICATE:
            _count_duplicate_pack(pack, checked)
            continue
        else:
            checked.packs.append(pack._replace(batches=[]))
        checked.quarantined.append(payload)


def _count_duplicate_pack(message: PackMessage, checked: Checked) -> None:
    """Count a pack's readings by device; those that weren't opened or were held back, by the gateway alone."""
    gateway = message.pack.gateway
    for batch in message.batches:
        for device, count in zip(batch.devices, np.bincount(batch.index).tolist(), strict=False):
            checked.duplicates[Source(gateway, device)] += count
    if unopened := message.pack.count() - sum(map(len, message.batches)):
        checked.duplicates[Source(gateway, "")] += unopened


def _find_places(traced: TracedBatch, places: dict[str, Place], checked: Checked) -> list[Place]:
    """Where each device belongs: as registered, else in the province of the topic that it came on first."""
    found = [places.get(device, NOWHERE) for device in traced.batch.devices]
    if NOWHERE not in found:
        return found
    provinces = {message.pack.gateway: message.province for message in checked.packs}
    own = {message.readings[0].device: message.province for message in checked.direct}
    first = dict(zip(traced.batch.index[::-1].tolist(), traced.gateway[::-1].tolist(), strict=True))
    for number, device in enumerate(traced.batch.devices):
        if found[number] is NOWHERE and number in first:  # a pack may name a device of which it holds no reading
            gateway = traced.gateways[first[number]]
            found[number] = Place(own[device] if gateway == DIRECT else provinces[gateway])
    return found


def _quarantine_times(traced: TracedBatch, checked: Checked, latest_ns: int) -> TracedBatch:
    """Quarantine rows whose time is later than `latest_ns`, or of a clock that was never set; return the others."""
    times = traced.batch.time_ns
    wrong = np.flatnonzero((times > latest_ns) | (times < FIRST_NS)).tolist()
    if not wrong:
        return traced
    for row in wrong:
        time_ns = int(times[row])
        why = (
            Malformed(Reason.BAD_TIME, f"{time_ns} ns is before 2000: a clock that was never set")
            if time_ns < FIRST_NS
            else Malformed(Reason.CLOCK_AHEAD, f"{(time_ns - checked.now_ns) // 10**9} s ahead of our clock")
        )
        checked.quarantined.append(traced.to_quarantine(row, why))
    return traced.without(wrong)


def _merge_instants(traced: TracedBatch, checked: Checked) -> TracedBatch:
    """Join rows of one instant, so that store and journal get the same rows; count those that went into others."""
    merged = traced.merged()
    if merged is not traced:
        left = merged.counts()
        for source, rows in traced.counts().items():
            if gone := rows - left.get(source, 0):
                checked.merged[source] += gone
    return merged


def _worsen(batch: Batch, key: str, where: NDArray[np.bool_], flag: Flag) -> None:
    flags = batch.flags.get(key)
    if flags is None:
        batch.flags[key] = np.where(where, flag, Flag.GOOD).astype(np.uint8)
    else:
        batch.flags[key] = np.where(where & (flags < flag), np.uint8(flag), flags)
