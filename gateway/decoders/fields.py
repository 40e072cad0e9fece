"""From a maker's names and units to the catalog's: one table a family, one function for all."""

import re
import sys
import zlib
from collections.abc import Collection, Iterable, Mapping
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
        if quantity in values:
            is_shared = True
        values[quantity] = value
    return _told_apart(fields, names) if is_shared else values


def _told_apart(fields: Mapping[str, object], names: Names) -> dict[str, float]:
    """Take the measurements of an object whose fields share keys: each that the table lacks has one of its own."""
    tabled = {name: field for name, field in fields.items() if name in names}
    plain = {
        name: (key, float(field))
        for name, field in fields.items()
        if name not in names
        and isinstance(field, NUMBER)
        and -_LARGEST <= field <= _LARGEST
        and (key := to_key(name)) is not None
    }
    keys = apart(((name, key) for name, (key, _) in plain.items()), {names[name].quantity or "" for name in tabled})
    values = {keys[name]: value for name, (_, value) in plain.items()}
    for name, field in tabled.items():
        values |= to_values({name: field}, names)
    return values


def apart(given: Iterable[tuple[str, str]], taken: Collection[str] = ()) -> dict[str, str]:
    """Give each name a key of its own, so that fields never overwrite each other.

    Where several names have one key, that which is the key, or else the first by its letters, has it; the order of an
    object's fields changes nothing. Others end with their CRC-32.

    Args:
        given: Name and key.
        taken: Keys that none of them may have.
    """
    rows, used = set(given), set(taken)
    keys = dict(rows)
    if len(used.union(keys.values())) == len(used) + len(rows):
        return keys
    for name, key in sorted(rows, key=lambda row: (row[0] != row[1], row)):
        own, salt = key, name
        while own in used:
            own = f"{key[:_LEFT].rstrip('_')}_{checksum(salt)}"
            salt = f"{salt} "
        used.add(own)
        keys[name] = own
    return keys


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
