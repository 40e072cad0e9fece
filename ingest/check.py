"""The second step: known messages are set aside, rows become columns, columns are judged.

Plausible ranges flag a value (QARTOD gross range test); only a time too far ahead sends a reading to quarantine.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from city.batch import NOWHERE, Batch, Place
from city.catalog import QUANTITIES
from city.errors import Malformed, Reason
from city.ledger.port import DIRECT, Memory, PackId, QuarantinedPayload, Source
from city.reading import Flag
from ingest.load import DirectLoad, Load, PackLoad, undecoded
from ingest.sheets import Sheet, gather


@dataclass(slots=True)
class Checked:
    """A flush after its checks.

    Attributes:
        sheets: What goes to the store, one a kind.
        direct: Direct messages that are news.
        packs: Packs that are news, those to be quarantined whole included.
        fingerprints: Of the messages that are news and have one.
        quarantined: What goes to quarantine.
        duplicates: Source to readings that were settled before.
        now_ns: Time of the check, nanoseconds UTC.
        token: Of the load.
    """

    now_ns: int
    token: int
    sheets: list[Sheet] = field(default_factory=list)
    direct: list[DirectLoad] = field(default_factory=list)
    packs: list[PackLoad] = field(default_factory=list)
    fingerprints: set[int] = field(default_factory=set)
    quarantined: list[QuarantinedPayload] = field(default_factory=list)
    duplicates: defaultdict[Source, int] = field(default_factory=lambda: defaultdict(int))


def check(load: Load, memory: Memory, places: dict[str, Place], now_ns: int, max_future_skew_s: int) -> Checked:
    """Judge a load.

    Args:
        load: What was received.
        memory: What the ledger has settled already.
        places: Where known devices belong.
        now_ns: Present time, nanoseconds UTC.
        max_future_skew_s: How far a time may lie ahead, seconds.
    """
    checked = Checked(now_ns, load.token)
    for sheet in gather(_news(load, memory, checked)):
        sheet.batch.rx_ns = now_ns
        sheet.batch.places = _places(sheet, places, checked)
        checked.sheets.append(_judge(sheet, checked, now_ns + max_future_skew_s * 10**9))
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


def _news(load: Load, memory: Memory, checked: Checked) -> list[DirectLoad | PackLoad]:
    """Set aside what is known; what remains comes in order of receipt."""
    news: list[DirectLoad | PackLoad] = []
    packs: set[PackId] = set()
    for opened in load.opened:
        if isinstance(opened, DirectLoad):
            if _is_known(opened.fingerprint, memory, checked):
                checked.duplicates[Source(DIRECT, opened.readings[0].device)] += len(opened.readings)
                continue
            checked.direct.append(opened)
            news.append(opened)
        elif _is_news(opened, packs, memory, checked):
            checked.packs.append(opened)
            news.append(opened)
            checked.quarantined.extend(undecoded(opened.message.topic, opened.pack))
    for held, fingerprint, refused in load.refused:
        if refused is None and _is_known(fingerprint, memory, checked):
            checked.duplicates[held.source] += held.readings
        elif refused is None:
            checked.quarantined.append(held)
        elif _is_news(refused, packs, memory, checked):
            checked.quarantined.append(held)
            checked.packs.append(refused._replace(batches=[]))
    return news


def _is_known(fingerprint: int | None, memory: Memory, checked: Checked) -> bool:
    if fingerprint is None:
        return False
    if fingerprint in checked.fingerprints or memory.has_fingerprint(fingerprint):
        return True
    checked.fingerprints.add(fingerprint)
    return False


def _is_news(opened: PackLoad, packs: set[PackId], memory: Memory, checked: Checked) -> bool:
    frame = opened.pack
    claim = PackId(frame.gateway, frame.spool, frame.seq)
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


def _places(sheet: Sheet, places: dict[str, Place], checked: Checked) -> list[Place]:
    found = [places.get(device, NOWHERE) for device in sheet.batch.devices]
    if NOWHERE not in found:
        return found
    provinces = {load.pack.gateway: load.province for load in checked.packs}
    own = {load.readings[0].device: load.province for load in checked.direct}
    first = dict(zip(sheet.batch.index[::-1].tolist(), sheet.gateway[::-1].tolist(), strict=True))
    for number, device in enumerate(sheet.batch.devices):
        if found[number] is NOWHERE and number in first:  # a pack may name a device of which it holds no reading
            gateway = sheet.gateways[first[number]]
            found[number] = Place(own[device] if gateway == DIRECT else provinces[gateway])
    return found


def _judge(sheet: Sheet, checked: Checked, latest_ns: int) -> Sheet:
    ahead = np.flatnonzero(sheet.batch.time_ns > latest_ns).tolist()
    for row in ahead:
        lead_s = (int(sheet.batch.time_ns[row]) - checked.now_ns) // 10**9
        checked.quarantined.append(
            sheet.quarantined(row, Malformed(Reason.CLOCK_AHEAD, f"{lead_s} s ahead of our clock"))
        )
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
