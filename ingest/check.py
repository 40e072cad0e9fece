"""The second step: known messages are set aside, rows become columns, columns are judged.

Plausible ranges flag a value (QARTOD gross range test); only a time too far ahead sends a reading to quarantine.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from city import topics
from city.batch import NOWHERE, Batch, Place, concat
from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from city.ledger.port import DIRECT, Memory, PackId, Source, Suspect
from city.mqtt import Message
from city.reading import Flag, Reading
from city.wire import direct
from ingest.load import DirectLoad, Load, PackLoad, suspect, undecoded


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

    def counts(self) -> Iterable[tuple[Source, int]]:
        """How many rows each source has."""
        devices = len(self.batch.devices)
        tally = np.bincount(self.gateway * devices + self.batch.index)
        for code in np.flatnonzero(tally).tolist():
            gateway, device = divmod(code, devices)
            yield Source(self.gateways[gateway], self.batch.devices[device]), int(tally[code])

    def suspect(self, row: int, error: Malformed) -> Suspect:
        """Keep one row's bytes: its message when that held nothing else, otherwise the row written anew."""
        reading = self.batch.reading(row)
        message = self.messages[row]
        if message is not None and message.payload.count(b'"values"') == 1:
            return suspect(message, error, self.source(row))
        return Suspect(
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
        messages = [self.messages[row] for row in np.flatnonzero(keep)]
        return Sheet(self.batch.take(keep), self.gateways, self.gateway[keep], messages)


@dataclass(slots=True)
class Checked:
    """A flush after its checks.

    Attributes:
        sheets: What goes to the store, one a kind.
        direct: Direct messages that are news.
        packs: Packs that are news, those to be quarantined whole included.
        suspects: What goes to quarantine.
        duplicates: Source to readings that were settled before.
        now_ns: Time of the check, nanoseconds UTC.
        token: Of the load.
    """

    now_ns: int
    token: int
    sheets: list[Sheet] = field(default_factory=list)
    direct: list[DirectLoad] = field(default_factory=list)
    packs: list[PackLoad] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)
    duplicates: defaultdict[Source, int] = field(default_factory=lambda: defaultdict(int))


def check(load: Load, memory: Memory, places: dict[str, Place], now_ns: int, ahead_s: int) -> Checked:
    """Judge a load.

    Args:
        load: What was received.
        memory: What the ledger has settled already.
        places: Where known devices belong.
        now_ns: Present time, nanoseconds UTC.
        ahead_s: How far a time may lie ahead, seconds.
    """
    checked = Checked(now_ns, load.token)
    _set_aside_known(load, memory, checked)
    for sheet in _columns(checked):
        sheet.batch.rx_ns = now_ns
        sheet.batch.places = _places(sheet, places, checked)
        checked.sheets.append(_judge(sheet, checked, now_ns + ahead_s * 10**9))
    return checked


def judge_ranges(batch: Batch) -> None:
    """Flag what the catalog holds for impossible, and what it doesn't know."""
    for key, column in batch.values.items():
        quantity = QUANTITIES.get(key)
        if quantity is None:
            _worsen(batch, key, ~np.isnan(column), Flag.NOT_EVALUATED)
            continue
        outside = (column < quantity.low) | (column > quantity.high)
        if outside.any():
            _worsen(batch, key, outside, Flag.FAIL)


def _set_aside_known(load: Load, memory: Memory, checked: Checked) -> None:
    fingerprints: set[int] = set()
    packs: set[PackId] = set()
    for opened in load.opened:
        if isinstance(opened, DirectLoad):
            mark = opened.fingerprint
            if mark is not None and (mark in fingerprints or memory.has_fingerprint(mark)):
                checked.duplicates[Source(DIRECT, opened.readings[0].device)] += len(opened.readings)
                continue
            if mark is not None:
                fingerprints.add(mark)
            checked.direct.append(opened)
        elif _is_news(opened, packs, memory, checked):
            checked.packs.append(opened)
            checked.suspects.extend(undecoded(opened.message.topic, opened.pack))
    for refusal in load.refused:
        if refusal.pack is None:
            checked.suspects.append(refusal.suspect)
        elif _is_news(refusal.pack, packs, memory, checked):
            checked.suspects.append(refusal.suspect)
            checked.packs.append(refusal.pack._replace(batches=[]))


