"""One rule for the names of the field: what id a device gets, and how two spellings of one name are one.

A name that is an id stays as it is. A URN of an id's characters has `-` for each `:`. Every other name becomes a
readable part, `-x` and 12 digits of its SHA-256, and so does a name that looks like one made by this rule: no two names
have one id (docs/decisions/0019-one-rule-for-names.md).
"""

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeAlias
from unicodedata import normalize

from city.errors import Malformed, Reason
from city.reading import ID_PATTERN, checked_id

Name: TypeAlias = str | tuple[str, ...]
"""A foreign name, or the levels of one: of a topic, or of group, node and device."""

MakeId: TypeAlias = Callable[[Name, str], str]
"""Gives the id of a name behind a prefix; `made_id`, or what also knows the ids of an older rule."""

MAX_KEPT: Final = 200
"""Letters of a name that is worth a place in a cache; no device has longer ones, and what strangers send takes little
memory."""

_LONGEST: Final = 64
_DIGITS: Final = 12
_MADE: Final = re.compile(rf"(?:.*-)?x[0-9a-f]{{{_DIGITS}}}", re.DOTALL)
_URN: Final = re.compile(r"urn(?::[a-z0-9._]+)+")
_HEX_PAIRS: Final = re.compile(
    r"[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?:(?:\1[0-9a-f]{2}){2})?", re.IGNORECASE | re.ASCII
)
_NOT_IN_IDS: Final = re.compile(r"[^a-z0-9._-]+")
_SARA_AM: Final = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")


def same_name(name: str) -> str:
    """Give the one spelling of a foreign name: no blanks around it, composed (Unicode's NFC), and Thai sara am whole.

    NFC leaves sara am (U+0E33) and nikhahit with sara aa (U+0E4D U+0E32), which look the same, apart, also where a tone
    mark stands between; NFKC takes sara am apart, but also makes one of names that differ (`m²` and `m2`).
    """
    stripped = name.strip()
    if stripped.isascii():
        return stripped
    return _SARA_AM.sub("\\1\u0e33", normalize("NFC", stripped))


def levels_of(name: Name) -> tuple[str, ...]:
    """Give the levels of a name in their one spelling; letters of a MAC or an EUI-64 in pairs are lower case."""
    levels = tuple(map(same_name, (name,) if isinstance(name, str) else name))
    return tuple(level.lower() if _HEX_PAIRS.fullmatch(level) else level for level in levels)


def made_id(name: Name, prefix: str = "") -> str:
    """Make the device id of a foreign name: `truck-1` stays, `TRUCK 1` becomes `truck-1-x1ebec3e83d44`.

    Levels are joined by dots; names of levels where one has a dot itself get their digits too.

    Args:
        name: The name.
        prefix: Stands before the name, and tells families of names apart: `tasmota-`.

    Raises:
        Malformed: `bad_device`: the name is empty, or the prefix leaves no room.
    """
    return _kept_id(name, prefix) if letters(name) <= MAX_KEPT else _id_of(name, prefix)


def _id_of(name: Name, prefix: str) -> str:
    levels = levels_of(name)
    if prefix and ID_PATTERN.fullmatch(prefix) is None:  # one that the settings give may be anything
        levels, prefix = (f"{prefix}{levels[0]}", *levels[1:]), ""
    is_urn = isinstance(name, str) and _URN.fullmatch(levels[0]) is not None
    own = levels[0].replace(":", "-") if is_urn else ".".join(levels)
    plain = prefix + own
    is_told = is_urn or not own.startswith("urn-")
    is_told = is_told and (isinstance(name, str) or not any("." in level for level in levels))
    if is_told and any(levels) and ID_PATTERN.fullmatch(plain) is not None and _MADE.fullmatch(plain) is None:
        return plain
    return _told_apart(levels, prefix)


_kept_id: Final = lru_cache(maxsize=4096)(_id_of)


def told_apart(name: Name, prefix: str = "") -> str:
    """Make the id that a name has where another one has its plain id: with the digits.

    Raises:
        Malformed: `bad_device`, as of `made_id`.
    """
    return _told_apart(levels_of(name), prefix)


def _told_apart(levels: tuple[str, ...], prefix: str) -> str:
    if not any(levels):
        raise Malformed(Reason.BAD_DEVICE, "a name of nothing but blanks names no device")
    slug = _NOT_IN_IDS.sub("-", ".".join(levels).lower())[:_LONGEST].strip("._-")
    slug = slug[: max(0, _LONGEST - len(prefix) - len("-x") - _DIGITS)].rstrip("._-")
    return checked_id(prefix + "-".join(filter(None, (slug, f"x{_digits(levels)}"))))


def _digits(levels: tuple[str, ...]) -> str:
    # with their lengths, so that no other levels are the same text
    text = "".join(f"{len(level)}:{level}" for level in levels)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def letters(name: Name) -> int:
    """Count the letters of a name."""
    return len(name) if isinstance(name, str) else sum(map(len, name))
