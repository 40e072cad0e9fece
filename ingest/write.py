"""The third step: batches go to the store, and what another worker wrote meanwhile is written again over them."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from city.batch import NOWHERE, Batch, Place
from city.errors import Malformed, Reason
from city.ledger.port import JournalRow, Ledger, QuarantinedPayload
from city.store.port import Store
from city.wire import journal, pack
from ingest.check import Checked
from ingest.load import FlushInput

MAX_ENTRIES: Final = 20
"""Entries of the journal read in one go; each may hold a whole flush."""


async def write(checked: Checked, store: Store) -> list[QuarantinedPayload]:
    """Write every batch; rows that the store refuses for ever leave their batch and are returned.

    Raises:
        StoreUnavailable: The store did not confirm; whether it holds a part is unknown.
    """
    refused: list[QuarantinedPayload] = []
    for number, traced in enumerate(checked.batches):
        if len(traced.batch) == 0:
            continue
        outcome = await store.write(traced.batch)
        if outcome.rejected:
            refused += [
                traced.to_quarantine(row, Malformed(Reason.STORE_REFUSED, why)) for row, why in outcome.rejected.items()
            ]
            checked.batches[number] = traced.without(outcome.rejected)
    return refused


async def restore(taken: FlushInput, newest: int, ledger: Ledger, store: Store, places: dict[str, Place]) -> None:
    """Write again what others settled since our last try, where that may have put older values over theirs.

    A worker that stood still holds messages which another one has settled meanwhile, and corrections after them.

    Args:
        taken: The flush that is tried again.
        newest: Number of the journal's last entry.
        ledger: Where the journal is read.
        store: Where the readings are written.
        places: Where known devices belong.

    Raises:
        Unavailable: Store or ledger is down.
        JournalGone: It stood still for longer than the journal is kept; what it holds comes again after a restart.
    """
    while taken.written and taken.journal < newest:
        rows = await ledger.journal(after=taken.journal, limit=MAX_ENTRIES)
        for batch in find_conflicts(rows, taken.written):
            batch.places = [places.get(device, NOWHERE) for device in batch.devices]
            await store.write(batch)
        taken.journal = rows[-1].id if rows else newest


def find_conflicts(rows: Iterable[JournalRow], written: Iterable[Batch]) -> Iterator[Batch]:
    """Find the readings in journal rows whose kind, device and instant were `written` as well, in order of commit."""
    ours = {cell for batch in written for cell in _cells(batch)}
    for row in rows:
        for block in journal.decode(row.entry.payload):
            batch = pack.to_batch(block)
            batch.rx_ns = row.at_ns
            conflicts = np.array([cell in ours for cell in _cells(batch)])
            if conflicts.any():
                yield batch.take(conflicts)


def _cells(batch: Batch) -> Iterator[tuple[str, str, int]]:
    for device, time_ns in zip(batch.index.tolist(), batch.time_ns.tolist(), strict=True):
        yield batch.kind, batch.devices[device], time_ns
