"""How every room reads its settings: `korat.toml`, then `KORAT_*`, refused with a sentence when wrong."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from city.errors import ConfigurationError


class Settings(BaseModel):
    """Base of each room's settings; `section` is its table in `korat.toml` and the middle of `KORAT_<SECTION>_<KEY>`.

    An empty section means the top of the file, and `KORAT_<KEY>`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    section: ClassVar[str] = ""


S = TypeVar("S", bound=Settings)


def load(cls: type[S], environment: Mapping[str, str] = os.environ, file: Path | None = None) -> S:
    """Read one room's settings.

    Raises:
        ConfigurationError: One sentence that names the key.
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
    """Name the environment variable of a key."""
    return "_".join(part.upper() for part in ("korat", cls.section, key) if part)


def refuse_unknown(
    classes: list[type[Settings]], environment: Mapping[str, str] = os.environ, file: Path | None = None
) -> None:
    """Refuse variables and tables that no room knows: a typing error must not pass as a default.

    Raises:
        ConfigurationError: One sentence that names the key.
    """
    known = {variable(cls, key) for cls in classes for key in cls.model_fields} | {"KORAT_CONFIG"}
    for name in sorted(environment):
        if name.startswith("KORAT_") and name not in known:
            raise ConfigurationError(f"{name} is no setting of Korat; see docs/settings.md for the list")
    sections = {cls.section for cls in classes if cls.section}
    for key, value in _read(file).items():
        if isinstance(value, dict) and key not in sections:
            raise ConfigurationError(f"{file}: there is no table [{key}]")


def _table(section: str, file: Path | None) -> Mapping[str, Any]:
    whole = _read(file)
    if section:
        table = whole.get(section, {})
        if not isinstance(table, dict):
            raise ConfigurationError(f"{file}: {section} must be a table")
        return table
    return {key: value for key, value in whole.items() if not isinstance(value, dict)}


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: {error}") from None


def _sentence(cls: type[Settings], error: ValidationError, file: Path | None) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else "settings"
    if first["type"] == "extra_forbidden":
        return f"{file}: [{cls.section or 'top'}] has no key {key!r}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{variable(cls, key)} ({cls.section + '.' if cls.section else ''}{key}): {message}; got {first['input']!r}"
