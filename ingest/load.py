"""The first step: MQTT messages become readings, packs and statuses, or are refused with a reason."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from xxhash import xxh3_64_intdigest

from city import topics
from city.batch import Batch, Place
from city.errors import Malformed, Reason
from city.ledger.port import DIRECT, PackId, QuarantinedPayload, Source
from city.mqtt import Message
from city.reading import Reading
from city.wire import direct, pack, status
from ingest.budgets import Budgets
from ingest.pack_rows import charge, refused_block


class DirectMessage(msgspec.Struct, frozen=True, gc=False):
    """A device's own message; a struct, because one is made a message.

    `fingerprint` tells a redelivery from news; None when the payload has no time of its own, because then an equal
    payload may well be a new measurement, and one reading twice is better than none.
    """

    message: Message
    province: str
    fingerprint: int | None
    readings: list[Reading]


class PackMessage(NamedTuple):
    """A gateway's pack; `batches` are its readings, at most one a block; `held` is what of it goes to quarantine."""

    message: Message
    province: str
    pack: pack.Pack
    batches: list[Batch]
    held: list[QuarantinedPayload]

    @property
    def id(self) -> PackId:
        """The pack as the ledger knows it."""
        return PackId(self.pack.gateway, self.pack.spool, self.pack.seq)


class Refusal(NamedTuple):
    """A message that goes to quarantine whole.

    `fingerprint` only of what a gateway sent or the broker had kept: an unreadable pack is sent again for ever and a
    retained message comes with every reconnect, but a device's equal bytes may be another measurement. `pack` when its
    frame could be read, so that it gets its receipt.
    """

    payload: QuarantinedPayload
    fingerprint: int | None = None
    pack: PackMessage | None = None


class StatusMessage(NamedTuple):
    """A gateway's status; `at_ns` is never ahead of our clock, or no later status would count."""

    province: str
    gateway: str
    status: status.Status
    at_ns: int


@dataclass(slots=True)
class FlushInput:
    """What a flush is made of, in order of receipt.

    Attributes:
        token: Settled together with the flush, like a message of it. When the answer to a commit got lost, it tells
            the next try that the flush is settled.
        messages: All that were received, to be acknowledged at the end.
        accepted: Messages that hold readings.
        refused: Messages that go to quarantine whole.
        statuses: Of gateways.
        undated: Direct devices of retained readings without a time of their own, which are state and not received.
        readings: How many are in `accepted` and `refused`.
        written: What the last try wrote, or may have written, when the journal stood at `journal`.
        journal: Number of the journal's last entry at the last try.
    """

    token: int = field(default_factory=lambda: secrets.randbits(64))
    messages: list[Message] = field(default_factory=list)
    accepted: list[DirectMessage | PackMessage] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    statuses: list[StatusMessage] = field(default_factory=list)
    undated: list[str] = field(default_factory=list)
    readings: int = 0
    written: list[Batch] = field(default_factory=list)
    journal: int = 0

    def reset(self) -> None:
        """Forget what was loaded, but not the messages."""
        self.accepted, self.refused, self.statuses, self.undated, self.readings = [], [], [], [], 0


@dataclass(slots=True)
class Loader:
    """Opens messages and charges their senders.

    Attributes:
        budgets: What each sender may still use up.
        registered: The registered devices; the device cache keeps it up to date.
    """

    budgets: Budgets
    registered: Mapping[str, Place]

    def load(self, messages: Iterable[Message], into: FlushInput) -> None:
        """Open messages; what can't be used goes to `into.refused` with its reason."""
        for message in messages:
            into.messages.append(message)
            try:
                self._open(message, into)
            except Malformed as error:
                # invented names cost the ledger an account each, so they share one; the topic still tells them apart
                invented = Source(DIRECT, "") if error.reason is Reason.BUDGET_DEVICES else None
                refused = to_quarantine(message, error, invented)
                repeats = message.retain or refused.source.gateway != DIRECT
                fingerprint = _fingerprint(message.topic, message.payload) if repeats else None
                into.refused.append(Refusal(refused, fingerprint))
                into.readings += 1

    def _open(self, message: Message, into: FlushInput) -> None:
        topic = topics.parse(message.topic)
        if isinstance(topic, topics.Direct):
            self._direct(message, topic, into)
        elif topic.leaf == "pack":
            self._pack(message, topic, into)
        elif topic.leaf == "status" and message.payload:
            content, now_ns = status.decode(message.payload), message.received_ns
            at_ns = min(content.at_ns or now_ns, now_ns)
            into.statuses.append(StatusMessage(topic.province, topic.gateway, content, at_ns))

    def _direct(self, message: Message, topic: topics.Direct, into: FlushInput) -> None:
        payload = message.payload
        device, province = Source(DIRECT, topic.device), Source(topic.province, "")
        # before it has an account: names cost their inventor nothing, and an account costs us memory
        if topic.device not in self.registered and self.budgets.admit_devices(province, [topic.device]):
            limit = self.budgets.settings.new_devices
            raise Malformed(Reason.BUDGET_DEVICES, f"{topic.province}: over {limit} new direct devices this hour")
        self.budgets.charge_message(device, len(payload))
        readings, refused = decode_direct(payload, topic, message.received_ns)
        if message.retain:
            readings = _dated(readings, message, topic.device, into)
            if not readings and not refused:
                return
        readings, over = self._within_quantities(readings, device, province)
        if over and not readings and not refused:
            raise over[0][1]
        refused += over
        has_time = all(reading.time_ns != message.received_ns for reading in readings)
        fingerprint = _fingerprint(message.topic, payload) if has_time else None
        if readings:
            into.accepted.append(DirectMessage(message, topic.province, fingerprint, readings))
            into.readings += len(readings)
        for number, (item, error) in enumerate(refused, start=len(readings)):
            # behind its neighbours: tried again, a row without a time must not overwrite them
            held = replace(to_quarantine(message, error), payload=item, received_ns=message.received_ns + number)
            # the broker repeats what it had kept at each connection
            into.refused.append(Refusal(held, _fingerprint(message.topic, item) if message.retain else None))
            into.readings += 1

    def _within_quantities(
        self, readings: list[Reading], device: Source, province: Source
    ) -> tuple[list[Reading], list[tuple[bytes, Malformed]]]:
        """Charge new quantities; rows for which the budget has no room come back as bytes of their own."""
        known, admit = self.budgets.known_quantities, self.budgets.admit_quantities
        over = [one for one in readings if not known.issuperset(one.values) and admit(device, province, one.values)]
        if not over:
            return readings, []
        limit = self.budgets.settings.new_quantities
        error = Malformed(Reason.BUDGET_QUANTITIES, f"{device.device}: over {limit} new quantities this hour")
        return [one for one in readings if one not in over], [(direct.encode([one]), error) for one in over]

    def _pack(self, message: Message, topic: topics.OfGateway, into: FlushInput) -> None:
        frame = pack.decode(message.payload, topic.gateway)
        into.readings += frame.count()
        opened = PackMessage(message, topic.province, frame, [], [])
        try:
            self.budgets.charge_pack(topic.gateway, len(message.payload), frame.first_ns() or message.received_ns)
        except Malformed as error:
            counted = to_quarantine(message, error, Source(topic.gateway, ""), frame.count())
            into.refused.append(Refusal(counted, pack=opened))
            return
        for block in frame.readings:
            try:
                batch = pack.to_batch(block)
            except Malformed as error:
                opened.held.append(refused_block(block, frame, message, error))
                continue
            left, held = charge(batch, frame, message, self.budgets, self.registered)
            opened.held.extend(held)
            if left is not None:
                opened.batches.append(left)
        into.accepted.append(opened)


