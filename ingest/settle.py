"""The last step: what one flush changes in the ledger, and the receipts that follow from it."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Final

import numpy as np

from city.batch import Batch
from city.ledger.port import Counts, JournalEntry, NewDevice, PackClaim, PackId, QuarantinedPayload, Settlement, Source
from city.wire import journal as journal_wire
from city.wire import pack
from city.wire.receipt import Receipt, to_ranges
from ingest.check import Checked
from ingest.load import Load, PackLoad
from ingest.sheets import Sheet

MOST_DEVICES: Final = 2**16
"""A block numbers its devices in 16 bits."""


def settlement(checked: Checked, rejected: list[QuarantinedPayload], heard: Mapping[str, Container[str]]) -> Settlement:
    """Write down a flush that the store has confirmed.

    Args:
        checked: The flush; its sheets hold only what is stored.
        rejected: What the store refused.
        heard: Kind to the devices that are registered under it.
    """
    flush = Settlement(
        at_ns=checked.now_ns,
        packs=[claim(load.pack) for load in checked.packs],
        fingerprints=[checked.token, *checked.fingerprints],
        quarantined=checked.quarantined + rejected,
        journal=journal([sheet.batch for sheet in checked.sheets]),
        devices=[
            device
            for sheet in checked.sheets
            for device in _new(sheet, checked.now_ns, heard.get(sheet.batch.kind, ()))
        ],
    )
    _count(flush.counts, checked, rejected)
    return flush


def claim(frame: pack.Pack) -> PackClaim:
    """Name a pack for the ledger."""
    return PackClaim(PackId(frame.gateway, frame.spool, frame.seq), frame.offset, frame.count())


def journal(batches: Iterable[Batch]) -> list[JournalEntry]:
    """Pack stored readings for those who follow changes, one entry an owner."""
    blocks: defaultdict[str, list[pack.Block]] = defaultdict(list)
    readings: defaultdict[str, int] = defaultdict(int)
    for batch in batches:
        for owner, part in _by_owner(batch):
            blocks[owner].append(pack.to_block(part))
            readings[owner] += len(part)
    return [JournalEntry(owner, readings[owner], journal_wire.encode(blocks[owner])) for owner in blocks]


def receipts(load: Load) -> list[tuple[str, str, Receipt]]:
    """Say which packs are done, as (province, gateway, receipt); those that were done before are said again."""
    packs = [opened for opened in load.opened if isinstance(opened, PackLoad)]
    packs += [refusal.pack for refusal in load.refused if refusal.pack is not None]
    numbers: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for opened in packs:
        numbers[opened.province, opened.pack.gateway, opened.pack.spool].append(opened.pack.seq)
    return [
        (province, gateway, Receipt(spool, to_ranges(done))) for (province, gateway, spool), done in numbers.items()
    ]


def _by_owner(batch: Batch) -> Iterable[tuple[str, Batch]]:
    numbers: dict[str, int] = {}
    owners = np.array([numbers.setdefault(place.owner, len(numbers)) for place in batch.places], np.int32)
    if len(batch) == 0:
        return
    if len(numbers) == 1 and len(batch.devices) <= MOST_DEVICES:
        yield next(iter(numbers)), batch
        return
    for owner, number in numbers.items():
        for part in _narrowed(batch.take(owners[batch.index] == number)):
            yield owner, part


def _narrowed(batch: Batch) -> Iterable[Batch]:
    """Leave out devices without rows, which may be another owner's, and cut where a block has no more numbers."""
    used, index = np.unique(batch.index, return_inverse=True)
    for first in range(0, len(used), MOST_DEVICES):
        here = (index >= first) & (index < first + MOST_DEVICES)
        part = batch.take(here)
        part.devices = [batch.devices[number] for number in used[first : first + MOST_DEVICES].tolist()]
        part.index = (index[here] - first).astype(np.int32)
        yield part


def _new(sheet: Sheet, now_ns: int, known: Container[str]) -> Iterable[NewDevice]:
    batch = sheet.batch
    fresh = {number: device for number, device in enumerate(batch.devices) if device not in known}
    if not fresh:
        return
    gateways = dict(zip(batch.index[::-1].tolist(), sheet.gateway[::-1].tolist(), strict=True))
    for number, device in fresh.items():
        if number in gateways:
            gateway = sheet.gateways[gateways[number]]
            yield NewDevice(device, batch.kind, batch.places[number].province, gateway, now_ns)


def _count(counts: defaultdict[Source, Counts], checked: Checked, rejected: Iterable[QuarantinedPayload]) -> None:
    """Write down what became of every reading: received = stored + duplicate + quarantined + rejected."""
    for sheet in checked.sheets:
        tally = sheet.counts()
        for source in counts.keys() & tally.keys():
            rows = tally.pop(source)
            counts[source].received += rows
            counts[source].stored += rows
        # a flush has a thousand sources, nearly all of them in one sheet alone
        counts.update(zip(tally, map(Counts, tally.values(), tally.values()), strict=True))
    for source, rows in checked.duplicates.items():
        counts[source].received += rows
        counts[source].duplicate += rows
    for held in checked.quarantined:
        counts[held.source].received += held.readings
        counts[held.source].quarantined += held.readings
    for held in rejected:
        counts[held.source].received += held.readings
        counts[held.source].rejected += held.readings
