"""Numbers of a foreign document that nothing read: what a decoder must not pass over in silence."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from gateway.decoders.fields import NUMBER

_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,30}(?:[.,]\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_STATES: Final = frozenset({"on", "off", "true", "false", "open", "closed"})
_LONGEST_STATE: Final = max(map(len, _STATES))
_SPELLERS: Final = frozenset("+-.0123456789")
"""What the text of a number begins with."""

_shapes: Final[dict[tuple[Any, ...], tuple[Any, ...]]] = {}
"""What is known, a path and the keys that stand there, to those keys that are not known."""

_MAX_SHAPES: Final = 2_048
_LONGEST_SHAPE: Final = 1_000
"""Letters of a shape that is kept; what strangers send takes little memory."""

_NESTED: Final = (dict, list)
_LONGEST: Final = 48
"""Letters of a text that may spell a number."""

NOTHING_KNOWN: Final = frozenset[str]()

_MAX_FOUND: Final = 200
"""Paths that are told of one document; beyond, it is as unread as can be."""

_DEEPEST: Final = 60
_LONGEST_PATH: Final = 200


def is_measured(thing: object) -> bool:
    """Whether it is a number, a truth, or a text that spells one: `21.5`, `ON`, `closed`."""
    if not isinstance(thing, str):
        return isinstance(thing, NUMBER)
    text = thing.strip()
    # most texts are names, and the pattern is dear
    if text[:1] in _SPELLERS:
        return len(text) <= _LONGEST and _NUMBER.fullmatch(text) is not None
    return len(text) <= _LONGEST_STATE and text.lower() in _STATES


def unread(
    fields: object, known: frozenset[str], found: list[str], prefix: str = "", read: Collection[str] = ()
) -> None:
    """Add the paths of all numbers that are not known, with keys joined by dots; places in lists are left out.

    Args:
        fields: The document, or a part of it.
        known: Paths within `fields` that are no measurement; with all that is below them.
        found: Where they are added.
        prefix: Where `fields` stands; in front of the paths that are added, not of those that are known.
        read: Paths within `fields` that were read. Beside `known`, which is a constant: a union of both costs more
            than the walk.
    """
    _walk(fields, "", known, read, found, prefix, _DEEPEST)


def known_fields(
    fields: Mapping[str, Any], known: Collection[str], found: list[str], prefix: str = ""
) -> dict[str, Any]:
    """Give the known fields of an object that has others as well; the numbers of those are unread."""
    unread({name: field for name, field in fields.items() if name not in known}, NOTHING_KNOWN, found, prefix)
    return {name: field for name, field in fields.items() if name in known}


def _walk(
    thing: object, path: str, known: frozenset[str], read: Collection[str], found: list[str], prefix: str, depth: int
) -> None:
    if not depth:
        _add(found, prefix + path)
    elif isinstance(thing, dict):
        _walk_object(thing, path, known, read, found, prefix, depth)
    elif isinstance(thing, list):
        for part in thing:
            _walk(part, path, known, read, found, prefix, depth - 1)
    elif is_measured(thing):
        _add(found, prefix + path)


def _walk_object(
    fields: Mapping[Any, Any],
    path: str,
    known: frozenset[str],
    read: Collection[str],
    found: list[str],
    prefix: str,
    depth: int,
) -> None:
    for key in _unknown(fields, path, known):
        part = fields[key]
        if part is None:
            continue
        here = f"{path}.{key}" if path else str(key)
        if here in read:
            continue
        if isinstance(part, _NESTED):
            _walk(part, here, known, read, found, prefix, depth - 1)
        elif is_measured(part):
            _add(found, prefix + here)


def _unknown(thing: Mapping[Any, Any], path: str, known: frozenset[str]) -> Collection[Any]:
    """Give those keys of an object that are not known; devices send the same keys again and again."""
    if not known:
        return thing
    shape = (known, path, *thing)
    found = _shapes.get(shape)
    if found is None:
        # a key that has a dot itself is no path
        names = {key: str(key) for key in thing}
        found = tuple(
            key for key, name in names.items() if "." in name or (f"{path}.{name}" if path else name) not in known
        )
        if len(path) + sum(map(len, names.values())) <= _LONGEST_SHAPE:
            if len(_shapes) >= _MAX_SHAPES:
                _shapes.clear()
            _shapes[shape] = found
    return found


def _add(found: list[str], path: str) -> None:
    if len(found) < _MAX_FOUND:
        found.append(path.rstrip(".")[:_LONGEST_PATH])
