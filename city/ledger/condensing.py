"""What the quarantine keeps of a flood: a source's bytes up to a bound an hour, beyond it one row that counts.

A condensed row stands for many payloads: how many, their readings and bytes, a digest over all of them, and the first
one cut short. It can't be tried again. Bounds are the source's first and all sources' second, and while the disk is
short nothing is kept whole: good readings need the rest of it. Old rows expire into condensed ones by hour, so what is
absent stays counted and explained.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from city.database import Database
from city.database.tables import quarantine, quarantine_kept, sequences
from city.ledger.port import QuarantineBounds, QuarantinedPayload, QuarantineState

ROW_BYTES: Final = 256
"""What a row takes beside its payload, origin and detail."""

MAX_SAMPLE: Final = 1_024
"""Bytes of the first payload that a condensed row keeps."""

MAX_NAMED: Final = 16
"""Devices of a gateway that get an expired row of their own in an hour; more than so many are a flood of names."""

_MAX_DETAIL: Final = 200
_MAX_EXPIRED: Final = 5_000
"""Rows that expire in one transaction, so that no flush waits long for it."""

_DAY_NS: Final = 86_400 * 10**9

_ADD = (
    update(quarantine)
    .where(quarantine.c.id == bindparam("row"))
    .values(
        payloads=quarantine.c.payloads + bindparam("more_payloads"),
        readings=quarantine.c.readings + bindparam("more_readings"),
        bytes=quarantine.c.bytes + bindparam("more_bytes"),
        digest=bindparam("new_digest"),
    )
)


class Account(NamedTuple):
    """Whose bytes are counted in an hour; `ALL` for all together."""

    hour_ns: int
    gateway: str
    device: str


class Group(NamedTuple):
    """What shares one condensed row."""

    hour_ns: int
    gateway: str
    device: str
    reason: str
    state: str


@dataclass(slots=True)
class Condensed:
    """Sums over the payloads of a group; `first` is a row of the quarantine that becomes the sample."""

    first: dict[str, Any]
    payloads: int = 0
    readings: int = 0
    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def add(self, payloads: int, readings: int, size: int, digest: bytes) -> None:
        """Take one in."""
        self.payloads += payloads
        self.readings += readings
        self.size += size
        self.hashes.append(digest)


def split(
    connection: Connection,
    database: Database,
    quarantined: Sequence[tuple[int, QuarantinedPayload]],
    bounds: QuarantineBounds,
) -> tuple[list[tuple[int, QuarantinedPayload]], dict[Group, Condensed]]:
    """Part payloads, each with its hour, into those that are kept and those that are condensed; charge what is kept."""
    kept: list[tuple[int, QuarantinedPayload]] = []
    condensed: dict[Group, Condensed] = {}
    used = _used(connection, quarantined)
    is_short = database.disk_is_short()
    charged: defaultdict[Account, int] = defaultdict(int)
    for hour_ns, item in quarantined:
        own, total = Account(hour_ns, *item.source), Account(hour_ns, "*", "*")
        cost = len(item.payload) + len(item.origin) + len(item.detail) + ROW_BYTES
        if is_short or used[total] + cost > bounds.hour_bytes:
            # which device it was is in the counters; rows by device would be a flood of their own
            gateway = item.source.gateway if used[total] <= 2 * bounds.hour_bytes else ""
            group = Group(hour_ns, gateway, "", item.reason.value, QuarantineState.CONDENSED.value)
        elif item.size or used[own] + cost > bounds.source_hour_bytes:
            group = Group(hour_ns, *item.source, item.reason.value, QuarantineState.CONDENSED.value)
        else:
            kept.append((hour_ns, item))
            for account in (own, total):
                used[account] += cost
                charged[account] += cost
            continue
        if group not in condensed:
            condensed[group] = Condensed(_first(item))
            used[total] += ROW_BYTES + MAX_SAMPLE
            charged[total] += ROW_BYTES + MAX_SAMPLE
        digest = hashlib.sha256(item.payload).digest()
        condensed[group].add(item.payloads, item.readings, item.size or len(item.payload), digest)
    _charge(connection, database, charged)
    return kept, condensed


def write(connection: Connection, condensed: dict[Group, Condensed]) -> None:
    """Add sums to the condensed rows of their groups; rows that are missing get the next numbers."""
    if not condensed:
        return
    there = {
        Group(*row[2:]): (row.id, row.digest)
        for row in connection.execute(
            select(
                quarantine.c.id,
                quarantine.c.digest,
                quarantine.c.hour_ns,
                quarantine.c.gateway,
                quarantine.c.device,
                quarantine.c.reason,
                quarantine.c.state,
            ).where(
                quarantine.c.hour_ns.in_({group.hour_ns for group in condensed}),
                quarantine.c.state.in_({group.state for group in condensed}),
            )
        )
    }
    old = [
        {
            "row": there[group][0],
            "more_payloads": sums.payloads,
            "more_readings": sums.readings,
            "more_bytes": sums.size,
            "new_digest": _chained(there[group][1], sums.hashes),
        }
        for group, sums in condensed.items()
        if group in there
    ]
    fresh = [(group, sums) for group, sums in condensed.items() if group not in there]
    if old:
        connection.execute(_ADD, old)
    if fresh:
        last = take_numbers(connection, len(fresh))
        connection.execute(
            insert(quarantine),
            [
                {
                    **sums.first,
                    "id": number,
                    **group._asdict(),
                    "payloads": sums.payloads,
                    "readings": sums.readings,
                    "bytes": sums.size,
                    "digest": _chained("", sums.hashes),
                    "tries": 0,
                }
                for number, (group, sums) in enumerate(fresh, last - len(fresh) + 1)
            ],
        )


def expire(connection: Connection, now_ns: int, bounds: QuarantineBounds) -> int:
    """Condense the oldest hour where it is too old or all rows take too much; at most a few thousand rows a call.

    What was released is stored, so its rows just go. What waits for another try expires as well: its re-drive finds
    it gone, as if another worker had been first.

    Returns:
        Rows that expired.
    """
    totals = quarantine_kept.c.gateway == "*"
    oldest, total = connection.execute(
        select(func.min(quarantine_kept.c.hour_ns), func.sum(quarantine_kept.c.bytes)).where(totals)
    ).one()
    if oldest is None or (oldest >= now_ns - bounds.days * _DAY_NS and total <= bounds.bytes):
        return 0
    rows = connection.execute(
        select(quarantine)
        .where(quarantine.c.hour_ns == oldest, quarantine.c.state != QuarantineState.EXPIRED.value)
        .order_by(quarantine.c.id)
        .limit(_MAX_EXPIRED)
    ).all()
    devices: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        devices[row.gateway].add(row.device)
    condensed: dict[Group, Condensed] = {}
    for row in rows:
        if row.state == QuarantineState.RELEASED.value:
            continue
        device = row.device if len(devices[row.gateway]) <= MAX_NAMED else ""
        group = Group(oldest, row.gateway, device, row.reason, QuarantineState.EXPIRED.value)
        if group not in condensed:
            condensed[group] = Condensed(_cut(row._asdict()))
        digest = bytes.fromhex(row.digest) if row.digest else hashlib.sha256(row.payload).digest()
        condensed[group].add(row.payloads, row.readings, row.bytes, digest)
    write(connection, condensed)
    for start in range(0, len(rows), 1_000):
        ids = [row.id for row in rows[start : start + 1_000]]
        connection.execute(delete(quarantine).where(quarantine.c.id.in_(ids)))
    if len(rows) < _MAX_EXPIRED:
        connection.execute(delete(quarantine_kept).where(quarantine_kept.c.hour_ns == oldest))
    return len(rows)


def take_numbers(connection: Connection, count: int) -> int:
    """Take the next numbers of the quarantine and give the last; the connection holds the sequences."""
    taking = update(sequences).values(quarantine=sequences.c.quarantine + count).returning(sequences.c.quarantine)
    return int(connection.execute(taking).scalar_one())


def _used(connection: Connection, quarantined: Iterable[tuple[int, QuarantinedPayload]]) -> defaultdict[Account, int]:
    used: defaultdict[Account, int] = defaultdict(int)
    accounts = {Account(hour_ns, *item.source) for hour_ns, item in quarantined}
    accounts |= {Account(hour_ns, "*", "*") for hour_ns, _ in quarantined}
    hours = {account.hour_ns for account in accounts}
    devices = sorted({account.device for account in accounts})
    for start in range(0, len(devices), 1_000):
        asked = select(quarantine_kept).where(
            quarantine_kept.c.hour_ns.in_(hours), quarantine_kept.c.device.in_(devices[start : start + 1_000])
        )
        for row in connection.execute(asked):
            used[Account(row.hour_ns, row.gateway, row.device)] = row.bytes
    return used


def _charge(connection: Connection, database: Database, charged: dict[Account, int]) -> None:
    if charged:
        statement = database.upsert(quarantine_kept)
        added = {"bytes": quarantine_kept.c.bytes + statement.excluded.bytes}
        key = [column.name for column in quarantine_kept.primary_key]
        connection.execute(
            statement.on_conflict_do_update(index_elements=key, set_=added),
            [{**account._asdict(), "bytes": cost} for account, cost in charged.items()],
        )


def _first(item: QuarantinedPayload) -> dict[str, Any]:
    return _cut(
        {
            "topic": item.topic,
            "payload": item.payload,
            "received_ns": item.received_ns,
            "detail": item.detail,
            "origin": item.origin,
        }
    )


def _cut(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "topic": row["topic"],
        "payload": bytes(row["payload"][:MAX_SAMPLE]),
        "received_ns": row["received_ns"],
        "detail": row["detail"][:_MAX_DETAIL],
        "origin": row["origin"][:_MAX_DETAIL],
    }


def _chained(digest: str, hashes: Iterable[bytes]) -> str:
    """Hash what was there and each digest behind it, so that the order in which they came can be proven."""
    last = bytes.fromhex(digest)
    for one in hashes:
        last = hashlib.sha256(last + one).digest()
    return last.hex()
