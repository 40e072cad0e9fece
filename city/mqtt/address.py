"""Where a broker is and how to prove who we are."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from city.errors import ConfigurationError
from city.network import check_password, host_port, url_options
from city.secret import read_secret

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TLS_KEYS = frozenset({"ca", "cert", "key", "insecure"})
_KEYS = _TLS_KEYS | {"password_file"}
_NAME = "the broker's address"
_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's address. Neither `repr` nor `str` shows the password.

    Attributes:
        host: name or IP address.
        port: TCP port.
        tls: whether to speak TLS.
        user: user name, if any.
        password: the password itself, if it was given in the URL.
        password_file: a file that holds the password; read at each connect, so that it can be changed.
        ca: a PEM file of the authorities to trust instead of the system's.
        cert: our own certificate, PEM.
        key: its private key, PEM, unless it is in `cert`.
        insecure: do not check who the broker is.
    """

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecure: bool = False

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `mqtt://[user[:password]@]host[:port]` or `mqtts://...?ca=&cert=&key=&insecure=&password_file=`.

        User and password are percent-decoded. The ports default to 1883 and, for TLS, 8883.

        Raises:
            ConfigurationError: the URL says something else; the sentence does not repeat the password.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigurationError(f"the broker's address is no URL: {error}") from None
        if parts.scheme not in _PORTS:
            raise ConfigurationError(f"a broker's address begins with mqtt:// or mqtts://, not {parts.scheme!r}")
        if not host:
            raise ConfigurationError(f"the broker's address {parts.scheme}:// names no host")
        if port == 0:
            raise ConfigurationError(f"the broker's address names port 0 of {host}")
        if parts.path not in {"", "/"} or parts.fragment:
            raise ConfigurationError(f"the broker's address ends after host and port: {host} has more")
        tls = parts.scheme == "mqtts"
        options = _options(parts.query, tls=tls)
        check_password(_NAME, user=parts.username, password=parts.password, file=options.get("password_file"))
        if "key" in options and "cert" not in options:
            raise ConfigurationError("key= without cert= in the broker's address")
        insecure = _TRUTH.get(options.pop("insecure", "no").lower())
        if insecure is None:
            raise ConfigurationError("insecure= in the broker's address is yes or no")
        return cls(
            host=host,
            port=port or _PORTS[parts.scheme],
            tls=tls,
            user=unquote(parts.username) if parts.username else None,
            password=None if parts.password is None else unquote(parts.password),
            insecure=insecure,
            **{name: Path(value) for name, value in options.items()},
        )

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{user}{host_port(self.host, self.port)}"

    def secret(self) -> bytes | None:
        """Return the password as it goes on the wire, without a trailing line end if it comes from a file.

        Raises:
            ConfigurationError: the file can't be read, or is empty.
        """
        if self.password_file is None:
            return None if self.password is None else self.password.encode()
        return read_secret(self.password_file, "the broker's password").encode()

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return what TLS needs, or None without TLS. It reads the files anew each time.

        Raises:
            ConfigurationError: a file is missing or holds no PEM.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the certificates for {self} cannot be used: {error}") from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _options(query: str, *, tls: bool) -> dict[str, str]:
    options = url_options(query, _KEYS, _NAME)
    for key in options:
        if key in _TLS_KEYS and not tls:
            raise ConfigurationError(f"{_NAME}: {key}= needs mqtts://")
    return options
