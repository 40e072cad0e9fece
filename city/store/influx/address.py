"""Where an InfluxDB is, read from a URL."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from city.errors import ConfigurationError

_DATABASE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PORT: Final = 8086
_FORM: Final = "influxdb://[user:password@]host[:8086]/database[?token=...]"


@dataclass(frozen=True, slots=True)
class Address:
    """One database of one server.

    Attributes:
        base: `http://host:port`, or https.
        database: Its name; on 2.x the bucket's.
        user: For Basic authorisation; empty without.
        password: For that user.
        token: For `Authorization: Token`, which goes before a user; empty without.
    """

    base: str
    database: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read `influxdb://[user:password@]host[:8086]/database[?token=...]`; `influxdbs` speaks TLS.

        Raises:
            ConfigurationError: It isn't that; the sentence repeats no secret.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORT
            asked = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        except ValueError as error:
            raise ConfigurationError(f"store_url: not a URL ({error}); use {_FORM}") from error
        database = parts.path.removeprefix("/")
        if not host or not _DATABASE.fullmatch(database):
            raise ConfigurationError(f"store_url: name a host and a database of letters, digits, _ and -; use {_FORM}")
        if unknown := asked.keys() - {"token"}:
            raise ConfigurationError(f"store_url: unknown option {min(unknown)!r}; use {_FORM}")
        scheme = "https" if parts.scheme == "influxdbs" else "http"
        return cls(
            base=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}",
            database=database,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            token=asked.get("token", [""])[0],
        )
