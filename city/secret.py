"""Secrets that stand in files: mounted by a container's runtime, or readable by one user alone."""

from pathlib import Path
from typing import Final

from city.errors import ConfigurationError

_MIN_KEY: Final = 32
"""Characters; `openssl rand -hex 32` gives twice as many."""


def read_secret(file: Path, where: str) -> str:
    """Read a secret, without the line end that editors add.

    Args:
        file: Where it stands.
        where: How the sentence names the setting.

    Raises:
        ConfigurationError: The file can't be read, or is empty; the sentence does not repeat what it holds.
    """
    try:
        text = file.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"{where}: {file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where}: {file} is not UTF-8") from None
    if not text:
        raise ConfigurationError(f"{where}: {file} is empty")
    return text


def read_key(file: str, where: str) -> bytes | None:
    """Read a key that two processes share; None if no file is named.

    Args:
        file: Where it stands; empty: there is none.
        where: How the sentence names the setting.

    Raises:
        ConfigurationError: The file can't be read, or the key is too short to be one.
    """
    if not file:
        return None
    key = read_secret(Path(file), where).strip()
    if len(key) < _MIN_KEY:
        raise ConfigurationError(f"{where}: the key in {file} is shorter than {_MIN_KEY} characters")
    return key.encode()
