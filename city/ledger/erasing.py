"""Erasing a device: its readings in the journal, its payloads in the quarantine; and the record of it."""

from typing import Final

import numpy as np
from sqlalchemy import Connection, func, insert, select, update

from city.database import Database
from city.database.tables import erasure, journal, quarantine, sequences
from city.ledger.journal import lock
from city.ledger.retention import Erasure, ErasureRow
from city.wire import journal as journal_wire
from city.wire.pack import Block, to_batch, to_block

BATCH: Final = 20
"""Entries that are looked through in one transaction; each may hold a whole flush."""


def begin(database: Database, asked: Erasure, now_ns: int) -> int:
    """Record an erasure before anything is erased, so that one that is cut short can be seen; gives its number."""
    with database.write() as connection:
        lock(connection)
        number: int = connection.execute(select(func.coalesce(func.max(erasure.c.id), 0) + 1)).scalar_one()
        row = {"id": number, "at_ns": now_ns, "readings": 0, "payloads": 0, "done": False, **asked._asdict()}
        connection.execute(insert(erasure), row)
    return number


def finish(database: Database, number: int) -> None:
    """Record that everything was erased."""
    with database.write() as connection:
        connection.execute(update(erasure).where(erasure.c.id == number).values(done=True))
    database.empty_log()


def erasures(database: Database) -> list[ErasureRow]:
    """All that were asked for, the oldest first."""
    with database.read() as connection:
        rows = connection.execute(select(erasure).order_by(erasure.c.id))
        return [
            ErasureRow(
                row.id,
                row.at_ns,
                Erasure(row.device, row.start_ns, row.end_ns, row.who, row.why),
                row.readings,
                row.payloads,
                row.done,
            )
            for row in rows
        ]


def erase_in_journal(database: Database, number: int, asked: Erasure, after: int) -> int | None:
    """Erase in the entries that follow `after`, a batch of them; gives the last one's number, None at the end.

    An entry keeps its number and its count of readings: only the payload is rewritten.
    """
    entries = select(journal.c.id, journal.c.payload).where(journal.c.id > after).order_by(journal.c.id).limit(BATCH)
    with database.read() as connection:
        rows = connection.execute(entries).all()
    if not rows:
        return None
    named = [number for number, payload in rows if any(asked.device in block.devices for block in _blocks(payload))]
    if named:
        with database.write_over() as connection:
            lock(connection)
            found = connection.execute(select(journal.c.id, journal.c.payload).where(journal.c.id.in_(named))).all()
            erased = sum([_rewrite(connection, entry, payload, asked) for entry, payload in found])
            connection.execute(
                update(erasure).where(erasure.c.id == number).values(readings=erasure.c.readings + erased)
            )
    last: int = rows[-1].id
    return last


def erase_in_quarantine(database: Database, number: int, asked: Erasure) -> None:
    """Empty the payloads of the device's own rows; that they were held, and why, stays counted."""
    rows = (quarantine.c.device == asked.device) & quarantine.c.received_ns.between(asked.start_ns, asked.end_ns - 1)
    with database.write_over() as connection:
        erased = connection.execute(
            update(quarantine).where(rows).values(payload=b"", detail="erased on request")
        ).rowcount
        connection.execute(update(erasure).where(erasure.c.id == number).values(payloads=erased))


def _blocks(payload: bytes) -> list[Block]:
    return journal_wire.decode(bytes(payload))


def _rewrite(connection: Connection, entry: int, old: bytes, asked: Erasure) -> int:
    """Rewrite one payload; how many readings left it."""
    kept: list[Block] = []
    erased = 0
    for block in _blocks(old):
        rest, gone = without(block, asked)
        erased += gone
        if rest is not None:
            kept.append(rest)
    payload = journal_wire.encode(kept)
    connection.execute(update(journal).where(journal.c.id == entry).values(payload=payload))
    change = len(payload) - len(old)
    connection.execute(update(sequences).values(journal_bytes=sequences.c.journal_bytes + change))
    return erased


def without(block: Block, asked: Erasure) -> tuple[Block | None, int]:
    """Take a device's readings of a range out of a block, and its name where none is left; None: it is empty then."""
    if asked.device not in block.devices:
        return block, 0
    batch = to_batch(block)
    number = batch.devices.index(asked.device)
    own = batch.index == number
    gone = own & (batch.time_ns >= asked.start_ns) & (batch.time_ns < asked.end_ns)
    if gone.all():
        return None, len(batch)
    rest = batch.take(~gone)
    if int(own.sum()) == int(gone.sum()):
        rest.devices = [device for device in batch.devices if device != asked.device]
        rest.index = np.where(rest.index > number, rest.index - 1, rest.index).astype(np.int32)
    return to_block(rest), int(gone.sum())
