"""Who may ask: bearer keys (RFC 6750), of which only hashes are kept.

A file of keys has one key a line, its name and `sha256:` with the hash in lower-case hex; `#` begins a remark. A key is
256 random bits, so a plain hash can't be guessed back, and checking it costs a microsecond.

Without such a file the API is open, which is refused on any address but loopback.
"""

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import Final, Self

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem
from api.settings import ApiSettings
from city.errors import ConfigurationError
from city.network import is_loopback
from city.secret import read_secret
from city.settings import named

OPEN: Final = ("/health/", "/console/")
"""What begins like this needs no key: a supervisor has none, and the console's files hold no readings."""

OPEN_PATHS: Final = frozenset({"/", "/openapi.json"})

_PREFIX: Final = "korat_"
_LINE: Final = re.compile(r"([A-Za-z0-9._-]{1,64})\s+sha256:([0-9a-f]{64})")
_CHALLENGE: Final = 'Bearer realm="korat"'


def new_key(name: str) -> tuple[str, str]:
    """Make a key for somebody; return the key and the line for the file."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, f"{name} sha256:{hashlib.sha256(key.encode()).hexdigest()}"


class Keys:
    """The keys that are good.

    Args:
        known: Name to SHA-256.
    """

    def __init__(self, known: dict[str, bytes]) -> None:
        self._known = known

    def __len__(self) -> int:
        return len(self._known)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file of keys.

        Raises:
            ConfigurationError: It can't be read, has a line that is none, or no key at all.
        """
        where = named(ApiSettings, "keys_file")
        known: dict[str, bytes] = {}
        for number, row in enumerate(read_secret(file, where).splitlines(), 1):
            text = row.strip()
            if not text or text.startswith("#"):
                continue
            match = _LINE.fullmatch(text)
            if match is None:
                raise ConfigurationError(f"{where}: line {number} of {file} is not a name and sha256:<64 hex digits>")
            if match[1] in known:
                raise ConfigurationError(f"{where}: {file} has two keys named {match[1]!r}")
            known[match[1]] = bytes.fromhex(match[2])
        if not known:
            raise ConfigurationError(f"{where}: there is no key in {file}")
        return cls(known)

    def find(self, authorization: str) -> str | None:
        """Name the key in an `Authorization` header; each is compared, so that time tells nothing."""
        scheme, _, key = authorization.partition(" ")
        digest = hashlib.sha256(key.strip().encode(errors="replace")).digest()
        found = None
        for name, known in self._known.items():
            if hmac.compare_digest(known, digest):
                found = name
        return found if scheme.lower() == "bearer" else None


def open_keys(settings: ApiSettings) -> Keys | None:
    """Read the keys that the settings name; None: the API is open, to this machine alone.

    Raises:
        ConfigurationError: The file is wrong, or the API would be open to other machines.
    """
    if settings.keys_file:
        return Keys.read(Path(settings.keys_file))
    if not is_loopback(settings.host):
        raise ConfigurationError(
            f"{named(ApiSettings, 'host')}: {settings.host} can be reached from other machines, so "
            f"{named(ApiSettings, 'keys_file')} must name a file of keys; `korat init` makes one"
        )
    return None


class KeyCheck:
    """Middleware that lets only requests with a good key pass; `Guard` around it answers what it raises."""

    def __init__(self, app: ASGIApp, *, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass that has a good key or needs none.

        Raises:
            Problem: 401 `no-key`.
        """
        if scope["type"] == "http" and not _is_open(scope["path"]):
            self._check(scope)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            raise _refusal("this needs a key: send it as `Authorization: Bearer <key>`", _CHALLENGE)
        if len(given) > 1 or self._keys.find(given[0]) is None:
            raise _refusal("this key is not known here", f'{_CHALLENGE}, error="invalid_token"')


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN)


def _refusal(sentence: str, challenge: str) -> Problem:
    return Problem(401, "no-key", sentence, {"WWW-Authenticate": challenge, "Cache-Control": "no-store"})
