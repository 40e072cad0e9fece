"""Rows become columns: all readings of one kind in a flush, and where each came from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city import topics
from city.batch import Batch, concat, merge_instants
from city.errors import Malformed
from city.ledger.port import DIRECT, QuarantinedPayload, Source
from city.mqtt import Message
from city.reading import Reading
from city.wire import direct
from city.wire.direct import MAX_VALUES
from ingest.load import DirectMessage, PackMessage, to_quarantine

MAX_COLUMNS: Final = 4 * MAX_VALUES
"""Quantities in one batch. Columns are dense: without a bound 5,000 readings of 64 names each take 13 GB."""


@dataclass(slots=True)
class TracedBatch:
    """The readings of one kind in a flush: a batch for the store, and where each row came from.

    Attributes:
        batch: The columns.
        gateways: The gateways that brought them; DIRECT among them for direct devices.
        gateway: (n,) row to position in `gateways`.
        messages: (n,) the direct message of each row, None for rows of packs.
    """

    batch: Batch
    gateways: list[str]
    gateway: NDArray[np.int32]
    messages: list[Message | None]

    def source(self, row: int) -> Source:
        """Gateway and device of a row."""
        return Source(self.gateways[self.gateway[row]], self.batch.devices[self.batch.index[row]])

    def counts(self) -> dict[Source, int]:
        """Rows by source."""
        devices = len(self.batch.devices)
        codes, rows = np.unique(self.gateway * np.int64(devices) + self.batch.index, return_counts=True)
        gateways = map(self.gateways.__getitem__, (codes // devices).tolist())
        names = map(self.batch.devices.__getitem__, (codes % devices).tolist())
        return dict(zip(map(Source, gateways, names), rows.tolist(), strict=True))

    def to_quarantine(self, row: int, error: Malformed) -> QuarantinedPayload:
        """Keep one row's bytes: its message when that held nothing else, otherwise the row written anew."""
        reading = self.batch.reading(row)
        message = self.messages[row]
        if message is not None and message.payload.count(b'"values"') == 1:
            return to_quarantine(message, error, self.source(row))
        return QuarantinedPayload(
            topic=topics.of_reading(self.batch.places[self.batch.index[row]].province, reading),
            payload=direct.encode([reading]),
            received_ns=self.batch.rx_ns,
            reason=error.reason,
            detail=error.detail,
            source=self.source(row),
        )

    def without(self, rows: Iterable[int]) -> "TracedBatch":
        """Leave some rows out."""
        keep = np.ones(len(self.batch), np.bool_)
        keep[list(rows)] = False
        return self.take(np.flatnonzero(keep))

    def merged(self) -> "TracedBatch":
        """Join rows of one instant; a row that has values of others too has no message of its own any more."""
        batch, kept, into = merge_instants(self.batch)
        if len(kept) == len(self.batch):
            return self
        alone = np.bincount(into) == 1
        messages = [self.messages[row] if one else None for row, one in zip(kept.tolist(), alone.tolist(), strict=True)]
        return TracedBatch(batch, self.gateways, self.gateway[kept], messages)

    def take(self, rows: NDArray[np.intp]) -> "TracedBatch":
        """Keep these rows, in this order."""
        messages = [self.messages[row] for row in rows.tolist()]
        return TracedBatch(self.batch.take(rows), self.gateways, self.gateway[rows], messages)


def group_by_kind(new: Iterable[DirectMessage | PackMessage]) -> list[TracedBatch]:
    """Make one batch a kind, rows in order of receipt; a kind with more than `MAX_COLUMNS` quantities makes several."""
    open_groups: dict[str, _Group] = {}
    full: list[_Group] = []
    for message in new:
        if isinstance(message, DirectMessage):
            for reading in message.readings:
                group = _with_room(open_groups, full, reading.kind, reading.values)
                group.rows.append(reading)
                group.messages.append(message.message)
            continue
        for batch in message.batches:
            _with_room(open_groups, full, batch.kind, batch.values).add(batch, message.pack.gateway)
    return [group.to_batch() for group in [*full, *open_groups.values()]]


def _with_room(
    open_groups: dict[str, "_Group"], full: list["_Group"], kind: str, quantities: Iterable[str]
) -> "_Group":
    """Find the kind's group; one that would get too many columns is full, because columns are dense."""
    group = open_groups.get(kind)
    if group is None:
        group = open_groups[kind] = _Group(set(quantities))
    elif not group.quantities.issuperset(quantities):
        both = group.quantities.union(quantities)
        if len(both) > MAX_COLUMNS:
            full.append(group)
            both = set(quantities)
            group = open_groups[kind] = _Group()
        group.quantities = both
    return group


@dataclass(slots=True)
class _Group:
    """Readings of one kind on their way into one batch.

    Attributes:
        quantities: Of all of them.
        rows: Readings of direct messages.
        messages: The message of each of `rows`.
        parts: Batches of packs.
        gateways: The gateway of each of `parts`.
        preceding: How many of `rows` came before each of `parts`.
    """

    quantities: set[str] = field(default_factory=set)
    rows: list[Reading] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    parts: list[Batch] = field(default_factory=list)
    gateways: list[str] = field(default_factory=list)
    preceding: list[int] = field(default_factory=list)

    def add(self, batch: Batch, gateway: str) -> None:
        self.parts.append(batch)
        self.gateways.append(gateway)
        self.preceding.append(len(self.rows))

    def to_batch(self) -> TracedBatch:
        parts, gateways = self.parts, self.gateways
        if self.rows:
            parts, gateways = [Batch.from_readings(self.rows), *parts], [DIRECT, *gateways]
        numbers: dict[str, int] = {}
        codes = np.array([numbers.setdefault(gateway, len(numbers)) for gateway in gateways], np.int32)
        batch = concat(parts)
        messages: list[Message | None] = [*self.messages, *[None] * (len(batch) - len(self.rows))]
        traced = TracedBatch(batch, list(numbers), np.repeat(codes, [len(part) for part in parts]), messages)
        in_order = not self.preceding or self.preceding[0] == len(self.rows)
        return traced if in_order else traced.take(self._order_of_receipt())

    def _order_of_receipt(self) -> NDArray[np.intp]:
        """Row numbers, (n,), of rows that stand direct ones first: a pack goes before the row that came after it."""
        packed = np.repeat(np.array(self.preceding) - 0.5, [len(part) for part in self.parts])
        return np.argsort(np.concatenate([np.arange(len(self.rows)), packed]), kind="stable")
