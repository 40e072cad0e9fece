"""The registry: which devices there are, where they belong, and whose they are."""

from city.database import Database
from city.registry.port import Registry
from city.registry.sql_registry import SqlRegistry

__all__ = ["Registry", "open_registry"]


async def open_registry(url: str) -> Registry:
    """Open the registry that a URL names: the database of the ledger.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`.

    Raises:
        ConfigurationError: The URL names no database that we speak to.
        Broken: The file is damaged, or its tables are of a newer version.
        LedgerUnavailable: The server doesn't answer.
    """
    return SqlRegistry(await Database.open(url))
