"""From a maker's names and units to the catalog's: one table a family, one function for all."""

import re
import sys
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from city.catalog import QUANTITIES
from city.names import MAX_KEPT, same_name
from city.reading import RESERVED, RESERVED_ENDINGS
from city.units import convert


class Meaning(NamedTuple):
    """What a maker's field is.

    `quantity` is a key of the catalog, or a well-formed key that the catalog lacks; None for what is no measurement.
    `unit` is the maker's (a key of `city.units.UNITS`); empty when it is the catalog's already.
    """

    quantity: str | None
    unit: str = ""


Names = Mapping[str, Meaning]
"""Maker's field to meaning."""

NOTHING = Meaning(None)


NUMBER: Final = (int, float)
"""For `isinstance` on hot paths: `int | float`, written there, is made anew each time."""

_LARGEST: Final = sys.float_info.max
_LONGEST: Final = 48
"""Letters of a key."""

_LEFT: Final = _LONGEST - len("_01234567")


def to_values(fields: Mapping[str, object], names: Names) -> dict[str, float]:
    """Take the measurements out of a maker's object.

    Fields that the table lacks keep their name as a snake_case key, if they are finite numbers or booleans; texts,
    nulls, lists and nested objects are no measurements. Fields of one object never meet: where several would have one
    key (`Temp`, `temp`), the table's or the one that is the key has it, and the others end with their CRC-32.

    Raises:
        Malformed: A table's unit can't measure its quantity.
    """
    values: dict[str, float] = {}
    is_shared = False
    for name, field in fields.items():
        # compared rather than asked with isfinite, which fails on integers beyond all floats
        if not isinstance(field, NUMBER) or not -_LARGEST <= field <= _LARGEST:
            continue
        meaning = names.get(name)
        quantity, unit = (to_key(name), "") if meaning is None else meaning
        if quantity is None:
            continue
        value = float(field)
        if unit and (row := QUANTITIES.get(quantity)) is not None:
            value = convert(value, unit, row.unit)
        is_shared = is_shared or quantity in values
        values[quantity] = value
    return _told_apart(values, fields, names) if is_shared else values


def _told_apart(values: dict[str, float], fields: Mapping[str, object], names: Names) -> dict[str, float]:
    """Give fields that the table lacks keys of their own where others have theirs."""
    owners = {meaning.quantity for name, meaning in names.items() if name in fields}
    given: dict[str, str] = {}
    # sorted, so that the order of an object's fields changes no name
    for name in sorted(fields, key=lambda name: (name != to_key(name), name)):
        field, key = fields[name], to_key(name)
        if name in names or key is None or not isinstance(field, NUMBER) or not -_LARGEST <= field <= _LARGEST:
            continue
        if key in owners or given.setdefault(key, name) != name:
            values[f"{key[:_LEFT].rstrip('_')}_{checksum(name)}"] = float(field)
        else:
            values[key] = float(field)
    for name, field in fields.items():
        if name in names:
            values |= to_values({name: field}, names)
    return values


def to_key(name: str) -> str | None:
    """Make a quantity key of a maker's field name: `TempC_SHT` becomes `temp_c_sht`; None without letters and digits.

    A name that the store's layout uses itself gets an ending: `Time` becomes `time_value`. A key that had to be cut, or
    lost letters beyond ASCII, ends with the CRC-32 of the name, so that two names don't become one.
    """
    return _kept_key(name) if len(name) <= MAX_KEPT else _key_of(name)


def _key_of(name: str) -> str | None:
    name = same_name(name)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    key = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    if key in RESERVED or key.endswith(RESERVED_ENDINGS):
        key = f"{key}_value"
    if key and not key[0].isalpha():
        key = f"x_{key}"
    is_cut = len(key) > _LONGEST or (not name.isascii() and any(map(_is_dropped, name)))
    return (f"{key[:_LEFT].rstrip('_') or 'x'}_{checksum(name)}" if is_cut else key) or None


_kept_key: Final = lru_cache(maxsize=4096)(_key_of)


def _is_dropped(letter: str) -> bool:
    return letter.isalnum() and not letter.isascii()


def checksum(name: str) -> str:
    """Give the CRC-32 of a name, as 8 hex digits."""
    return f"{zlib.crc32(name.encode('utf-8', 'replace')):08x}"
