"""Rows become columns: all readings of one kind in a flush, and where each came from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city import topics
from city.batch import Batch, concat
from city.errors import Malformed
from city.ledger.port import DIRECT, QuarantinedPayload, Source
from city.mqtt import Message
from city.reading import Reading
from city.wire import direct
from city.wire.direct import MOST_VALUES
from ingest.load import DirectLoad, PackLoad, quarantined

MOST_COLUMNS: Final = 4 * MOST_VALUES
"""Quantities in one sheet. Columns are dense: without a bound 5,000 readings of 64 names each take 13 GB."""


@dataclass(slots=True)
class Sheet:
    """All readings of one kind in a flush: a batch for the store, and where each row came from.

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
        """Whose row it is."""
        return Source(self.gateways[self.gateway[row]], self.batch.devices[self.batch.index[row]])

    def counts(self) -> dict[Source, int]:
        """How many rows each source has."""
        devices = len(self.batch.devices)
        codes, rows = np.unique(self.gateway * np.int64(devices) + self.batch.index, return_counts=True)
        gateways = map(self.gateways.__getitem__, (codes // devices).tolist())
        names = map(self.batch.devices.__getitem__, (codes % devices).tolist())
        return dict(zip(map(Source, gateways, names), rows.tolist(), strict=True))

    def quarantined(self, row: int, error: Malformed) -> QuarantinedPayload:
        """Keep one row's bytes: its message when that held nothing else, otherwise the row written anew."""
        reading = self.batch.reading(row)
        message = self.messages[row]
        if message is not None and message.payload.count(b'"values"') == 1:
            return quarantined(message, error, self.source(row))
        return QuarantinedPayload(
            topic=topics.of_reading(self.batch.places[self.batch.index[row]].province, reading),
            payload=direct.encode([reading]),
            received_ns=self.batch.rx_ns,
            reason=error.reason,
            detail=error.detail,
            source=self.source(row),
        )

    def without(self, rows: Iterable[int]) -> "Sheet":
        """Leave some rows out."""
        keep = np.ones(len(self.batch), np.bool_)
        keep[list(rows)] = False
        return self.take(np.flatnonzero(keep))

    def take(self, rows: NDArray[np.intp]) -> "Sheet":
        """Keep these rows, in this order."""
        messages = [self.messages[row] for row in rows.tolist()]
        return Sheet(self.batch.take(rows), self.gateways, self.gateway[rows], messages)


def gather(news: Iterable[DirectLoad | PackLoad]) -> list[Sheet]:
    """Gather the news by kind, in order of receipt."""
    kinds: dict[str, _Kind] = {}
    full: list[_Kind] = []
    for opened in news:
        if isinstance(opened, DirectLoad):
            for reading in opened.readings:
                kind = _with_room(kinds, full, reading.kind, reading.values)
                kind.rows.append(reading)
                kind.messages.append(opened.message)
            continue
        for batch in opened.batches:
            _with_room(kinds, full, batch.kind, batch.values).add(batch, opened.pack.gateway)
    return [kind.sheet() for kind in [*full, *kinds.values()]]


def _with_room(kinds: dict[str, "_Kind"], full: list["_Kind"], key: str, quantities: Iterable[str]) -> "_Kind":
    """Find the kind; one with too many columns makes room for the next, because columns are dense."""
    kind = kinds.get(key)
    if kind is None:
        kind = kinds[key] = _Kind(set(quantities))
    elif not kind.quantities.issuperset(quantities):
        both = kind.quantities.union(quantities)
        if len(both) > MOST_COLUMNS:
            full.append(kind)
            both = set(quantities)
            kind = kinds[key] = _Kind()
        kind.quantities = both
    return kind


@dataclass(slots=True)
class _Kind:
    quantities: set[str] = field(default_factory=set)
    rows: list[Reading] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    parts: list[Batch] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)

    def add(self, batch: Batch, gateway: str) -> None:
        self.parts.append(batch)
        self.names.append(gateway)
        self.behind.append(len(self.rows))

    def sheet(self) -> Sheet:
        parts, names = self.parts, self.names
        if self.rows:
            parts, names = [Batch.from_readings(self.rows), *parts], [DIRECT, *names]
        numbers: dict[str, int] = {}
        codes = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)
        batch = concat(parts)
        messages: list[Message | None] = [*self.messages, *[None] * (len(batch) - len(self.rows))]
        sheet = Sheet(batch, list(numbers), np.repeat(codes, [len(part) for part in parts]), messages)
        return sheet if not self.behind or self.behind[0] == len(self.rows) else sheet.take(self._receipt())

    def _receipt(self) -> NDArray[np.intp]:
        """Order of receipt of rows that stand direct ones first: a pack goes in front of the row that came after it."""
        packed = np.repeat(np.array(self.behind) - 0.5, [len(part) for part in self.parts])
        return np.argsort(np.concatenate([np.arange(len(self.rows)), packed]), kind="stable")
