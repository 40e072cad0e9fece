"""The ledger: what was received, and what became of it."""

from typing import Final

from city.database import Database
from city.ledger.port import Ledger, QuarantineBounds
from city.ledger.sql_ledger import SqlLedger

__all__ = ["Ledger", "open_ledger"]

DEFAULT_BOUNDS: Final = QuarantineBounds()


async def open_ledger(url: str, bounds: QuarantineBounds = DEFAULT_BOUNDS) -> Ledger:
    """Open the ledger that a URL names; it is made if there is none.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`.
        bounds: What the quarantine keeps.

    Raises:
        ConfigurationError: The URL names no ledger.
        Broken: The file is damaged, or its tables are of a newer version.
        LedgerUnavailable: The server doesn't answer.
    """
    ledger = SqlLedger(await Database.open(url), bounds)
    try:
        await ledger.refresh()
    except BaseException:
        await ledger.aclose()
        raise
    return ledger
