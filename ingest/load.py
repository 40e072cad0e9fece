"""The first step: MQTT messages become readings, packs, statuses, or go to quarantine with a reason."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from xxhash import xxh3_64_intdigest

from city import topics
from city.batch import Batch, Place
from city.errors import Malformed, Reason
from city.ledger.port import DIRECT, QuarantinedPayload, Source
from city.mqtt import Message
from city.reading import Reading
from city.wire import direct, pack, status
from ingest.budgets import Budgets


class DirectLoad(msgspec.Struct, frozen=True, gc=False):
    """A device's own message; a struct, because one is made a message.

    `fingerprint` tells a redelivery from news; None when the payload has no time of its own, because then an equal
    payload may well be a new measurement, and one reading twice is better than none.
    """

    message: Message
    province: str
    fingerprint: int | None
    readings: list[Reading]


class PackLoad(NamedTuple):
    """A gateway's pack, taken apart."""

    message: Message
    province: str
    pack: pack.Pack
    batches: list[Batch]


class Refusal(NamedTuple):
    """A message that goes to quarantine whole.

    `fingerprint` only of what a gateway sent: an unreadable pack is sent again for ever and a retained status comes
    with every reconnect, but a device's equal bytes may be another measurement. `pack` when its frame could be read,
    so that it gets its receipt.
    """

    quarantined: QuarantinedPayload
    fingerprint: int | None = None
    pack: PackLoad | None = None


class StatusLoad(NamedTuple):
    """What a gateway says of itself; `at_ns` is never ahead of our clock, or no later status would count."""

    province: str
    gateway: str
    status: status.Status
    at_ns: int


@dataclass(slots=True)
class Load:
    """What a flush is made of, in order of receipt.

    `token` is settled together with the load, like a message of it. When the answer to a commit got lost, it tells the
    next try that the load is settled.

    `written` is what the last try wrote, or may have written, when the journal stood at `journal`.
    """

    token: int = field(default_factory=lambda: secrets.randbits(64))
    messages: list[Message] = field(default_factory=list)
    opened: list[DirectLoad | PackLoad] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    statuses: list[StatusLoad] = field(default_factory=list)
    readings: int = 0
    written: list[Batch] = field(default_factory=list)
    journal: int = 0


@dataclass(slots=True)
class Loader:
    """Opens messages and charges their senders.

    Attributes:
        budgets: What each sender may still use up.
        known: The registered devices; somebody else keeps it up to date.
        met: Devices that were charged as new and are on their way into the registry.
    """

    budgets: Budgets
    known: Mapping[str, Place]
    met: set[str] = field(default_factory=set)

    def load(self, messages: Iterable[Message], into: Load) -> None:
        """Open messages into a load; nothing here can fail but with a reason."""
        for message in messages:
            into.messages.append(message)
            try:
                self._open(message, into)
            except Malformed as error:
                held = quarantined(message, error)
                mark = None if held.source.gateway == DIRECT else _fingerprint(message)
                into.refused.append(Refusal(held, mark))
                into.readings += 1

    def _open(self, message: Message, into: Load) -> None:
        topic = topics.parse(message.topic)
        if isinstance(topic, topics.Direct):
            opened = self._direct(message, topic)
            into.opened.append(opened)
            into.readings += len(opened.readings)
        elif topic.leaf == "pack":
            self._pack(message, topic, into)
        elif topic.leaf == "status" and message.payload:
            said, now_ns = status.decode(message.payload), message.received_ns
            into.statuses.append(StatusLoad(topic.province, topic.gateway, said, min(said.at_ns or now_ns, now_ns)))

    def _direct(self, message: Message, topic: topics.Direct) -> DirectLoad:
        payload = message.payload
        self.budgets.charge_device(message.topic, len(payload))
        readings = direct.decode(payload, kind=topic.kind, device=topic.device, received_ns=message.received_ns)
        known = self.budgets.known_quantities
        timed = True
        for reading in readings:
            if reading.time_ns == message.received_ns:
                timed = False
            if not known.issuperset(reading.values):
                self.budgets.charge_quantities(message.topic, reading.values)
        if topic.device not in self.known:
            self._meet(topic.province, [topic.device])
        return DirectLoad(message, topic.province, _fingerprint(message) if timed else None, readings)

    def _pack(self, message: Message, topic: topics.OfGateway, into: Load) -> None:
        frame = pack.decode(message.payload, topic.gateway)
        into.readings += frame.count()
        opened = PackLoad(message, topic.province, frame, [])
        try:
            self.budgets.charge_gateway(topic.gateway, len(message.payload))
            opened.batches.extend(map(pack.to_batch, frame.readings))
            for batch in opened.batches:
                self.budgets.charge_quantities(topic.gateway, batch.values)
                if not self.known.keys() >= set(batch.devices):
                    self._meet(topic.gateway, batch.devices)
        except Malformed as error:
            counted = quarantined(message, error, Source(topic.gateway, ""), frame.count())
            into.refused.append(Refusal(counted, pack=opened))
        else:
            into.opened.append(opened)

    def _meet(self, source: str, devices: Sequence[str]) -> None:
        new = {device for device in devices if device not in self.known} - self.met
        self.budgets.charge_new_devices(source, len(new))
        self.met |= new


def quarantined(
    message: Message, error: Malformed, source: Source | None = None, readings: int = 1
) -> QuarantinedPayload:
    """Keep a message's bytes under the reason why they could not be used."""
    return QuarantinedPayload(
        topic=message.topic,
        payload=message.payload,
        received_ns=message.received_ns,
        reason=error.reason,
        detail=error.detail[:500],
        source=source or _blame(message.topic),
        readings=readings,
    )


def undecoded(topic: str, frame: pack.Pack) -> list[QuarantinedPayload]:
    """Turn what a gateway could not decode into payloads for the quarantine; `topic` is that of its pack."""
    gateway = frame.gateway
    return [
        QuarantinedPayload(
            topic=topic,
            payload=row.payload,
            received_ns=row.received_at_ns,
            reason=Reason(row.reason) if row.reason in _REASONS else Reason.UNDECODED,
            detail=row.detail[:500],
            source=Source(gateway, ""),
            origin=row.source[:_MOST_ORIGIN],
        )
        for row in frame.undecoded
    ]


_MOST_ORIGIN: Final = 32_768
"""Letters of an origin: all that a decoder was told, and a letter of a Thai file name is nine of them."""

_REASONS: Final = frozenset(map(str, Reason))


def _fingerprint(message: Message) -> int:
    return xxh3_64_intdigest(message.payload, _seed(message.topic))


@lru_cache(maxsize=65_536)
def _seed(topic: str) -> int:
    return xxh3_64_intdigest(topic)


def _blame(topic: str) -> Source:
    try:
        parsed = topics.parse(topic)
    except Malformed:
        return Source(DIRECT, "")
    return Source(DIRECT, parsed.device) if isinstance(parsed, topics.Direct) else Source(parsed.gateway, "")


Decode = Callable[[str, bytes, int], list[Reading]]
"""Decodes a gateway's `origin`, payload and receive time again; korat/ hands the gateway's decoders in."""
