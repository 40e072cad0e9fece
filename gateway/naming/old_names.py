"""The ids that names had until 2026-11, when two names could have one; for gateways that were upgraded since."""

import re
import zlib
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from city.names import Name
from city.reading import checked_id
from gateway.decoders.ngsi.models import MODELS

_WITH_NAME_ALONE: Final = ("osmand-", "owntracks-", "shelly-", "sparkplug-", "tasmota-", "zigbee2mqtt-", "ngsi-")
"""Families whose checksum was that of the name; elsewhere it was that of prefix and name."""

_NGSI: Final = "ngsi-"
_MODELS: Final = MappingProxyType({f"{_NGSI}{model.lower()}-": model for model in MODELS})
_MAX_NGSI: Final = 64 - len(_NGSI)


@lru_cache(maxsize=4096)
def old_id(name: Name, prefix: str) -> str:
    """Give the id that a name had.

    Raises:
        Malformed: `bad_device`: it had none.
    """
    text = name if isinstance(name, str) else _joined(name)
    if prefix in _MODELS:
        text, prefix = _of_ngsi(_MODELS[prefix], text), _NGSI
    if text.isascii():
        return _slug(f"{prefix}{text}")
    if prefix in _WITH_NAME_ALONE:
        return _slug("-".join(filter(None, (prefix[:-1], _ascii(text).strip(" -_./"), _crc32(text)))))
    whole = f"{prefix}{text}"
    return _slug("-".join(filter(None, (_ascii(whole).strip(" -_/"), _crc32(whole)))))


def _joined(levels: tuple[str, ...]) -> str:
    text = ".".join(levels)
    return f"{text}-{_crc32('/'.join(levels))}" if text.count(".") >= len(levels) else text


def _of_ngsi(model: str, given: str) -> str:
    own = re.sub(rf"(?:urn:ngsi-ld:)?(?:{model}[-_:.])*(?=.)", "", given, count=1, flags=re.IGNORECASE | re.DOTALL)
    name = f"{model}-{own}"
    return name if len(name) <= _MAX_NGSI else f"{name[: _MAX_NGSI - 9]}-{_crc32(name)}"


def _ascii(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def _slug(text: str) -> str:
    return checked_id(re.sub(r"[^a-z0-9._-]", "-", text.lower()).lstrip("._-"))


def _crc32(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"