def _is_news(opened: PackLoad, packs: set[PackId], memory: Memory, checked: Checked) -> bool:
    frame = opened.pack
    claim = PackId(frame.gateway, frame.boot, frame.seq)
    if claim in packs or memory.has_pack(claim):
        for block, batch in zip(frame.readings, opened.batches, strict=False):
            for device, count in zip(block.devices, np.bincount(batch.index).tolist(), strict=False):
                checked.duplicates[Source(frame.gateway, device)] += count
        missing = frame.count() - sum(map(len, opened.batches))
        if missing:
            checked.duplicates[Source(frame.gateway, "")] += missing
        return False
    packs.add(claim)
    return True


def _columns(checked: Checked) -> list[Sheet]:
    """Gather the news by kind: direct messages, then packs, each in order of receipt."""
    kinds: dict[str, _Kind] = defaultdict(_Kind)
    for opened in checked.direct:
        kind = kinds[opened.readings[0].kind]
        for reading in opened.readings:
            kind.rows.append(reading)
            kind.messages.append(opened.message)
    for packed in checked.packs:
        for batch in packed.batches:
            kinds[batch.kind].add(batch, packed.pack.gateway)
    return [kind.sheet() for kind in kinds.values()]


@dataclass(slots=True)
class _Kind:
    rows: list[Reading] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    parts: list[Batch] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, batch: Batch, gateway: str) -> None:
        self.parts.append(batch)
        self.names.append(gateway)

    def sheet(self) -> Sheet:
        parts, names = self.parts, self.names
        if self.rows:
            parts, names = [Batch.from_readings(self.rows), *parts], [DIRECT, *names]
        numbers: dict[str, int] = {}
        codes = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)
        batch = concat(parts)
        messages: list[Message | None] = [*self.messages, *[None] * (len(batch) - len(self.rows))]
        return Sheet(batch, list(numbers), np.repeat(codes, [len(part) for part in parts]), messages)


def _places(sheet: Sheet, places: dict[str, Place], checked: Checked) -> list[Place]:
    found = [places.get(device, NOWHERE) for device in sheet.batch.devices]
    if NOWHERE not in found:
        return found
    provinces = {load.pack.gateway: load.province for load in checked.packs}
    own = {load.readings[0].device: load.province for load in checked.direct}
    first = dict(zip(sheet.batch.index[::-1].tolist(), sheet.gateway[::-1].tolist(), strict=True))
    for number, device in enumerate(sheet.batch.devices):
        if found[number] is NOWHERE:
            gateway = sheet.gateways[first[number]]
            found[number] = Place(own[device] if gateway == DIRECT else provinces[gateway])
    return found


def _judge(sheet: Sheet, checked: Checked, latest_ns: int) -> Sheet:
    ahead = np.flatnonzero(sheet.batch.time_ns > latest_ns).tolist()
    for row in ahead:
        lead_s = (int(sheet.batch.time_ns[row]) - checked.now_ns) // 10**9
        checked.suspects.append(sheet.suspect(row, Malformed(Reason.CLOCK_AHEAD, f"{lead_s} s ahead of our clock")))
    if ahead:
        sheet = sheet.without(ahead)
    judge_ranges(sheet.batch)
    return sheet


def _worsen(batch: Batch, key: str, where: NDArray[np.bool_], flag: Flag) -> None:
    flags = batch.flags.get(key)
    if flags is None:
        batch.flags[key] = np.where(where, flag, Flag.GOOD).astype(np.uint8)
    else:
        batch.flags[key] = np.where(where & (flags < flag), np.uint8(flag), flags)
