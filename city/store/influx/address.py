"""Where an InfluxDB is, read from a URL."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from city.errors import ConfigurationError
from city.network import check_password, host_port, url_options
from city.secret import read_secret

_DATABASE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PORT: Final = 8086
_FORM: Final = "influxdb://[user:password@]host[:8086]/database[?token=...]"
_OPTIONS: Final = frozenset({"token", "token_file", "password_file"})


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

        Instead of `token` there may be `token_file`, instead of a password `password_file`; they are read now.

        Raises:
            ConfigurationError: It isn't that, or a file can't be read; the sentence repeats no secret.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORT
        except ValueError as error:
            raise ConfigurationError(f"store_url: not a URL ({error}); use {_FORM}") from error
        database = parts.path.removeprefix("/")
        if not host or not _DATABASE.fullmatch(database):
            raise ConfigurationError(f"store_url: name a host and a database of letters, digits, _ and -; use {_FORM}")
        options = url_options(parts.query, _OPTIONS, "store_url")
        if {"token", "token_file"} <= options.keys():
            raise ConfigurationError("store_url: give the token in token or in token_file, not in both")
        check_password("store_url", user=parts.username, password=parts.password, file=options.get("password_file"))
        scheme = "https" if parts.scheme == "influxdbs" else "http"
        return cls(
            base=f"{scheme}://{host_port(host, port)}",
            database=database,
            user=unquote(parts.username or ""),
            password=_from_file(options, "password_file") or unquote(parts.password or ""),
            token=_from_file(options, "token_file") or options.get("token", ""),
        )


def _from_file(options: dict[str, str], name: str) -> str:
    return read_secret(Path(options[name]), f"store_url: {name}") if name in options else ""
