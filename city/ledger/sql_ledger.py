"""The ledger over SQLite or PostgreSQL."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import select
from typing_extensions import override

from city.database import Database
from city.database.tables import sequences
from city.errors import LedgerUnavailable
from city.ledger import accounts, cleanup, erasing, gaps, gateways, journal, quarantine, restoring
from city.ledger.dedup import SettledIndex
from city.ledger.port import (
    Account,
    By,
    DedupIndex,
    GatewayRow,
    JournalRow,
    Ledger,
    QuarantineBounds,
    QuarantineRow,
    QuarantineState,
    Settlement,
)
from city.ledger.retention import Erasure, ErasureRow, Expired, Gap, JournalLimits, JournalSpan, Restore
from city.ledger.settling import settle
from city.ledger.sync import refresh

log = structlog.get_logger("ledger")

T = TypeVar("T")


class SqlLedger(Ledger):
    """The ledger in the tables of `city.database`; open it with `city.ledger.open_ledger`."""

    def __init__(self, database: Database, bounds: QuarantineBounds) -> None:
        self._database = database
        self._bounds = bounds
        self._dedup = SettledIndex()
        self._epoch = ""
        self._before_outage: tuple[str, int] | None = None

    @override
    async def refresh(self) -> DedupIndex:
        return await self._database.in_writer(self._refresh)

    @override
    async def settle(self, settlement: Settlement) -> None:
        await self._database.in_writer(
            lambda: self._remembering(partial(settle, settlement=settlement, bounds=self._bounds))
        )

    @override
    async def journal(self, *, after: int, limit: int = 100, epoch: str = "") -> list[JournalRow]:
        asked = partial(journal.page, self._database, after=after, limit=limit, epoch=epoch)
        return await self._database.in_reader(asked)

    @override
    async def journal_span(self) -> JournalSpan:
        return await self._database.in_reader(partial(journal.span, self._database))

    @override
    async def renew_epoch(self) -> str:
        return await self._database.in_writer(partial(restoring.renew_epoch, self._database, time.time_ns()))

    @override
    async def restores(self) -> list[Restore]:
        return await self._database.in_reader(partial(restoring.restores, self._database))

    @override
    async def gaps(self) -> list[Gap]:
        return await self._database.in_reader(partial(gaps.gaps, self._database))

    @override
    async def copy_to(self, path: Path) -> None:
        await self._database.copy_to(path)

    @override
    async def follow(self, name: str, position: int, *, worker: bool) -> None:
        noting = partial(journal.follow, self._database, name, position, worker=worker, now_ns=time.time_ns())
        await self._database.in_writer(noting)

    @override
    async def unfollow(self, name: str) -> None:
        await self._database.in_writer(partial(journal.unfollow, self._database, name))

    @override
    async def claim_cleanup(self, now_ns: int, every_ns: int) -> bool:
        return await self._database.in_writer(partial(cleanup.claim, self._database, now_ns, every_ns))

    @override
    async def expire_journal(self, limits: JournalLimits, now_ns: int) -> Expired:
        return await self._database.in_writer(partial(journal.expire, self._database, limits, now_ns))

    @override
    async def expire_hours(self, before_ns: int) -> int:
        return await self._database.in_writer(partial(cleanup.expire_hours, self._database, before_ns))

    @override
    async def erase(self, asked: Erasure) -> int:
        number = await self._database.in_writer(partial(erasing.begin, self._database, asked, time.time_ns()))
        last: int | None = 0
        while last is not None:
            batch = partial(erasing.erase_in_journal, self._database, number, asked, last)
            last = await self._database.in_writer(batch)
        await self._database.in_writer(partial(erasing.erase_in_quarantine, self._database, number, asked))
        return number

    @override
    async def erased(self, number: int) -> None:
        await self._database.in_writer(partial(erasing.finish, self._database, number))

    @override
    async def erasures(self) -> list[ErasureRow]:
        return await self._database.in_reader(partial(erasing.erasures, self._database))

    @override
    async def note_status(self, row: GatewayRow) -> None:
        await self._database.in_writer(lambda: gateways.note_status(self._database, row))

    @override
    async def server_time_ns(self) -> int | None:
        return await self._database.in_reader(self._database.server_time_ns)

    @override
    async def gateways(self) -> list[GatewayRow]:
        return await self._database.in_reader(lambda: gateways.gateways(self._database))

    @override
    async def account(self, start_ns: int, end_ns: int, by: By, *, after: str = "", limit: int = 1000) -> list[Account]:
        query = accounts.AccountQuery(start_ns, end_ns, by, after, limit)
        return await self._database.in_reader(lambda: accounts.account(self._database, query))

    @override
    async def quarantine(
        self, *, after: int = 0, limit: int = 100, state: QuarantineState | None = None, reason: str | None = None
    ) -> list[QuarantineRow]:
        asked = partial(quarantine.page, self._database, after=after, limit=limit, state=state, reason=reason)
        return await self._database.in_reader(asked)

    @override
    async def quarantine_list(
        self, *, before: int | None, limit: int, state: QuarantineState | None = None, reason: str | None = None
    ) -> list[QuarantineRow]:
        asked = partial(quarantine.listing, self._database, before=before, limit=limit, state=state, reason=reason)
        return await self._database.in_reader(asked)

    @override
    async def quarantine_row(self, id_: int) -> QuarantineRow | None:
        return await self._database.in_reader(lambda: quarantine.one(self._database, id_))

    @override
    async def expire_quarantine(self, now_ns: int) -> int:
        return await self._database.in_writer(lambda: quarantine.expire(self._database, now_ns, self._bounds))

    @override
    async def request_redrive(self, ids: list[int] | None, reason: str | None) -> int:
        return await self._database.in_writer(lambda: quarantine.request_redrive(self._database, ids, reason))

    @override
    async def ping(self) -> None:
        await self._database.in_reader(self._ping)

    @override
    async def aclose(self) -> None:
        await self._database.aclose()

    def _refresh(self) -> DedupIndex:
        self._remembering(refresh)
        if self._before_outage is not None:
            self._notice_loss(*self._before_outage)
            self._before_outage = None
        return self._dedup

    def _notice_loss(self, epoch: str, flush: int) -> None:
        """Begin a new epoch when the server that answers after an outage has not what was committed before it."""
        if self._dedup.flush < flush and journal.span(self._database).epoch == epoch:
            restoring.renew_epoch(self._database, time.time_ns())
            log.error(
                "the ledger has lost commits: a standby took over that did not have them; korat ledger explain names "
                "the gaps, see docs/deployment.md",
                flushes=flush - self._dedup.flush,
            )

    def _remembering(self, work: Callable[[Database, SettledIndex], T]) -> T:
        """Work with the index; after an outage it is read anew, for a standby that took over may know less."""
        try:
            result = work(self._database, self._dedup)
        except LedgerUnavailable:
            if self._before_outage is None and self._epoch:
                self._before_outage = self._epoch, self._dedup.flush
            self._dedup = SettledIndex()
            raise
        if not self._epoch:
            self._epoch = journal.span(self._database).epoch
        return result

    def _ping(self) -> None:
        with self._database.read() as connection:
            connection.execute(select(sequences.c.id)).one()
