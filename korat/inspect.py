"""Ledger and quarantine on a terminal, straight from the database."""

import time

from rich.console import Console
from rich.table import Table

from city.errors import ConfigurationError
from city.ledger import open_ledger
from city.ledger.port import By, Ledger
from korat.settings import Everything
from korat.view import HOUR_NS, figures

FIGURES = ("received", "stored", "duplicate", "quarantined", "rejected", "pending", "gaps")

SHOWN = 60
"""Characters of a payload that a line shows."""


async def ledger_table(settings: Everything, by: str, hours: int) -> None:
    """Print the ledger of the last hours.

    Raises:
        ConfigurationError: `by` is none of the three.
        LedgerUnavailable: The database is down.
    """
    if by not in set(By):
        raise ConfigurationError(f"--by must be total, gateway or device; got {by!r}")
    now_ns = time.time_ns()
    start_ns = (now_ns // HOUR_NS - hours + 1) * HOUR_NS
    table = Table(by, *FIGURES, title=f"the last {hours} h")
    ledger = await _open(settings)
    try:
        after = ""
        while accounts := await ledger.account(start_ns, now_ns + 1, By(by), after=after):
            for account in accounts:
                table.add_row(account.key or "(direct)", *[f"{value:,}" for value in figures(account).values()])
            if by == By.TOTAL or accounts[-1].key <= after:
                break
            after = accounts[-1].key
    finally:
        await ledger.aclose()
    Console().print(table)


async def quarantine_table(settings: Everything, reason: str | None, most: int) -> None:
    """Print what could not be used.

    Raises:
        LedgerUnavailable: The database is down.
    """
    table = Table("id", "reason", "topic", "readings", "state", "tries", "payload", title="quarantine")
    ledger = await _open(settings)
    try:
        for held in await ledger.quarantine(most=most, reason=reason):
            suspect = held.suspect
            shown = ascii(suspect.payload[:SHOWN].decode("utf-8", "backslashreplace"))
            cells = (held.id, suspect.reason, suspect.topic, suspect.readings, held.state, held.tries, shown)
            table.add_row(*map(str, cells))
    finally:
        await ledger.aclose()
    Console().print(table)


async def redrive(settings: Everything, reason: str | None) -> None:
    """Ask ingest to try held payloads again.

    Raises:
        LedgerUnavailable: The database is down.
    """
    ledger = await _open(settings)
    try:
        requested = await ledger.request_redrive(None, reason)
    finally:
        await ledger.aclose()
    Console().print(f"{requested} payloads will be tried again by ingest")


async def _open(settings: Everything) -> Ledger:
    settings.data.mkdir(parents=True, exist_ok=True)
    return await open_ledger(settings.ledger_url)
