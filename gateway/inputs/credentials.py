"""Who may push over HTTP: bearer tokens, and signatures of webhooks. Pure, but for the reading of secrets at the start.

```toml
[[input.http.token]]                # POST /ingest/{decoder}, Authorization: Bearer ...
name = "station-7"
hash = "sha256:9f86d0..."           # printf %s "$TOKEN" | sha256sum;  or file = "tokens.txt", one token or hash a line
decoders = ["senml"]                # absent: all

[[input.http.hook]]                 # POST /hooks/dispatch
name = "dispatch"
decoder = "mapped"
parameters = { mapping = "dispatch" }
scheme = "hmac"                     # or standard (webhook-signature), or token
secret_file = "dispatch.secret"     # or secret = "..."
header = "X-Hub-Signature-256"
prefix = "sha256="
```

Sources: RFC 6750 (bearer tokens), RFC 2104 (HMAC), the Standard Webhooks specification 1.0.0 (signature scheme).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from city.errors import ConfigurationError
from city.network import is_loopback
from city.tables import Id, Table
from gateway.inputs.input import DecoderChoice, DecoderName

_HASH: Final = re.compile(r"sha256:([0-9a-f]{64})")
_MIN_SECRET: Final = 16
"""Characters of the shortest secret: what is shorter can be guessed."""

_EMPTY: Final = hashlib.sha256(b"").digest()
"""What the documented command makes of a token that isn't there; whoever sends an empty one would have it."""

_STANDARD_PREFIX: Final = "whsec_"


class TokenTable(Table):
    """One `[[input.http.token]]`.

    Attributes:
        name: Whose token it is; for the log.
        hash: `sha256:` and the token's SHA-256 in lower-case hex.
        file: File of tokens or hashes, one a line; relative: from the folder of `gateway.toml`.
        decoders: What it is good for; empty: all decoders.
    """

    name: Id
    hash: str = Field("", pattern=f"^(|{_HASH.pattern})$")
    file: str = ""
    decoders: tuple[DecoderName, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.hash) == bool(self.file):
            raise ValueError("a token has either a hash or a file")
        return self


class HookTable(DecoderChoice):
    """One `[[input.http.hook]]`: `POST /hooks/{name}`.

    Attributes:
        name: Last part of the path.
        decoder: Who reads the bodies.
        scheme: How a sender proves itself.
        secret: The shared secret, or the bearer token.
        secret_file: File of it; relative: from the folder of `gateway.toml`.
        header: Header of the signature, for `hmac`.
        prefix: What stands before the signature, for `hmac`.
        encoding: How the signature is written, for `hmac`.
        algorithm: Its hash, for `hmac`.
        tolerance_s: Seconds by which a message's time may be off, for `standard`.
    """

    name: Id
    decoder: DecoderName
    scheme: Literal["hmac", "standard", "token"] = "hmac"
    secret: str = ""
    secret_file: str = ""
    header: str = "X-Hub-Signature-256"
    prefix: str = "sha256="
    encoding: Literal["hex", "base64"] = "hex"
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    tolerance_s: float = Field(300.0, gt=0, le=86_400)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.secret) == bool(self.secret_file):
            raise ValueError("a hook has either a secret or a secret_file")
        return self


class Tokens:
    """Bearer tokens, kept as hashes.

    Args:
        tables: Of the settings.
        folder: Where files are looked for.

    Raises:
        ConfigurationError: A file can't be read, or a token is none.
    """

    def __init__(self, tables: Iterable[TokenTable], folder: Path) -> None:
        self._known = [(digest, table) for table in tables for digest in _digests(table, folder)]
        if empty := next((table.name for digest, table in self._known if digest == _EMPTY), None):
            raise ConfigurationError(f"token {empty!r}: this is the hash of an empty token; make it of a real one")

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._known)

    def find(self, authorization: str) -> TokenTable | None:
        """Give the table of the token in an `Authorization` header; each is compared, so that time tells nothing."""
        scheme, _, token = authorization.partition(" ")
        digest = hashlib.sha256(token.strip().encode(errors="replace")).digest()
        found = None
        for known, table in self._known:
            if hmac.compare_digest(known, digest):
                found = table
        return found if scheme.lower() == "bearer" else None


