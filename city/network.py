"""What the addresses of brokers, stores, databases and listeners have in common."""

import ipaddress
from collections.abc import Container
from urllib.parse import parse_qsl

from city.errors import ConfigurationError


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`; a name other than localhost could be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_port(host: str, port: int) -> str:
    """Write the authority of a URL (RFC 3986, 3.2): an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url_options(query: str, known: Container[str], where: str) -> dict[str, str]:
    """Read the options after the `?` of a URL.

    Args:
        query: The part after the `?`.
        known: The options that this URL may have.
        where: How a sentence names the setting.

    Raises:
        ConfigurationError: An option is unknown, empty or given twice; the sentence repeats no value.
    """
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in known:
            raise ConfigurationError(f"{where}: unknown option {key!r}")
        if key in options:
            raise ConfigurationError(f"{where}: {key}= is given twice")
        if not value:
            raise ConfigurationError(f"{where}: {key}= is empty")
        options[key] = value
    return options


def check_password(where: str, *, user: str | None, password: str | None, file: str | None) -> None:
    """Refuse a password that a URL gives in two ways, or without a user.

    Args:
        where: How a sentence names the setting.
        user: The URL's user.
        password: The password in the URL itself.
        file: The URL's option `password_file`.

    Raises:
        ConfigurationError: The sentence does not repeat the password.
    """
    if password is not None and file is not None:
        raise ConfigurationError(f"{where}: give the password in the address or in password_file, not in both")
    if (password is not None or file is not None) and not user:
        raise ConfigurationError(f"{where}: a password needs a user beside it")
