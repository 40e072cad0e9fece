"""The quarantine: bytes that wait for a fix, and what becomes of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from city.database import Database
from city.database.tables import quarantine
from city.errors import Conflict, Reason
from city.ledger.flush_counts import HourCounts, to_hour_counts
from city.ledger.port import QuarantinedPayload, QuarantineRow, QuarantineState, Redriven, Source
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


def add(connection: Connection, last: int, quarantined: Sequence[tuple[int, QuarantinedPayload]]) -> None:
    """Insert payloads, each with the hour in which it is counted, under numbers that end with `last`."""
    rows = [
        {
            "id": number,
            "hour_ns": hour,
            "topic": _clean(item.topic),
            "payload": item.payload,
            "received_ns": _bounded(item.received_ns),
            "reason": item.reason.value,
            "detail": _clean(item.detail),
            "gateway": item.source.gateway,
            "device": item.source.device,
            "origin": _clean(item.origin),
            "readings": item.readings,
            "state": QuarantineState.HELD.value,
            "tries": 0,
        }
        for number, (hour, item) in enumerate(quarantined, last - len(quarantined) + 1)
    ]
    if rows:
        connection.execute(insert(quarantine), rows)


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
    if state is not None:
        asked = asked.where(quarantine.c.state == state.value)
    if reason is not None:
        asked = asked.where(quarantine.c.reason == reason)
    with database.read() as connection:
        return [_held(row) for row in connection.execute(asked)]


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
    return QuarantineRow(id=row.id, quarantined=item, state=QuarantineState(row.state), tries=row.tries)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def _clean(text: str) -> str:
    # PostgreSQL takes no NUL and nobody takes half a surrogate pair; such a text would stop its flush for ever
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _bounded(number: int) -> int:
    return min(max(number, _FIRST_INT), _LAST_INT)