class Hook:
    """One webhook's check.

    Args:
        table: Of the settings.
        folder: Where its secret is looked for.

    Raises:
        ConfigurationError: The secret can't be read, or is too short.
    """

    def __init__(self, table: HookTable, folder: Path) -> None:
        self.table = table
        text = table.secret or _text(folder / table.secret_file, f"hook {table.name!r}").strip()
        if len(text) < _MIN_SECRET:
            raise ConfigurationError(f"hook {table.name!r}: a secret has at least {_MIN_SECRET} characters")
        self._secret = text.encode()
        if table.scheme == "standard":
            try:
                self._secret = base64.b64decode(text.removeprefix(_STANDARD_PREFIX), validate=True)
            except binascii.Error:
                raise ConfigurationError(
                    f"hook {table.name!r}: the secret of a standard webhook is whsec_ and base64"
                ) from None

    def early_refusal(self, headers: Mapping[str, str], now_s: float) -> str:
        """Say why a message can't be from who shares the secret, whatever its body is; empty if it can.

        Args:
            headers: Of the request; names in any case.
            now_s: The time, seconds since 1970 UTC.
        """
        table = self.table
        match table.scheme:
            case "token":
                scheme, _, token = headers.get("Authorization", "").partition(" ")
                good = hmac.compare_digest(token.strip().encode(errors="replace"), self._secret)
                return "" if good and scheme.lower() == "bearer" else "the bearer token is missing or wrong"
            case "hmac":
                given = headers.get(table.header, "")
                if given.startswith(table.prefix) and given != table.prefix:
                    return ""
                return f"the header {table.header} is missing, or does not begin with {table.prefix!r}"
            case "standard":
                return self._doubt(headers, now_s)

    def refusal(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        """Say why a message isn't from who shares the secret; empty if it is.

        Args:
            headers: Of the request; names in any case.
            body: As it came, before any unpacking.
            now_s: The time, seconds since 1970 UTC.
        """
        early = self.early_refusal(headers, now_s)
        if early or self.table.scheme == "token":
            return early
        signed = self._plain if self.table.scheme == "hmac" else self._standard
        return "" if signed(headers, body) else "the signature is wrong"

    def _plain(self, headers: Mapping[str, str], body: bytes) -> bool:
        table = self.table
        digest = hmac.digest(self._secret, body, table.algorithm)
        expected = digest.hex() if table.encoding == "hex" else base64.b64encode(digest).decode()
        text = headers.get(table.header, "").removeprefix(table.prefix)
        return _same(text.lower() if table.encoding == "hex" else text, expected)

    def _doubt(self, headers: Mapping[str, str], now_s: float) -> str:
        name, time, given = _webhook(headers)
        if not (name and re.fullmatch(r"[0-9]{1,12}", time) and given):
            return "webhook-id, webhook-timestamp and webhook-signature are needed"
        if abs(now_s - int(time)) > self.table.tolerance_s:
            return f"webhook-timestamp is more than {self.table.tolerance_s:g} s off"
        return ""

    def _standard(self, headers: Mapping[str, str], body: bytes) -> bool:
        name, time, given = _webhook(headers)
        signed = f"{name}.{time}.".encode(errors="surrogateescape") + body
        expected = "v1," + base64.b64encode(hmac.digest(self._secret, signed, "sha256")).decode()
        # several signatures stand there while a secret is being changed
        return any(_same(each, expected) for each in given.split(" "))


@dataclass(frozen=True, slots=True)
class HttpAuth:
    """Who may come in.

    Attributes:
        tokens: For `/ingest`.
        is_open: Whether `/ingest` needs no token; only where there is none, and only on loopback.
        hooks: Name to check, for `/hooks`.
    """

    tokens: Tokens
    is_open: bool
    hooks: Mapping[str, Hook]

    @classmethod
    def from_tables(cls, host: str, tokens: Sequence[TokenTable], hooks: Sequence[HookTable], folder: Path) -> Self:
        """Say who may push; without any credentials whoever is on this machine may.

        Args:
            host: Address that the input listens on.
            tokens: Of the settings.
            hooks: Likewise.
            folder: Where secret files are looked for.

        Raises:
            ConfigurationError: The address isn't loopback and there is no credential, or a secret can't be read.
        """
        if not (is_loopback(host) or tokens or hooks):
            raise ConfigurationError(
                f"input.http: on {host} anybody could send readings; add an [[input.http]] with [[input.http.token]] "
                "or [[input.http.hook]] to gateway.toml, or listen on 127.0.0.1 (host; KORAT_GATEWAY_HTTP_HOST)"
            )
        checks = {table.name: Hook(table, folder) for table in hooks}
        return cls(Tokens(tokens, folder), not tokens and is_loopback(host), checks)


def _webhook(headers: Mapping[str, str]) -> tuple[str, str, str]:
    id_, timestamp, signature = (headers.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    return id_, timestamp, signature


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _digests(table: TokenTable, folder: Path) -> list[bytes]:
    if table.hash:
        return [bytes.fromhex(table.hash.removeprefix("sha256:"))]
    where = f"token {table.name!r}"
    rows = [row.strip() for row in _text(folder / table.file, where).splitlines()]
    tokens = [row for row in rows if row and not row.startswith("#")]
    if short := [row for row in tokens if len(row) < _MIN_SECRET]:
        raise ConfigurationError(f"{where}: {len(short)} of its tokens have less than {_MIN_SECRET} characters")
    if not tokens:
        raise ConfigurationError(f"{where}: there is no token in {table.file}")
    return [
        bytes.fromhex(match[1]) if (match := _HASH.fullmatch(row)) else hashlib.sha256(row.encode()).digest()
        for row in tokens
    ]


def _text(file: Path, where: str) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{where}: {file} can't be read: {said}") from None
