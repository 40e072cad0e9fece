"""Ledger and quarantine as people read them, straight from the database."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import msgspec
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from city.errors import ConfigurationError
from city.ledger import open_ledger
from city.ledger.flush_counts import HOUR_NS
from city.ledger.port import Account, By, Ledger, QuarantineRow, QuarantineState
from city.outcomes import Counts
from korat.settings import PlatformSettings

HOURS: Final = 24

UNRESOLVED: Final = (
    QuarantineState.HELD,
    QuarantineState.REQUESTED,
    QuarantineState.CONDENSED,
    QuarantineState.EXPIRED,
)
"""States of what is quarantined; the last two stand for many payloads, and can't be tried again."""

PAYLOAD_CHARACTERS: Final = 60
"""Of a payload, in a line of the quarantine."""


async def recent_account(ledger: Ledger) -> Account:
    """Give the total of the hours that began in the last 24.

    Raises:
        LedgerUnavailable: The database is down.
    """
    now_ns = time.time_ns()
    (account,) = await ledger.account(now_ns - HOURS * HOUR_NS, now_ns + HOUR_NS, By.TOTAL)
    return account


def figures(account: Account) -> dict[str, int]:
    """Give the ledger's numbers, in the order of its columns."""
    return {**msgspec.structs.asdict(account.counts), "pending": account.pending, "gaps": account.gaps}


async def ledger_table(settings: PlatformSettings, by: str, hours: int) -> None:
    """Print the ledger of the last hours, the present one included.

    Raises:
        ConfigurationError: There is no ledger yet.
        LedgerUnavailable: The database is down.
    """
    now_ns = time.time_ns()
    start_ns = (now_ns // HOUR_NS - hours + 1) * HOUR_NS
    table = Table(by, title=f"readings of the last {hours} h" if hours > 1 else "readings of this hour")
    for name in figures(Account("", Counts(), 0, 0)):
        table.add_column(name, justify="right")
    async with opened_ledger(settings) as ledger:
        after = ""
        while accounts := await ledger.account(start_ns, now_ns + 1, By(by), after=after):
            for account in accounts:
                key = account.key or ("all" if by == By.TOTAL else "(direct)")
                table.add_row(Text(key), *[f"{value:,}" for value in figures(account).values()])
            if by == By.TOTAL or accounts[-1].key <= after:
                break
            after = accounts[-1].key
    _print(table)


async def quarantine_table(settings: PlatformSettings, reason: str | None, limit: int) -> None:
    """Print what could not be used and isn't resolved, the oldest first; what is only counted as well.

    Raises:
        ConfigurationError: There is no ledger yet.
        LedgerUnavailable: The database is down.
    """
    rows: list[QuarantineRow] = []
    async with opened_ledger(settings) as ledger:
        for state in UNRESOLVED:
            rows += await ledger.quarantine(limit=limit + 1, state=state, reason=reason)
    rows.sort(key=lambda row: row.id)
    if not rows:
        Console().print("The quarantine is empty." if reason is None else f"Nothing is held for {reason}.")
        return
    table = Table("id", "received", "reason", "topic", "payloads", "readings", "state", "tries", "why", "payload")
    for held in rows[:limit]:
        item = held.quarantined
        at = datetime.fromtimestamp(item.received_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        payload = ascii(item.payload[:PAYLOAD_CHARACTERS].decode("utf-8", "backslashreplace"))
        cells = (held.id, at, item.reason, item.topic, held.payloads, item.readings, held.state, held.tries)
        # Text and ascii: what devices sent must be neither markup nor control characters here
        table.add_row(*[Text(ascii(str(cell))[1:-1]) for cell in cells], Text(ascii(item.detail)[1:-1]), Text(payload))
    _print(table)
    if len(rows) > limit:
        Console().print(f"There are more: --limit shows more than {limit} rows.", highlight=False)


async def redrive(settings: PlatformSettings, reason: str | None) -> None:
    """Ask ingest to try held payloads again.

    Raises:
        ConfigurationError: There is no ledger yet.
        LedgerUnavailable: The database is down.
    """
    async with opened_ledger(settings) as ledger:
        requested = await ledger.request_redrive(None, reason)
    Console().print(f"{requested:,} payloads will be tried again by ingest.", highlight=False)


async def erasures_table(settings: PlatformSettings) -> None:
    """Print who had what erased, the oldest first.

    Raises:
        ConfigurationError: There is no ledger yet.
        LedgerUnavailable: The database is down.
    """
    async with opened_ledger(settings) as ledger:
        rows = await ledger.erasures()
    table = Table("id", "at", "device", "readings", "payloads", "done", "who", "why")
    for row in rows:
        at = datetime.fromtimestamp(row.at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        done = "yes" if row.done else "no: ask again"
        cells = (row.id, at, row.asked.device, row.readings, row.payloads, done, row.asked.who, row.asked.why)
        table.add_row(*[Text(str(cell)) for cell in cells])
    _print(table)


async def renew_epoch(settings: PlatformSettings) -> None:
    """Begin a new epoch of the journal, and print its name.

    Raises:
        ConfigurationError: There is no ledger yet.
        LedgerUnavailable: The database is down.
    """
    async with opened_ledger(settings) as ledger:
        epoch = await ledger.renew_epoch()
    Console().print(f"The journal's epoch is {epoch} now.", highlight=False)


@asynccontextmanager
async def opened_ledger(settings: PlatformSettings) -> AsyncIterator[Ledger]:
    """Open the ledger; looking makes none."""
    file = settings.ledger_file
    if file is not None and not file.exists() and not file.with_name(f"{file.name}-wal").exists():
        raise ConfigurationError(
            f"there is no ledger {file} yet: start the platform, or name its folder with KORAT_DATA (data)"
        )
    ledger = await open_ledger(settings.ledger_url)
    try:
        yield ledger
    finally:
        await ledger.aclose()


def _print(table: Table) -> None:
    """Print as wide as the terminal; into a file or a pipe, as wide as it needs."""
    console = Console()
    if not console.is_terminal:
        wide = console.options.update(max_width=10_000)
        console = Console(width=max(80, Measurement.get(console, wide, table).maximum))
    console.print(table)
