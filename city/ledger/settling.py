"""How a flush is settled: one transaction, in order."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from city.database import Database
from city.database.tables import device, device_kind, fingerprints, head, journal, pack_range, tally
from city.errors import SettledMeanwhile
from city.ledger import folding, quarantine
from city.ledger.catching_up import catch_up
from city.ledger.folding import Head
from city.ledger.memory import Page, SettledMemory, SpoolKey, pack
from city.ledger.port import JournalEntry, JournalRow, NewDevice, Settlement
from city.ledger.ranges import Growth, Range
from city.ledger.tally import Block, block_of, encode, hour_of

_MOST_READINGS: Final = 2**62
"""No spool has more: what a gateway says is taken, but not beyond what the database can subtract."""

_ADVANCE = (
    update(head)
    .values(
        flush=head.c.flush + 1,
        journal=head.c.journal + bindparam("entries"),
        suspect=head.c.suspect + bindparam("quarantined"),
        rev=head.c.rev + bindparam("revisions"),
    )
    .returning(*(head.c[key] for key in Head._fields))
)
_DELETE_RANGE = delete(pack_range).where(
    pack_range.c.gateway == bindparam("in_gateway"),
    pack_range.c.spool == bindparam("in_spool"),
    pack_range.c.first == bindparam("at_first"),
)


def settle(database: Database, memory: SettledMemory, settlement: Settlement) -> None:
    """Commit a flush and remember its claims.

    Raises:
        SettledMeanwhile: Somebody settled a claim of it; nothing changed.
        ValueError: It claims a message twice.
    """
    messages = set(settlement.fingerprints)
    if len(messages) < len(settlement.fingerprints):
        raise ValueError("a settlement claims a message twice")
    hour = hour_of(settlement.at_ns)
    with database.write() as connection:
        now = _advance(connection, settlement)
        catch_up(connection, memory, now.flush - 1)
        growths = _grow(memory, settlement, messages)
        redriven = quarantine.settle_redriven(connection, settlement.redriven)
        blocks = [block_of(hour, settlement.counts), *redriven.corrections]
        quarantine.add(
            connection, now.suspect, [*redriven.quarantined, *((hour, held) for held in settlement.quarantined)]
        )
        _write_packs(connection, database, growths, now.flush)
        _write_journal(connection, settlement.at_ns, now.journal, settlement.journal)
        _write_devices(connection, database, now.rev, settlement.devices)
        page = Page(now.flush, pack(settlement.fingerprints))
        _write_flush(connection, page, [block for block in blocks if block.sources])
        if folding.is_due(now, settlement.at_ns):
            folding.fold(connection, database, now.flush, settlement.at_ns, memory.oldest_flush())
    _remember(memory, page, growths)
    memory.journal = now.journal


def _advance(connection: Connection, settlement: Settlement) -> Head:
    quarantined = len(settlement.quarantined) + sum(
        len(redriven.quarantined) for redriven in settlement.redriven.values()
    )
    numbers = {
        "entries": len(settlement.journal),
        "quarantined": quarantined,
        "revisions": 1 if settlement.devices else 0,
    }
    return Head(*connection.execute(_ADVANCE, numbers).one())


def _grow(memory: SettledMemory, settlement: Settlement, messages: set[int]) -> dict[SpoolKey, Growth]:
    """Add the claimed packs to what is settled, unless a claim is there already."""
    if memory.any_fingerprint(messages):
        raise SettledMeanwhile("a message of this flush is settled already")
    growths: dict[SpoolKey, Growth] = {}
    for (gateway, spool, seq), offset, readings in settlement.packs:
        growth = growths.get((gateway, spool))
        if growth is None:
            growth = growths[gateway, spool] = Growth(memory.ranges((gateway, spool)))
        if seq in growth.new:
            if seq in growth.old:
                raise SettledMeanwhile(f"pack {seq} of {gateway} ({spool}) is settled already")
            raise ValueError(f"a settlement claims pack {seq} of {gateway} ({spool}) twice")
        edges = min(offset, _MOST_READINGS), min(offset + readings, _MOST_READINGS)
        growth.new = growth.new.joined(Range(seq, seq, *edges))
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
            "before_first": row.offset,
            "through_last": row.through,
            "rev": flush,
        }
        for (gateway, spool), growth in growths.items()
        for row in growth.changed()
    ]
    if gone:
        connection.execute(_DELETE_RANGE, gone)
    if changed:
        statement = database.upsert(pack_range)
        given = {key: statement.excluded[key] for key in ("last", "before_first", "through_last", "rev")}
        key = [column.name for column in pack_range.primary_key]
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=given), changed)


def page_of_journal(database: Database, *, after: int, most: int) -> list[JournalRow]:
    """Entries with `id > after`, rising."""
    asked = select(journal).where(journal.c.id > after).order_by(journal.c.id).limit(most)
    with database.read() as connection:
        return [
            JournalRow(row.id, row.at_ns, JournalEntry(row.owner, row.readings, bytes(row.payload)))
            for row in connection.execute(asked)
        ]


def _write_journal(connection: Connection, at_ns: int, last: int, entries: Sequence[JournalEntry]) -> None:
    if entries:
        first = last - len(entries) + 1
        connection.execute(
            insert(journal),
            [
                {"id": number, "at_ns": at_ns, "owner": e.owner, "readings": e.readings, "payload": e.payload}
                for number, e in enumerate(entries, first)
            ],
        )


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


def _write_flush(connection: Connection, page: Page, blocks: list[Block]) -> None:
    if page.packed:
        connection.execute(insert(fingerprints), {"flush": page.flush, "packed": page.packed})
    if blocks:
        connection.execute(insert(tally), {"flush": page.flush, "rows": encode(blocks)})


def _remember(memory: SettledMemory, page: Page, growths: dict[SpoolKey, Growth]) -> None:
    for spool, growth in growths.items():
        memory.replace_ranges(spool, growth.new)
    if page.packed:
        memory.learn_fingerprints(page)
    memory.flush = page.flush
