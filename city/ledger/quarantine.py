"""The quarantine: bytes that wait for a fix, and what becomes of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, insert, literal, select, update

from city.database import Database
from city.database.tables import quarantine
from city.errors import Conflict, Reason
from city.ledger import condensing
from city.ledger.flush_counts import HourCounts, to_hour_counts
from city.ledger.port import QuarantineBounds, QuarantinedPayload, QuarantineRow, QuarantineState, Redriven, Source
from city.outcomes import Counts

_FIRST_INT: Final = -(2**63)
_LAST_INT: Final = 2**63 - 1
_CHUNK: Final = 10_000
"""Ids in one statement; SQLite takes at most 32,766."""

_RELEASE = update(quarantine).where(quarantine.c.id == bindparam("row")).values(state=QuarantineState.RELEASED.value)
_HOLD = (
    update(quarantine)
    .where(quarantine.c.id == bindparam("row"))
    .values(
        state=QuarantineState.HELD.value,
        tries=quarantine.c.tries + 1,
        reason=bindparam("why"),
        detail=bindparam("sentence"),
    )
)


class Redrives(NamedTuple):
    """What redrives change besides their own rows: counts of their hours, and new payloads with their hour."""

    corrections: list[HourCounts]
    quarantined: list[tuple[int, QuarantinedPayload]]


def add(
    connection: Connection,
    database: Database,
    quarantined: Sequence[tuple[int, QuarantinedPayload]],
    bounds: QuarantineBounds,
) -> dict[str, int]:
    """Insert payloads, each with the hour in which it is counted; those beyond the bounds only count.

    Returns:
        Reason to payloads that only count.
    """
    if not quarantined:
        return {}
    given = [(hour, cleaned(item)) for hour, item in quarantined]
    kept, condensed = condensing.split(connection, database, given, bounds)
    last = condensing.take_numbers(connection, len(kept))
    rows = [
        {
            "id": number,
            "hour_ns": hour,
            "topic": item.topic,
            "payload": item.payload,
            "received_ns": item.received_ns,
            "reason": item.reason.value,
            "detail": item.detail,
            "gateway": item.source.gateway,
            "device": item.source.device,
            "origin": item.origin,
            "readings": item.readings,
            "state": QuarantineState.HELD.value,
            "tries": 0,
            "payloads": 1,
            "bytes": len(item.payload),
            "digest": "",
        }
        for number, (hour, item) in enumerate(kept, last - len(kept) + 1)
    ]
    if rows:
        connection.execute(insert(quarantine), rows)
    condensing.write(connection, condensed)
    counted: defaultdict[str, int] = defaultdict(int)
    for group, sums in condensed.items():
        counted[group.reason] += sums.payloads
    return counted


def settle_redriven(connection: Connection, redriven: dict[int, Redriven]) -> Redrives:
    """Note what became of rows that were tried again; the connection holds the sequences.

    Raises:
        Conflict: A row doesn't wait for a redrive any more.
    """
    rows = {row.id: row for chunk in _chunks(list(redriven)) for row in _requested(connection, chunk)}
    if len(rows) < len(redriven):
        raise Conflict("a redrive of this flush is settled already")
    corrections: list[HourCounts] = []
    again: list[tuple[int, QuarantinedPayload]] = []
    for number, outcome in redriven.items():
        row = rows[number]
        source = Source(row.gateway, row.device)
        if outcome.reason is None:
            corrections.append(to_hour_counts(row.hour_ns, outcome.counts))
            again += [(row.hour_ns, item) for item in outcome.quarantined]
        elif _counted(outcome.reason, 1) != _counted(row.reason, 1):
            corrections.append(to_hour_counts(row.hour_ns, {source: _counted(outcome.reason, row.readings)}))
        else:
            continue
        corrections.append(to_hour_counts(row.hour_ns, {source: _counted(row.reason, -row.readings)}))
    released = [{"row": number} for number, outcome in redriven.items() if outcome.reason is None]
    held = [
        {"row": number, "why": outcome.reason.value, "sentence": _clean(outcome.detail)}
        for number, outcome in redriven.items()
        if outcome.reason is not None
    ]
    if released:
        connection.execute(_RELEASE, released)
    if held:
        connection.execute(_HOLD, held)
    return Redrives(corrections, again)


def _counted(reason: str, readings: int) -> Counts:
    """Tell what a row of the quarantine is counted as: what the store refused is rejected."""
    if reason == Reason.STORE_REFUSED:
        return Counts(received=readings, rejected=readings)
    return Counts(received=readings, quarantined=readings)


def page(
    database: Database, *, after: int, limit: int, state: QuarantineState | None, reason: str | None
) -> list[QuarantineRow]:
    """Rows with `id > after`, rising."""
    asked = select(quarantine).where(quarantine.c.id > after).order_by(quarantine.c.id).limit(limit)
    return _found(database, asked, state, reason)


def listing(
    database: Database, *, before: int | None, limit: int, state: QuarantineState | None, reason: str | None
) -> list[QuarantineRow]:
    """Rows with `id < before`, falling, without their payloads: what is not asked for is not read from the disk."""
    asked = select(*(column for column in quarantine.c if column is not quarantine.c.payload))
    asked = asked.add_columns(literal(b"").label("payload")).order_by(quarantine.c.id.desc()).limit(limit)
    if before is not None:
        asked = asked.where(quarantine.c.id < before)
    return _found(database, asked, state, reason)


def _found(
    database: Database, asked: Select[Any], state: QuarantineState | None, reason: str | None
) -> list[QuarantineRow]:
    if state is not None:
        asked = asked.where(quarantine.c.state == state.value)
    if reason is not None:
        asked = asked.where(quarantine.c.reason == reason)
    with database.read() as connection:
        return [_held(row) for row in connection.execute(asked)]


def one(database: Database, id_: int) -> QuarantineRow | None:
    """One row with its payload."""
    with database.read() as connection:
        row = connection.execute(select(quarantine).where(quarantine.c.id == id_)).one_or_none()
    return None if row is None else _held(row)


def expire(database: Database, now_ns: int, bounds: QuarantineBounds) -> int:
    """Condense what is too old or too much, in as many transactions as it takes; how many rows."""
    expired = 0
    while True:
        with database.write() as connection:
            condensing.take_numbers(connection, 0)  # holds the sequences: no flush comes between
            rows = condensing.expire(connection, now_ns, bounds)
        if not rows:
            return expired
        expired += rows


def request_redrive(database: Database, ids: list[int] | None, reason: str | None) -> int:
    """Mark held rows for ingest to try again; how many."""
    marking = update(quarantine).where(quarantine.c.state == QuarantineState.HELD.value)
    marking = marking.values(state=QuarantineState.REQUESTED.value)
    if reason is not None:
        marking = marking.where(quarantine.c.reason == reason)
    with database.write() as connection:
        if ids is None:
            return connection.execute(marking).rowcount
        return sum(connection.execute(marking.where(quarantine.c.id.in_(chunk))).rowcount for chunk in _chunks(ids))


def _requested(connection: Connection, ids: Sequence[int]) -> Iterable[Row[Any]]:
    return connection.execute(
        select(
            quarantine.c.id,
            quarantine.c.hour_ns,
            quarantine.c.reason,
            quarantine.c.gateway,
            quarantine.c.device,
            quarantine.c.readings,
        ).where(quarantine.c.id.in_(ids), quarantine.c.state == QuarantineState.REQUESTED.value)
    )


def _held(row: Row[Any]) -> QuarantineRow:
    item = QuarantinedPayload(
        topic=row.topic,
        payload=bytes(row.payload),
        received_ns=row.received_ns,
        reason=Reason(row.reason),
        detail=row.detail,
        source=Source(row.gateway, row.device),
        origin=row.origin,
        readings=row.readings,
    )
    state = QuarantineState(row.state)
    return QuarantineRow(row.id, item, state, row.tries, row.payloads, row.bytes, row.digest)


def cleaned(item: QuarantinedPayload) -> QuarantinedPayload:
    """Make what a gateway said fit the columns."""
    return replace(
        item,
        topic=_clean(item.topic),
        detail=_clean(item.detail),
        origin=_clean(item.origin),
        received_ns=_bounded(item.received_ns),
    )


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _clean(text: str) -> str:
    # PostgreSQL takes no NUL and nobody takes half a surrogate pair; such a text would stop its flush for ever
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _bounded(number: int) -> int:
    return min(max(number, _FIRST_INT), _LAST_INT)
