"""What a database URL may say."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from city.errors import ConfigurationError

_FORMS = "use sqlite:///relative.db, sqlite:////absolute.db or postgresql://user@host/name"


def parse(url: str) -> URL:
    """Understand a URL and name its driver.

    Raises:
        ConfigurationError: The URL names no database that we speak to.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"ledger_url: not a URL of a database; {_FORMS}") from None
    match parsed.drivername:
        case "sqlite" if parsed.database in (None, "", ":memory:"):
            raise ConfigurationError(f"ledger_url: the ledger must outlive the process; {_FORMS}")
        case "sqlite":
            return parsed
        case "postgresql" | "postgresql+psycopg" if parsed.database:
            return parsed.set(drivername="postgresql+psycopg")
        case "postgresql" | "postgresql+psycopg":
            raise ConfigurationError(f"ledger_url: it names no database; {_FORMS}")
        case other:
            raise ConfigurationError(f"ledger_url: no ledger speaks {other!r}; {_FORMS}")


def file_of(url: URL) -> Path | None:
    """Name the file of a SQLite URL; None for a server."""
    return Path(url.database or "") if url.drivername == "sqlite" else None


def name_of(url: URL) -> str:
    """Name a database in a sentence, without its password."""
    file = file_of(url)
    return str(file) if file is not None else url.render_as_string(hide_password=True)
