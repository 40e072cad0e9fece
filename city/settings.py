"""Settings of every room: from `korat.toml`, then `KORAT_*` over it, refused with a sentence when wrong."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from city.errors import ConfigurationError, did_you_mean

CONFIG_VARIABLE: Final = "KORAT_CONFIG"
"""Names the settings file; the one variable that no settings class has."""

_USER: Final = re.compile(r"([\w.%+~-]*:)(?!//)\S+@")
_WORDS: Final = r"(?:access_|refresh_|id_)?token|password|passwd|pwd|(?:client_)?secret|(?:x-)?api[_-]?key|signature"
_OPTION: Final = re.compile(rf"((?<![a-z])(?:{_WORDS})=)[^\s&'\"]+", re.IGNORECASE)
_MEMBER: Final = re.compile(rf"""((['"])(?:{_WORDS}|authorization)\2\s*[:,]\s*b?(['"]))(?:(?!\3).)+""", re.IGNORECASE)
_HEADER: Final = re.compile(r"(\b(?:authorization|x-api-key)\s*:\s*)[^\r\n'\"]+", re.IGNORECASE)
_BEARER: Final = re.compile(r"(\b(?:bearer|basic)(?:\s|%20|\+)+)[\w.~+/=%-]{6,}", re.IGNORECASE)
_KEY: Final = re.compile(r"\b(korat_|whsec_)[\w+/=-]{32,}")


class Settings(BaseModel):
    """Base of each room's settings; `section` is its table in `korat.toml` and the middle of `KORAT_<SECTION>_<KEY>`.

    An empty section means the top of the file, and `KORAT_<KEY>`. What a key means stands in the class docstring,
    under `Attributes:`; docs/settings.md is made of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    section: ClassVar[str] = ""


S = TypeVar("S", bound=Settings)


def load(cls: type[S], environment: Mapping[str, str] = os.environ, file: Path | None = None) -> S:
    """Read one room's settings.

    Args:
        cls: The room's settings class.
        environment: Variables; they win over the file.
        file: `korat.toml`; None: there is none.

    Raises:
        ConfigurationError: The file can't be read, or a key is unknown or wrong; one sentence that names the key.
    """
    given: dict[str, Any] = dict(_table(cls.section, file))
    for key in cls.model_fields:
        text = environment.get(variable(cls, key))
        if text is not None:
            given[key] = text
    try:
        return cls.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError(_sentence(cls, error, file)) from None


def variable(cls: type[Settings], key: str) -> str:
    """`KORAT_<SECTION>_<KEY>`, the environment variable of a key."""
    return "_".join(part.upper() for part in ("korat", cls.section, key) if part)


def named(cls: type[Settings], key: str) -> str:
    """A key as sentences write it: `KORAT_API_HOST (api.host)`."""
    return f"{variable(cls, key)} ({cls.section + '.' if cls.section else ''}{key})"


def masked(text: str) -> str:
    """Put `***` for what may be a password, token or key, in URLs, headers, reprs; rather too much than too little."""
    text = _USER.sub(r"\1***@", text)
    for pattern in (_OPTION, _MEMBER, _HEADER, _BEARER, _KEY):
        text = pattern.sub(r"\1***", text)
    return text


def refuse_unknown(
    classes: list[type[Settings]], environment: Mapping[str, str] = os.environ, file: Path | None = None
) -> None:
    """Refuse variables and tables that no room knows: a typing error must not pass as a default.

    Args:
        classes: The settings classes of all rooms.
        environment: Variables.
        file: `korat.toml`; None: there is none.

    Raises:
        ConfigurationError: One sentence that names the key.
    """
    known = {variable(cls, key) for cls in classes for key in cls.model_fields} | {CONFIG_VARIABLE}
    for name in sorted(environment):
        if name.startswith("KORAT_") and name not in known:
            raise ConfigurationError(
                f"{name} is no setting of Korat{did_you_mean(name, known)}; docs/settings.md lists them all"
            )
    sections = {cls.section for cls in classes if cls.section}
    for key, value in _read(file).items():
        if isinstance(value, dict) and key not in sections:
            raise ConfigurationError(f"{file}: there is no table [{key}]{did_you_mean(key, sections)}")


def read_toml(file: Path, name: str = "") -> dict[str, Any]:
    """Read a file.

    Args:
        file: Where it stands.
        name: How the sentence names it; its path if empty.

    Raises:
        ConfigurationError: It can't be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{name or file} can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name or file} is no TOML: {error}") from None


def _table(section: str, file: Path | None) -> Mapping[str, Any]:
    whole = _read(file)
    if section:
        table = whole.get(section, {})
        if not isinstance(table, dict):
            raise ConfigurationError(f"{file}: {section} must be a table")
        return table
    return {key: value for key, value in whole.items() if not isinstance(value, dict)}


def _read(file: Path | None) -> dict[str, Any]:
    return {} if file is None else read_toml(file, f"the settings file {file}")


def _sentence(cls: type[Settings], error: ValidationError, file: Path | None) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else "settings"
    if first["type"] == "extra_forbidden":
        place = f"[{cls.section}] has no key" if cls.section else "at its top there is no key"
        return f"{file}: {place} {key!r}{did_you_mean(key, cls.model_fields)}"
    message = first["msg"].removeprefix("Value error, ").replace("Input should", "it must", 1)
    # a URL may hold a password anywhere, also where it is none
    given = "" if "url" in key else f"; got {masked(repr(first['input']))}"
    return f"{named(cls, key)}: {message}{given}"
