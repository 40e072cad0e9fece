"""Secrets that stand in files: mounted by a container's runtime, or readable by one user alone."""

from pathlib import Path

from city.errors import ConfigurationError


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
