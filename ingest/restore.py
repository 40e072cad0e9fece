"""What others settled of the instants that we wrote: out of the journal, which has all readings in order of commit."""

from collections.abc import Iterable, Iterator

import numpy as np

from city.batch import Batch
from city.ledger.port import JournalRow
from city.wire import journal, pack


def overwritten(rows: Iterable[JournalRow], written: list[Batch]) -> Iterator[Batch]:
    """Find the readings in journal rows whose device and instant we wrote as well, in order of commit."""
    ours = {cell for batch in written for cell in _cells(batch)}
    for row in rows:
        for block in journal.decode(row.entry.payload):
            batch = pack.to_batch(block)
            batch.rx_ns = row.at_ns
            kept = np.array([cell in ours for cell in _cells(batch)])
            if kept.any():
                yield batch.take(kept)


def _cells(batch: Batch) -> Iterator[tuple[str, str, int]]:
    for device, time_ns in zip(batch.index.tolist(), batch.time_ns.tolist(), strict=True):
        yield batch.kind, batch.devices[device], time_ns
