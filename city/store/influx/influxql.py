"""Spelling InfluxQL: whatever comes from outside goes through `name` or `text`.

https://docs.influxdata.com/influxdb/v1/query_language/spec/
"""

from collections.abc import Collection, Iterable
from typing import Final

from city.reading import ID_PATTERN
from city.store import layout
from city.store.port import All, Only, Selection

_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_NAME: Final = str.maketrans(_ESCAPES | {'"': '\\"'})
_TEXT: Final = str.maketrans(_ESCAPES | {"'": "\\'"})


def name(identifier: str) -> str:
    """Quote an identifier."""
    return f'"{identifier.translate(_NAME)}"'


def text(value: str) -> str:
    """Quote a string."""
    return f"'{value.translate(_TEXT)}'"


def where(devices: Selection, *conditions: str) -> str:
    """Begin with WHERE, or be empty; no condition can say an empty set, so it must not be asked."""
    terms = list(conditions)
    match devices:
        case All():
            pass
        case Only(keys) if len(keys) == 1:
            terms.append(f"{name(layout.TAG_DEVICE)} = {text(min(keys))}")
        case Only(keys):
            # 1.x needs quadratic time for a chain of OR; what is no id can't be stored and needs no escape
            ids = "|".join(sorted(key.replace(".", "[.]") for key in keys if ID_PATTERN.fullmatch(key)))
            terms.append(f"{name(layout.TAG_DEVICE)} =~ /^(?:{ids})$/")
    return f" WHERE {' AND '.join(terms)}" if terms else ""


def within(start_ns: int, end_ns: int) -> tuple[str, str]:
    """Conditions of a half-open range; bare numbers are nanoseconds."""
    return f"time >= {start_ns}", f"time < {end_ns}"


def field_keys(kinds: Collection[str]) -> str:
    """Ask which fields the measurements have; of all when none is named."""
    return "SHOW FIELD KEYS" + (f" FROM {names(sorted(kinds))}" if kinds else "")


def names(identifiers: Iterable[str]) -> str:
    """Quote several identifiers, with commas between."""
    return ", ".join(name(identifier) for identifier in identifiers)