def decode_direct(
    payload: bytes, topic: topics.Direct, received_ns: int
) -> tuple[list[Reading], list[tuple[bytes, Malformed]]]:
    """Decode a device's own message; of an array, the bad items come back alone, in bytes that are read like it.

    Raises:
        Malformed: None of it is good.
    """

    def decode(part: bytes) -> list[Reading]:
        return direct.decode(part, kind=topic.kind, device=topic.device, received_ns=received_ns)

    try:
        return decode(payload), []
    except Malformed as error:
        good: list[bytes] = []
        refused: list[tuple[bytes, Malformed]] = []
        for item in direct.items_of(payload):
            try:
                decode(item)
            except Malformed as why:
                refused.append((item, why))
            else:
                good.append(item)
        if not good:
            raise error from None
    # together again: the rows of one message may depend on each other for their instants
    return decode(direct.joined(good)), refused


def to_quarantine(
    message: Message, error: Malformed, source: Source | None = None, readings: int = 1
) -> QuarantinedPayload:
    """Keep a message's bytes under the reason why they could not be used."""
    return QuarantinedPayload(
        topic=message.topic,
        payload=message.payload,
        received_ns=message.received_ns,
        reason=error.reason,
        detail=error.detail[:500],
        source=source or _source_of(message.topic),
        readings=readings,
    )


def undecoded(topic: str, gateway: str, rows: Iterable[pack.Undecoded]) -> list[QuarantinedPayload]:
    """Turn what a gateway could not decode into quarantined; `topic` is that of its pack."""
    return [
        QuarantinedPayload(
            topic=topic,
            payload=row.payload,
            received_ns=row.received_at_ns,
            reason=Reason(row.reason) if row.reason in _REASONS else Reason.UNDECODED,
            detail=row.detail[:500],
            source=Source(gateway, ""),
            origin=row.origin[:_MAX_ORIGIN],
            readings=pack.counted([row]),
            payloads=row.payloads,
            size=row.size,
        )
        for row in rows
    ]


_MAX_ORIGIN: Final = 32_768
"""Letters of an origin: all that a decoder was given, and a letter of a Thai file name is nine of them."""

_REASONS: Final = frozenset(map(str, Reason))


def _dated(readings: list[Reading], message: Message, device: str, into: FlushInput) -> list[Reading]:
    """Leave out what has no time of its own: the broker repeats it at each connection, however dead the device is."""
    dated = [reading for reading in readings if not direct.has_time_of_receipt(reading, message.received_ns)]
    into.undated += [device] * (len(readings) - len(dated))
    return dated


def _fingerprint(topic: str, payload: bytes) -> int:
    return xxh3_64_intdigest(payload, _seed(topic))


@lru_cache(maxsize=65_536)
def _seed(topic: str) -> int:
    return xxh3_64_intdigest(topic)


def _source_of(topic: str) -> Source:
    try:
        parsed = topics.parse(topic)
    except Malformed:
        return Source(DIRECT, "")
    return Source(DIRECT, parsed.device) if isinstance(parsed, topics.Direct) else Source(parsed.gateway, "")


Decode = Callable[[str, bytes, int], tuple[list[Reading], list[pack.Undecoded]]]
"""Decodes a gateway's `origin`, payload and receive time again, to readings and what is still none; korat/ hands the
gateway's decoders in."""
