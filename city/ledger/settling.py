"""How a flush is settled: one transaction, in order."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, update

from city.database import Database
from city.database.tables import device, device_kind, fingerprints, flush_counts, pack_range, sequences
from city.errors import Conflict
from city.ledger import compaction, condensing, journal, quarantine
from city.ledger.compaction import Sequences
from city.ledger.dedup import Page, SettledIndex, SpoolKey, pack
from city.ledger.flush_counts import HourCounts, encode, hour_of, to_hour_counts
from city.ledger.port import NewDevice, QuarantineBounds, Settlement
from city.ledger.ranges import Growth, Range
from city.ledger.sync import sync

_MAX_READINGS: Final = 2**62
"""No spool has more: a gateway's number is taken, but not beyond what the database can subtract."""

_ADVANCE = (
    update(sequences)
    .values(
        flush=sequences.c.flush + 1,
        journal=sequences.c.journal + bindparam("entries"),
        rev=sequences.c.rev + bindparam("revisions"),
        journal_bytes=sequences.c.journal_bytes + bindparam("added_bytes"),
    )
    .returning(*(sequences.c[key] for key in Sequences._fields))
)
_DELETE_RANGE = delete(pack_range).where(
    pack_range.c.gateway == bindparam("in_gateway"),
    pack_range.c.spool == bindparam("in_spool"),
    pack_range.c.first == bindparam("at_first"),
)


def settle(database: Database, dedup: SettledIndex, settlement: Settlement, bounds: QuarantineBounds) -> None:
    """Commit a flush and remember its claims.

    Raises:
        Conflict: Another worker settled a claim of it; nothing changed.
        ValueError: It claims a message twice.
    """
    messages = set(settlement.fingerprints)
    if len(messages) < len(settlement.fingerprints):
        raise ValueError("a settlement claims a message twice")
    hour = hour_of(settlement.at_ns)
    with database.write() as connection:
        now = _advance(connection, settlement)
        sync(connection, dedup, now.flush - 1)
        growths = _grow(dedup, settlement, messages)
        redriven = quarantine.settle_redriven(connection, settlement.redriven)
        blocks = [to_hour_counts(hour, settlement.counts), *redriven.corrections]
        held = [*redriven.quarantined, *((hour, payload) for payload in settlement.quarantined)]
        condensed = quarantine.add(connection, database, held, bounds)
        _write_packs(connection, database, growths, now.flush)
        journal.write(connection, settlement.at_ns, now.journal, settlement.journal)
        _write_devices(connection, database, now.rev, settlement.devices)
        page = Page(now.flush, pack(settlement.fingerprints))
        _write_flush(connection, page, [block for block in blocks if block.sources])
        if compaction.is_due(now, settlement.at_ns):
            compaction.compact(connection, database, now.flush, settlement.at_ns, dedup.oldest_flush())
            condensing.expire(connection, settlement.at_ns, bounds)
    settlement.condensed = condensed
    _remember(dedup, page, growths)
    dedup.journal = now.journal


def _advance(connection: Connection, settlement: Settlement) -> Sequences:
    numbers = {
        "entries": len(settlement.journal),
        "revisions": 1 if settlement.devices else 0,
        "added_bytes": sum(len(entry.payload) for entry in settlement.journal),
    }
    return Sequences(*connection.execute(_ADVANCE, numbers).one())


def _grow(dedup: SettledIndex, settlement: Settlement, messages: set[int]) -> dict[SpoolKey, Growth]:
    """Add the claimed packs to what is settled, unless a claim is there already."""
    if dedup.any_fingerprint(messages):
        raise Conflict("a message of this flush is settled already")
    growths: dict[SpoolKey, Growth] = {}
    for (gateway, spool, seq), offset, readings in settlement.packs:
        growth = growths.get((gateway, spool))
        if growth is None:
            growth = growths[gateway, spool] = Growth(dedup.ranges((gateway, spool)))
        if seq in growth.new:
            if seq in growth.old:
                raise Conflict(f"pack {seq} of {gateway} ({spool}) is settled already")
            raise ValueError(f"a settlement claims pack {seq} of {gateway} ({spool}) twice")
        edges = min(offset, _MAX_READINGS), min(offset + readings, _MAX_READINGS)
        growth.new = growth.new.joined(Range(seq, seq, *edges, settlement.at_ns, settlement.at_ns))
    return growths


def _write_packs(connection: Connection, database: Database, growths: dict[SpoolKey, Growth], flush: int) -> None:
    gone = [
        {"in_gateway": gateway, "in_spool": spool, "at_first": first}
        for (gateway, spool), growth in growths.items()
        for first in growth.gone()
    ]
    changed = [
        {
            "gateway": gateway,
            "spool": spool,
            "first": row.first,
            "last": row.last,
            "first_offset": row.offset,
            "end_offset": row.through,
            "rev": flush,
            "since_ns": row.since_ns,
            "until_ns": row.until_ns,
        }
        for (gateway, spool), growth in growths.items()
        for row in growth.changed()
    ]
    if gone:
        connection.execute(_DELETE_RANGE, gone)
    if changed:
        statement = database.upsert(pack_range)
        given = {
            key: statement.excluded[key]
            for key in ("last", "first_offset", "end_offset", "rev", "since_ns", "until_ns")
        }
        key = [column.name for column in pack_range.primary_key]
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=given), changed)


def _write_devices(connection: Connection, database: Database, rev: int, devices: Sequence[NewDevice]) -> None:
    if devices:
        connection.execute(
            database.upsert(device).on_conflict_do_nothing(),
            [
                {
                    "device": new.device,
                    "kind": new.kind,
                    "province": new.province,
                    "gateway": new.gateway,
                    "first_seen_ns": new.first_seen_ns,
                    "rev": rev,
                }
                for new in devices
            ],
        )
        connection.execute(
            database.upsert(device_kind).on_conflict_do_nothing(),
            [{"device": new.device, "kind": new.kind, "rev": rev} for new in devices],
        )


def _write_flush(connection: Connection, page: Page, blocks: list[HourCounts]) -> None:
    if page.packed:
        connection.execute(insert(fingerprints), {"flush": page.flush, "packed": page.packed})
    if blocks:
        connection.execute(insert(flush_counts), {"flush": page.flush, "rows": encode(blocks)})


def _remember(dedup: SettledIndex, page: Page, growths: dict[SpoolKey, Growth]) -> None:
    for spool, growth in growths.items():
        dedup.replace_ranges(spool, growth.new)
    if page.packed:
        dedup.learn_fingerprints(page)
    dedup.flush = page.flush
