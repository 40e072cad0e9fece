"""Files with secrets in them whose rights let other users of the machine read them.

The rights of the file itself count, not those of its folder: a copy or a back-up takes them along without the folder.
"""

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import structlog

from city.settings import masked, read_toml
from korat.settings import PlatformSettings

ADVICE: Final = "chmod o= closes it"

_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH
_SECRET: Final = re.compile(
    r"(.*[_-])?(token|password|passwd|pwd|secret|api[_-]?key|authorization|signature)", re.IGNORECASE
)
"""Keys whose text is a secret."""

_FILE: Final = re.compile(r"(\w+_)?file|key")
"""Keys, and options of URLs, whose text names a file with one; `key` is that of a client's certificate."""

_PUBLIC: Final = frozenset({".crt"})

_log = structlog.get_logger("korat")


def readable_secrets(settings: PlatformSettings) -> list[Path]:
    """Give the files with secrets that others may read or write: of settings, what they name, and the secrets' folder.

    Raises:
        ConfigurationError: `gateway.toml` is no TOML.
    """
    return sorted({file for file in _candidates(settings) if _is_open(file)})


def warn(settings: PlatformSettings) -> None:
    """Log each of them."""
    for file in readable_secrets(settings):
        _log.warning(f"a file with secrets is readable by other users: {ADVICE}", file=str(file))


def _candidates(settings: PlatformSettings) -> Iterator[Path]:
    if settings.file is not None:
        yield from _of_toml(settings.file, Path())
    config = settings.data / settings.gateway.config_file
    if config.is_file():
        yield from _of_toml(config, config.parent)
    addresses = settings.city.store_url, settings.city.ledger_url, settings.mqtt.url
    yield from (file for address in addresses for file in _of_url(address, Path()))
    if settings.api.keys_file:
        yield Path(settings.api.keys_file)
    if settings.init.secrets.is_dir():
        yield from (file for file in settings.init.secrets.iterdir() if file.suffix not in _PUBLIC)


def _of_toml(file: Path, folder: Path) -> Iterator[Path]:
    for key, text in _texts("", read_toml(file)):
        if _SECRET.fullmatch(key) or masked(text) != text:
            yield file
        elif _FILE.fullmatch(key):
            yield folder / text
        else:
            yield from _of_url(text, folder)


def _texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Give each text that is not empty, and the key that it stands under."""
    match value:
        case str() if value:
            yield key, value
        case Mapping():
            for inner, child in value.items():
                yield from _texts(inner, child)
        case list():
            for child in value:
                yield from _texts(key, child)


def _of_url(text: str, folder: Path) -> Iterator[Path]:
    try:
        options = parse_qsl(urlsplit(text).query) if "://" in text else []
    except ValueError:
        return
    yield from (folder / value for key, value in options if _FILE.fullmatch(key))


def _is_open(file: Path) -> bool:
    try:
        found = file.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & _OTHERS)
