"""Numbers of a foreign document that nothing read: what a decoder must not pass over in silence."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,30}(?:[.,]\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_STATES: Final = frozenset({"on", "off", "true", "false", "open", "closed"})
_LONGEST: Final = 48
"""Letters of a text that may spell a number."""

_MAX_FOUND: Final = 200
"""Paths that are told of one document; beyond, it is as unread as can be."""

_DEEPEST: Final = 60
_LONGEST_PATH: Final = 200


def is_measured(thing: object) -> bool:
    """Whether it is a number, a truth, or a text that spells one: `21.5`, `ON`, `closed`."""
    if isinstance(thing, str):
        text = thing.strip()
        return len(text) <= _LONGEST and (_NUMBER.fullmatch(text) is not None or text.lower() in _STATES)
    return isinstance(thing, int | float)


def unread(fields: object, known: Collection[str], found: list[str], prefix: str = "") -> None:
    """Add the paths of all numbers that are not known, with keys joined by dots; places in lists are left out.

    Args:
        fields: The document, or a part of it.
        known: Paths within `fields` that were read or are no measurement; with all that is below them.
        found: Where they are added.
        prefix: Where `fields` stands; in front of the paths that are added, not of those that are known.
    """
    _walk(fields, "", known, found, prefix, _DEEPEST)


def known_fields(
    fields: Mapping[str, Any], known: Collection[str], found: list[str], prefix: str = ""
) -> dict[str, Any]:
    """Give the known fields of an object that has others as well; the numbers of those are unread."""
    unread({name: field for name, field in fields.items() if name not in known}, (), found, prefix)
    return {name: field for name, field in fields.items() if name in known}


def _walk(thing: object, path: str, known: Collection[str], found: list[str], prefix: str, depth: int) -> None:
    if not depth:
        _add(found, prefix + path)
    elif isinstance(thing, dict):
        for key, part in thing.items():
            here = f"{path}.{key}" if path else str(key)
            if part is not None and here not in known:
                _walk(part, here, known, found, prefix, depth - 1)
    elif isinstance(thing, list):
        for part in thing:
            _walk(part, path, known, found, prefix, depth - 1)
    elif is_measured(thing):
        _add(found, prefix + path)


def _add(found: list[str], path: str) -> None:
    if len(found) < _MAX_FOUND:
        found.append(path.rstrip(".")[:_LONGEST_PATH])
