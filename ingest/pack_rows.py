"""The rows of a pack, charged to their devices: what is over a budget leaves the pack, and its neighbours stay."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from city.batch import Batch, Place
from city.errors import Malformed, Reason
from city.ledger.port import QuarantinedPayload, Source
from city.mqtt import Message
from city.wire import pack
from city.wire.pack import Pack
from ingest.budgets import Budgets

Mask = NDArray[np.bool_]


class Excess(NamedTuple):
    """Rows of a batch that go to quarantine, (n,), and the device and reason; the device is empty for invented ones."""

    rows: Mask
    device: str
    error: Malformed


class Charged(NamedTuple):
    """What is left of a batch, and what is held back of it; `batch` is None when nothing is left."""

    batch: Batch | None
    held: list[QuarantinedPayload]


def charge(batch: Batch, frame: Pack, message: Message, budgets: Budgets, registered: Mapping[str, Place]) -> Charged:
    """Charge the rows of one block to their devices, and devices that it invents to the gateway.

    Args:
        batch: The block's readings.
        frame: Its pack.
        message: That brought the pack.
        budgets: What may still be used up.
        registered: The registered devices.
    """
    held: list[QuarantinedPayload] = []
    for find in (_invented_devices, _too_many_rows, _invented_quantities):
        for excess in find(batch, frame.gateway, budgets, registered):
            held.append(to_quarantine(batch.take(excess.rows), frame, message, excess))
            batch = batch.take(~excess.rows)
        if not len(batch):
            return Charged(None, held)
    return Charged(_without_empty_columns(batch) if held else batch, held)


def to_quarantine(batch: Batch, frame: Pack, message: Message, excess: Excess) -> QuarantinedPayload:
    """Keep rows as a pack of their own, which a re-drive reads like any other."""
    batch = _without_empty_columns(batch)
    used, index = np.unique(batch.index, return_inverse=True)
    batch.devices, batch.index = [batch.devices[number] for number in used.tolist()], index.astype(np.int32)
    return refused_block(pack.to_block(batch), frame, message, excess.error, excess.device)


def refused_block(
    block: pack.Block, frame: Pack, message: Message, error: Malformed, device: str = ""
) -> QuarantinedPayload:
    """Keep one block as a pack of its own."""
    return QuarantinedPayload(
        topic=message.topic,
        payload=pack.encode(Pack(frame.gateway, frame.spool, frame.seq, frame.offset, [block], [])),
        received_ns=message.received_ns,
        reason=error.reason,
        detail=error.detail[:500],
        source=Source(frame.gateway, device),
        readings=len(block.time_ns) // 8,
    )


def _invented_devices(
    batch: Batch, gateway: str, budgets: Budgets, registered: Mapping[str, Place]
) -> Iterator[Excess]:
    if registered.keys() >= set(batch.devices):
        return
    there = np.bincount(batch.index, minlength=len(batch.devices)) > 0
    unknown = {
        device: number for number, device in enumerate(batch.devices) if there[number] and device not in registered
    }
    if over := [unknown[device] for device in budgets.admit_devices(Source(gateway, ""), unknown)]:
        sentence = f"{gateway}: over {budgets.settings.new_devices} new devices this hour"
        yield Excess(np.isin(batch.index, over), "", Malformed(Reason.BUDGET_DEVICES, sentence))


def _too_many_rows(batch: Batch, gateway: str, budgets: Budgets, _: object) -> Iterator[Excess]:
    over = budgets.charge_rows(gateway, batch.devices, batch.index, batch.time_ns)
    if over.any():
        sentence = f"over {budgets.settings.device_messages} readings of one hour"
        yield from _of_devices(batch, over, Reason.BUDGET_MESSAGES, sentence)


def _invented_quantities(batch: Batch, gateway: str, budgets: Budgets, _: object) -> Iterator[Excess]:
    if budgets.known_quantities.issuperset(batch.values):
        return
    over = np.zeros(len(batch), np.bool_)
    group = Source(gateway, "")
    for key in [key for key in batch.values if key not in budgets.known_quantities]:
        has_value = ~np.isnan(batch.values[key])
        for number in np.unique(batch.index[has_value]).tolist():
            if budgets.admit_quantities(Source(gateway, batch.devices[number]), group, [key]):
                over |= has_value & (batch.index == number)
    if over.any():
        sentence = f"over {budgets.settings.new_quantities} new quantities this hour"
        yield from _of_devices(batch, over, Reason.BUDGET_QUANTITIES, sentence)


def _of_devices(batch: Batch, over: Mask, reason: Reason, sentence: str) -> Iterator[Excess]:
    """Part rows by device; each mask is for what the ones before it left of the batch."""
    index, left = batch.index, over
    for number in np.unique(index[over]).tolist():
        mine = left & (index == number)
        device = batch.devices[number]
        yield Excess(mine, device, Malformed(reason, f"{device}: {sentence}"))
        index, left = index[~mine], left[~mine]


def _without_empty_columns(batch: Batch) -> Batch:
    """Leave out quantities of which no row has a value, so that nobody's new name makes a column."""
    batch.values = {key: column for key, column in batch.values.items() if not np.isnan(column).all()}
    batch.flags = {key: column for key, column in batch.flags.items() if key in batch.values}
    return batch
