"""The last step: what one flush changes in the ledger."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Final

import numpy as np

from city.batch import Batch
from city.ledger.port import GatewayRow, JournalEntry, NewDevice, PackClaim, QuarantinedPayload, Settlement, Source
from city.outcomes import Counts
from city.wire import journal as journal_wire
from city.wire import pack
from ingest.check import Checked
from ingest.load import PackMessage, StatusMessage
from ingest.traced_batch import TracedBatch

MAX_DEVICES: Final = 2**16
"""A block numbers its devices in 16 bits."""


def settlement(
    checked: Checked, rejected: list[QuarantinedPayload], registered: Mapping[str, Container[str]]
) -> Settlement:
    """Sum up a flush that the store has confirmed.

    Args:
        checked: The flush; its batches hold only what is stored.
        rejected: What the store refused.
        registered: Kind to the devices that are registered under it.
    """
    flush = Settlement(
        at_ns=checked.now_ns,
        packs=[_claim(message) for message in checked.packs],
        fingerprints=[checked.token, *checked.fingerprints],
        quarantined=checked.quarantined + rejected,
        journal=journal([traced.batch for traced in checked.batches]),
        devices=[
            device
            for traced in checked.batches
            for device in _new_devices(traced, checked.now_ns, registered.get(traced.batch.kind, ()))
        ],
    )
    _count(flush.counts, checked, rejected)
    return flush


def journal(batches: Iterable[Batch]) -> list[JournalEntry]:
    """Pack stored readings for the journal, one entry an owner."""
    blocks: defaultdict[str, list[pack.Block]] = defaultdict(list)
    readings: defaultdict[str, int] = defaultdict(int)
    for batch in batches:
        for owner, part in _by_owner(batch):
            blocks[owner].append(pack.to_block(part))
            readings[owner] += len(part)
    return [JournalEntry(owner, readings[owner], journal_wire.encode(blocks[owner])) for owner in blocks]


def latest_statuses(statuses: Iterable[StatusMessage]) -> list[GatewayRow]:
    """The last status of each gateway and, because a will knows nothing of the spool, the last with a spool as well."""
    latest: dict[tuple[str, bool], StatusMessage] = {}
    for message in statuses:
        key = message.gateway, message.status.pending is None
        latest.pop(key, None)
        latest[key] = message
    return [
        GatewayRow(
            gateway=message.gateway,
            province=message.province,
            online=message.status.online,
            spool=message.status.spool,
            pending=message.status.pending,
            packs=message.status.packs,
            spool_bytes=message.status.spool_bytes,
            at_ns=message.at_ns,
        )
        for message in latest.values()
    ]


def _claim(message: PackMessage) -> PackClaim:
    return PackClaim(message.id, message.pack.offset, message.pack.count())


def _by_owner(batch: Batch) -> Iterable[tuple[str, Batch]]:
    numbers: dict[str, int] = {}
    owners = np.array([numbers.setdefault(place.owner, len(numbers)) for place in batch.places], np.int32)
    if len(batch) == 0:
        return
    if len(numbers) == 1 and len(batch.devices) <= MAX_DEVICES:
        yield next(iter(numbers)), batch
        return
    for owner, number in numbers.items():
        for part in _narrowed(batch.take(owners[batch.index] == number)):
            yield owner, part


def _narrowed(batch: Batch) -> Iterable[Batch]:
    """Leave out devices without rows, which may be another owner's, and cut where a block has no more numbers."""
    used, index = np.unique(batch.index, return_inverse=True)
    for first in range(0, len(used), MAX_DEVICES):
        here = (index >= first) & (index < first + MAX_DEVICES)
        part = batch.take(here)
        part.devices = [batch.devices[number] for number in used[first : first + MAX_DEVICES].tolist()]
        part.index = (index[here] - first).astype(np.int32)
        yield part


def _new_devices(traced: TracedBatch, now_ns: int, known: Container[str]) -> Iterable[NewDevice]:
    batch = traced.batch
    new = {number: device for number, device in enumerate(batch.devices) if device not in known}
    if not new:
        return
    gateways = dict(zip(batch.index[::-1].tolist(), traced.gateway[::-1].tolist(), strict=True))
    for number, device in new.items():
        if number in gateways:
            gateway = traced.gateways[gateways[number]]
            yield NewDevice(device, batch.kind, batch.places[number].province, gateway, now_ns)


def _count(counts: defaultdict[Source, Counts], checked: Checked, rejected: Iterable[QuarantinedPayload]) -> None:
    """Count what became of every reading: received = stored + merged + duplicate + quarantined + rejected."""
    for traced in checked.batches:
        stored = traced.counts()
        for source in counts.keys() & stored.keys():
            rows = stored.pop(source)
            counts[source].received += rows
            counts[source].stored += rows
        # a flush has a thousand sources, nearly all of them in one batch alone
        counts.update(zip(stored, map(Counts, stored.values(), stored.values()), strict=True))
    for source, rows in checked.duplicates.items():
        counts[source].received += rows
        counts[source].duplicate += rows
    for source, rows in checked.merged.items():
        counts[source].received += rows
        counts[source].merged += rows
    for payload in checked.quarantined:
        counts[payload.source].received += payload.readings
        counts[payload.source].quarantined += payload.readings
    for payload in rejected:
        counts[payload.source].received += payload.readings
        counts[payload.source].rejected += payload.readings
