"""URLs of databases."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from city.errors import ConfigurationError
from city.network import check_password
from city.secret import read_secret

_FILE = "password_file"
_FORMS = "use sqlite:///relative.db, sqlite:////absolute.db or postgresql://user@host/name"


def parse(url: str) -> URL:
    """Understand a URL and name its driver; the password of a server may stand in a file, `?password_file=`.

    Raises:
        ConfigurationError: The URL names no database that we speak to, or the file can't be read.
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
            return _with_password(parsed.set(drivername="postgresql+psycopg"))
        case "postgresql" | "postgresql+psycopg":
            raise ConfigurationError(f"ledger_url: it names no database; {_FORMS}")
        case other:
            raise ConfigurationError(f"ledger_url: no ledger speaks {other!r}; {_FORMS}")


def _with_password(url: URL) -> URL:
    given = url.query.get(_FILE)
    if isinstance(given, tuple):
        raise ConfigurationError(f"ledger_url: {_FILE}= is given twice")
    check_password("ledger_url", user=url.username, password=url.password, file=given)
    if given is None:
        return url
    return url.difference_update_query([_FILE]).set(password=read_secret(Path(given), f"ledger_url: {_FILE}"))


def file_of(url: URL) -> Path | None:
    """Name the file of a SQLite URL; None for a server."""
    return Path(url.database or "") if url.drivername == "sqlite" else None


def name_of(url: URL) -> str:
    """Name a database in a sentence, without its password."""
    file = file_of(url)
    return str(file) if file is not None else url.render_as_string(hide_password=True)
