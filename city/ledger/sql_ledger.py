"""The ledger over SQLite or PostgreSQL."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import select

from city.database import Database
from city.database.tables import sequences
from city.errors import LedgerUnavailable
from city.ledger import accounts, gateways, quarantine
from city.ledger.dedup import SettledIndex
from city.ledger.port import Account, By, DedupIndex, GatewayRow, JournalRow, QuarantineRow, QuarantineState, Settlement
from city.ledger.settling import page_of_journal, settle
from city.ledger.sync import refresh

T = TypeVar("T")


class SqlLedger:
    """`city.ledger.port.Ledger`, whose docstrings hold here; open it with `city.ledger.open_ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dedup = SettledIndex()

    async def refresh(self) -> DedupIndex:
        """Read what others have settled since the last call."""
        return await self._database.in_writer(self._refresh)

    async def settle(self, settlement: Settlement) -> None:
        """Commit a flush."""
        await self._database.in_writer(lambda: self._remembering(partial(settle, settlement=settlement)))

    async def journal(self, *, after: int, most: int = 100) -> list[JournalRow]:
        """Entries of the journal with `id > after`, rising."""
        return await self._database.in_reader(partial(page_of_journal, self._database, after=after, most=most))

    async def note_status(self, row: GatewayRow) -> None:
        """Keep a gateway's last status."""
        await self._database.in_writer(lambda: gateways.note_status(self._database, row))

    async def gateways(self) -> list[GatewayRow]:
        """All gateways that ever said something, sorted by id."""
        return await self._database.in_reader(lambda: gateways.gateways(self._database))

    async def account(self, start_ns: int, end_ns: int, by: By, *, after: str = "", most: int = 1000) -> list[Account]:
        """Counts of the hours that begin in `[start_ns, end_ns)`, by key."""
        ask = accounts.AccountQuery(start_ns, end_ns, by, after, most)
        return await self._database.in_reader(lambda: accounts.account(self._database, ask))

    async def quarantine(
        self, *, after: int = 0, most: int = 100, state: QuarantineState | None = None, reason: str | None = None
    ) -> list[QuarantineRow]:
        """Rows of the quarantine with `id > after`, rising."""
        asked = partial(quarantine.page, self._database, after=after, most=most, state=state, reason=reason)
        return await self._database.in_reader(asked)

    async def request_redrive(self, ids: list[int] | None, reason: str | None) -> int:
        """AccountQuery ingest to try held rows again; how many."""
        return await self._database.in_writer(lambda: quarantine.request_redrive(self._database, ids, reason))

    async def ping(self) -> None:
        """Return when the database answers."""
        await self._database.in_reader(self._ping)

    async def aclose(self) -> None:
        """Close connections."""
        await self._database.aclose()

    def _refresh(self) -> DedupIndex:
        self._remembering(refresh)
        return self._dedup

    def _remembering(self, work: Callable[[Database, SettledIndex], T]) -> T:
        """Work with the index; after an outage it is read anew, for a standby that took over may know less."""
        try:
            return work(self._database, self._dedup)
        except LedgerUnavailable:
            self._dedup = SettledIndex()
            raise

    def _ping(self) -> None:
        with self._database.read() as connection:
            connection.execute(select(sequences.c.id)).one()
