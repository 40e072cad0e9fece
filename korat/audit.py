"""The audit: is every instant of the journal in the store, and what is in the store beside them?

J are the distinct instants (device, kind, time) of the journal, S those of the store. The store is written first, so J
lies within S. J - S is loss. S - J are writes of flushes that died before their commit; what only an expired entry of
the journal, or one that isn't written yet, could explain is left out of it.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from city.batch import Batch, Rows, Times
from city.catalog import KINDS
from city.errors import JournalGone
from city.ledger.port import Ledger
from city.ledger.retention import ErasureRow
from city.reading import FIRST_NS, LAST_NS
from city.store.port import Instants, InstantsQuery, Store
from city.wire import journal as journal_wire
from city.wire.pack import to_batch
from korat.instant_runs import InstantRuns, Window

LISTED: Final = 100
"""Devices that are listed; of the others only the number of instants is said."""

_PAGE: Final = 20
"""Entries of the journal read in one go; each may hold a whole flush."""

_WINDOW: Final = 200_000
"""Instants that are compared in one go."""

_SLACK_NS: Final = 600 * 10**9
"""A flush is stamped when it is checked, so an entry may be older than one that was committed before it."""

_SHARD_NS: Final = 3_600 * 10**9
"""A server lets go of what is old a shard at a time, not to the second."""

_WIDER: Final = 4

_FLUSHES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Scope:
    """What is compared.

    Attributes:
        start_ns: First instant, inclusive.
        end_ns: End, exclusive.
        device: This device alone; empty: all.
        until_ns: What was written later may be of a flush that isn't committed yet, and is not judged.
    """

    start_ns: int = FIRST_NS
    end_ns: int = LAST_NS
    device: str = ""
    until_ns: int = LAST_NS


@dataclass(slots=True)
class Found:
    """Instants of one device and kind: how many, the first and the last."""

    count: int
    first_ns: int
    last_ns: int


@dataclass(slots=True)
class Findings:
    """Instants that are on one side alone.

    Attributes:
        count: How many.
        devices: (kind, device) to its own, for the first `LISTED` of them.
    """

    count: int = 0
    devices: dict[tuple[str, str], Found] = field(default_factory=dict)

    def add(self, kind: str, device: Rows, time_ns: Times, names: list[str]) -> None:
        """Note instants, later than all before; `device` are positions in `names`."""
        self.count += len(time_ns)
        order = np.lexsort((time_ns, device))
        numbers, starts, sizes = np.unique(device[order], return_index=True, return_counts=True)
        for number, start, size in zip(numbers.tolist(), starts.tolist(), sizes.tolist(), strict=True):
            first_ns, last_ns = int(time_ns[order[start]]), int(time_ns[order[start + size - 1]])
            found = self.devices.get((kind, names[number]))
            if found is not None:
                found.count, found.last_ns = found.count + size, last_ns
            elif len(self.devices) < LISTED:
                self.devices[kind, names[number]] = Found(size, first_ns, last_ns)


@dataclass(slots=True)
class Audit:
    """What was compared, and what was found.

    Attributes:
        rows: Readings of the journal that were looked at.
        journal: Distinct instants of them.
        store: Instants of the store.
        lost: J - S.
        uncommitted: S - J.
        flushes: Times at which `uncommitted` were written: each is that of one flush; not much more than 100,000.
        start_ns: First instant that was compared.
        written_ns: S - J is judged for what was written since then; 0: for all.
    """

    start_ns: int
    rows: int = 0
    journal: int = 0
    store: int = 0
    lost: Findings = field(default_factory=Findings)
    uncommitted: Findings = field(default_factory=Findings)
    flushes: set[int] = field(default_factory=set)
    written_ns: int = 0


async def audit(ledger: Ledger, store: Store, scope: Scope, progress: Callable[[str], None] = lambda _: None) -> Audit:
    """Compare journal and store, in bounded memory; the journal's instants go to temporary files.

    Args:
        ledger: Keeps the journal, and knows what was erased.
        store: Keeps the readings.
        scope: What is compared.
        progress: Told how far it is.

    Raises:
        LedgerUnavailable: The ledger's database is down.
        StoreUnavailable: The store is down.
        QueryRefused: The store's own limits refuse a question.
    """
    began_ns = time.time_ns()
    kept_ns = await store.kept_ns()
    start_ns = max(scope.start_ns, began_ns - kept_ns + _SHARD_NS) if kept_ns else scope.start_ns
    found = Audit(start_ns)
    with TemporaryDirectory(prefix="korat-audit-") as folder:
        # the journal first: what is committed meanwhile is in the store alone, and is not judged
        runs = InstantRuns(Path(folder))
        await _read_journal(ledger, scope, runs, found, progress)
        erased = [row for row in await ledger.erasures() if not row.done or row.at_ns >= began_ns]
        for kind in sorted(KINDS):
            await _compare_kind(kind, store, scope, runs, erased, found, progress)
    return found


async def _read_journal(
    ledger: Ledger, scope: Scope, runs: InstantRuns, found: Audit, progress: Callable[[str], None]
) -> None:
    span = await ledger.journal_span()
    position, last = span.first - 1, span.last
    complete = position == 0
    while position < last:
        try:
            rows = await ledger.journal(after=position, limit=_PAGE, epoch=span.epoch)
        except JournalGone:
            # the oldest expired meanwhile; of another epoch nothing can be compared
            now = await ledger.journal_span()
            if now.epoch != span.epoch or now.first <= position + 1:
                raise
            position, complete = now.first - 1, False
            continue
        if not complete:
            complete = True
            found.written_ns = rows[0].at_ns + _SLACK_NS
        for row in rows:
            found.rows += row.entry.readings
            await asyncio.to_thread(_take, row.entry.payload, scope.device, runs)
        position = rows[-1].id
        progress(f"journal: {position:,} of {last:,} entries")
    if not complete:
        found.written_ns = LAST_NS  # all of it expired
    await asyncio.to_thread(runs.seal)


def _take(payload: bytes, device: str, runs: InstantRuns) -> None:
    for block in journal_wire.decode(payload):
        if device and device not in block.devices:
            continue
        batch = to_batch(block)
        if device:
            batch = batch.take(batch.index == batch.devices.index(device))
        runs.add(batch.kind, _numbered(batch, runs))


def _numbered(listed: Batch | Instants, runs: InstantRuns) -> Window:
    return Window(runs.number(listed.devices)[listed.index], listed.time_ns)


async def _compare_kind(
    kind: str,
    store: Store,
    scope: Scope,
    runs: InstantRuns,
    erased: Iterable[ErasureRow],
    found: Audit,
    progress: Callable[[str], None],
) -> None:
    """Go through the time in windows that hold a bounded number of instants on either side."""
    start_ns, width = found.start_ns, scope.end_ns - found.start_ns
    while start_ns < scope.end_ns:
        end_ns = runs.cut(kind, start_ns, min(scope.end_ns, start_ns + width), _WINDOW)
        held = await store.instants(InstantsQuery(kind, start_ns, end_ns, scope.device, _WINDOW))
        await asyncio.to_thread(
            _compare, kind, runs.window(kind, start_ns, held.end_ns), held, scope, runs, erased, found
        )
        # what was cut says how much fits
        width = held.end_ns - start_ns if held.end_ns < end_ns else _WIDER * (end_ns - start_ns)
        start_ns = held.end_ns
        progress(f"{kind}: {found.store:,} instants of the store")


def _compare(
    kind: str,
    ours: Window,
    held: Instants,
    scope: Scope,
    runs: InstantRuns,
    erased: Iterable[ErasureRow],
    found: Audit,
) -> None:
    theirs = _numbered(held, runs)
    device = np.concatenate([ours.device, theirs.device])
    time_ns = np.concatenate([ours.time_ns, theirs.time_ns])
    if not len(device):
        return
    rx_ns = np.concatenate([np.full(len(ours.device), -1, np.int64), held.rx_ns])
    order = np.lexsort((rx_ns, device, time_ns))
    device, time_ns, rx_ns = device[order], time_ns[order], rx_ns[order]
    start = np.flatnonzero(np.append(True, (device[1:] != device[:-1]) | (time_ns[1:] != time_ns[:-1])))
    # the store has an instant once and sorts last: the first of a group tells of the journal, the last of the store
    in_journal, rx_ns = rx_ns[start] < 0, rx_ns[np.append(start[1:], len(rx_ns)) - 1]
    device, time_ns = device[start], time_ns[start]
    in_store = rx_ns >= 0
    found.journal += int(in_journal.sum())
    found.store += int(in_store.sum())
    lost = in_journal & ~in_store
    alone = in_store & ~in_journal & (rx_ns >= found.written_ns) & (rx_ns <= scope.until_ns)
    for row in erased:
        number = runs.devices.get(row.asked.device, -1)
        within = (device == number) & (time_ns >= row.asked.start_ns) & (time_ns < row.asked.end_ns)
        lost, alone = lost & ~within, alone & ~within
    if len(found.flushes) < _FLUSHES:
        found.flushes.update(np.unique(rx_ns[alone]).tolist())
    for findings, mask in ((found.lost, lost), (found.uncommitted, alone)):
        if mask.any():
            findings.add(kind, device[mask], time_ns[mask], list(runs.devices))
