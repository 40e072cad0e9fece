"""Any JSON, read by a mapping from the settings (`gateway.decoders.mapping`); the parameter `mapping` names it.

A document is one item or a list of them, and an item becomes one reading, or none if all its values are absent; one in
which none of the mapped keys stands is refused, for its source has renamed them. Numbers that the mapping neither reads
nor ignores are unread. What is neither a number nor absent nor a known state is refused, and with it its item: nothing
is guessed.
"""

import math
from typing import Any, Final, NamedTuple

import msgspec

from city.errors import Malformed, Reason
from city.mapping import PER_SECOND, DatedRow, tell_apart
from city.reading import Reading
from city.wire.direct import Position
from gateway.decoders.decoder import Context, DecodeError, Rest, given_id
from gateway.decoders.json_fields import load_json, number, position
from gateway.decoders.kinds import kind_of
from gateway.decoders.leaves import NOTHING_KNOWN, is_measured, unread
from gateway.decoders.mapping import JsonMapping, Missing, Path, Reader, Time, Tree

MAX_BYTES: Final = 8 * 2**20
"""Of a document; a province's stations in one answer are a few megabytes."""

_MAX_ITEMS: Final = 20_000
_MAX_DIGITS: Final = 6


class _Twice(NamedTuple):
    """A local time that happens twice: the later instant that it may be, and its text."""

    late_ns: int
    text: str


class _Item(NamedTuple):
    """An item, and its reading, which has the earlier instant of a time that happens twice."""

    row: Any
    reading: Reading
    twice: _Twice | None


class _Document:
    """A document, and what was found from its top, which is the same for all items.

    Attributes:
        happens_twice: Set when the time of the present item does.
    """

    def __init__(self, whole: Any) -> None:
        self.happens_twice: _Twice | None = None
        self._whole = whole
        self._found: dict[Path, Any] = {}

    def at(self, row: Any, path: Path) -> Any:
        if not path.from_document:
            return _walk(row, path)
        if path not in self._found:
            self._found[path] = _walk(self._whole, path)
        return self._found[path]


def decode(payload: bytes, context: Context, rest: Rest) -> list[Reading]:
    """Understand a document.

    Raises:
        DecodeError: `no_codec` without a mapping of that name; else what the mapping wants and the first bad item
            lacks. Where there are good ones, the bad ones alone are refused, in a document that is written anew with
            them; the whole of it where that can't be.
    """
    name = context.parameters.get("mapping", "")
    mapping = context.mappings.get(name)
    if mapping is None:
        raise DecodeError(Reason.NO_CODEC, f"there is no mapping {name[:80]!r}")
    whole = load_json(payload, MAX_BYTES)
    items = whole if mapping.each is None else _walk(whole, mapping.each)
    rows = _rows(items)
    document = _Document(whole)
    found: list[_Item] = []
    refused: list[tuple[Any, Malformed]] = []
    for row in rows:
        document.happens_twice = None
        try:
            reading = _reading(document, row, mapping, context)
        except Malformed as error:
            refused.append((row, error))
        else:
            if reading is not None:
                found.append(_Item(row, reading, document.happens_twice))
            _add_unread(row, mapping.of_item, "", rest.unread)
    if whole is not items:
        _add_unread(whole, mapping.of_document, "", rest.unread)
    found, undecided = _tell_apart(found, mapping.time)
    refused += undecided
    if refused:
        told = _summary(refused, len(rows))
        if not found:
            raise told
        rest.refuse(_without(whole, mapping.each, [row for row, _ in refused]) or payload, told)
    return [item.reading for item in found]


def _rows(items: Any) -> list[Any]:
    if items is None:
        raise DecodeError(Reason.MISSING_FIELD, "there is nothing where the list of items should be")
    rows = items if isinstance(items, list) else [items]
    if len(rows) > _MAX_ITEMS:
        raise DecodeError(Reason.TOO_MANY_READINGS, f"{len(rows)} items; at most {_MAX_ITEMS} are allowed")
    return rows


def _summary(refused: list[tuple[Any, Malformed]], items: int) -> DecodeError:
    first = refused[0][1]
    some = f"{len(refused)} of {items} items: " if items > 1 else ""
    return DecodeError(first.reason, f"{some}{first.detail}")


def _tell_apart(found: list[_Item], time: Time | None) -> tuple[list[_Item], list[tuple[Any, Malformed]]]:
    """Date what happens twice by the order of the items; else as the mapping says, or refuse it."""
    if time is None or all(item.twice is None for item in found):
        return found, []
    rows = [
        DatedRow(
            item.reading.device,
            item.reading.values.keys(),
            item.reading.time_ns,
            item.twice.late_ns if item.twice else item.reading.time_ns,
        )
        for item in found
    ]
    told, dated, refused = tell_apart(rows), list[_Item](), list[tuple[Any, Malformed]]()
    for place, item in enumerate(found):
        if item.twice is None:
            dated.append(item)
            continue
        try:
            time_ns = told.get(place)
            if time_ns is None:
                time_ns = time.choose((item.reading.time_ns, item.twice.late_ns), item.twice.text)
        except ValueError as error:
            refused.append((item.row, DecodeError(Reason.BAD_TIME, str(error))))
        else:
            dated.append(item._replace(reading=msgspec.structs.replace(item.reading, time_ns=time_ns)))
    return dated, refused


def _add_unread(thing: Any, read: Tree, path: str, found: list[str]) -> None:
    """Add the paths of the numbers beside those that a tree of paths reads."""
    if isinstance(thing, dict):
        for key, part in thing.items():
            if key in read and not read[key]:
                continue
            here = f"{path}.{key}" if path else key
            if key in read:
                _add_unread(part, read[key], here, found)
            else:
                unread({here: part}, NOTHING_KNOWN, found)
    elif isinstance(thing, list):
        chosen = _chosen(thing, read)
        for part in thing:
            if id(part) not in chosen:
                unread({path: part}, NOTHING_KNOWN, found)
            elif chosen[id(part)]:
                _add_unread(part, chosen[id(part)], path, found)
    elif is_measured(thing):
        unread({path: thing}, NOTHING_KNOWN, found)


def _without(whole: Any, each: Path | None, rows: list[Any]) -> bytes | None:
    """Write the document anew with these items alone; None where they don't stand in a list of their own."""
    if each is None:
        return msgspec.json.encode(rows) if isinstance(whole, list) else None
    parent = whole
    for key in each.keys[:-1]:
        parent = parent.get(key) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        return None
    parent[each.keys[-1]] = rows
    return msgspec.json.encode(whole)


def _reading(document: _Document, row: Any, mapping: JsonMapping, context: Context) -> Reading | None:
    values: dict[str, float] = {}
    missing = mapping.absent
    for reader in mapping.readers:
        found = document.at(row, reader.path)
        if not _absent(found, missing):
            values[reader.quantity] = _value(found, reader)
    if not values:
        if not any(_stands(document, row, reader.path) for reader in mapping.readers):
            raise DecodeError(Reason.MISSING_FIELD, "an item has none of the mapped keys")
        return None
    lat, lon = _position(document, row, mapping) or (None, None)
    kind = mapping.kind or kind_of(context, values)
    return Reading(
        _device(document, row, mapping, context), kind, _time_ns(document, row, mapping, context), values, lat, lon
    )


def _chosen(items: list[Any], read: Tree) -> dict[int, Tree]:
    """Tell which items of a list a tree's paths lead to, by identity, and what is read below each."""
    chosen: dict[int, Tree] = {}
    for key, below in read.items():
        name, equals, _ = key.partition("=")
        known: Tree = {name: {}} if equals else {}
        chosen[id(_step(items, key))] = known | below if below else {}
    return chosen


def _stands(document: _Document, row: Any, path: Path) -> bool:
    """Whether something stands where a path leads, be it null."""
    parent = document.at(row, Path(path.keys[:-1], path.from_document))
    return path.keys[-1] in parent if isinstance(parent, dict) else _step(parent, path.keys[-1]) is not None


def _walk(thing: Any, path: Path) -> Any:
    for key in path.keys:
        thing = _step(thing, key)
    return thing


def _step(thing: object, key: str) -> object:
    if isinstance(thing, dict):
        return thing.get(key)
    if not isinstance(thing, list):
        return None
    if key.isascii() and key.isdigit() and len(key) <= _MAX_DIGITS:
        return thing[int(key)] if int(key) < len(thing) else None
    name, equals, wanted = key.partition("=")
    if not equals:
        return None
    return next((item for item in thing if isinstance(item, dict) and str(item.get(name)) == wanted), None)


def _absent(found: object, missing: Missing) -> bool:
    if found is None:
        return True
    if isinstance(found, str) and found.strip() in missing.texts:
        return True
    return bool(missing.numbers) and not isinstance(found, bool) and number(found) in missing.numbers


def _value(found: object, reader: Reader) -> float:
    state = reader.states.get(found.strip()) if isinstance(found, str) else None
    if state is not None:
        return state
    value = number(found)
    if value is None:
        raise DecodeError(Reason.WRONG_TYPE, f"{reader.quantity} is {str(found)[:80]!r}, which is no number")
    value = reader.convert(value)
    if not math.isfinite(value):
        raise DecodeError(Reason.NOT_FINITE, f"{reader.quantity} is {str(found)[:80]}, which is beyond all numbers")
    return value


def _device(document: _Document, row: Any, mapping: JsonMapping, context: Context) -> str:
    if mapping.device is not None:
        name = document.at(row, mapping.device)
        if _absent(name, mapping.absent):
            raise DecodeError(Reason.MISSING_FIELD, "an item with values has no device")
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise DecodeError(Reason.BAD_DEVICE, f"the device is {str(name)[:80]!r}, neither a text nor a number")
        prefix = f"{context.parameters['mapping']}-" if mapping.device_prefix is None else mapping.device_prefix
        return context.ids(str(name), prefix)
    if mapping.device_fixed is not None:
        return mapping.device_fixed
    device = given_id(context)
    if device is None:
        raise DecodeError(Reason.MISSING_FIELD, "neither the mapping nor the input names the device")
    return device


def _time_ns(document: _Document, row: Any, mapping: JsonMapping, context: Context) -> int:
    time = mapping.time
    if time is None:
        return context.received_ns
    parts = [document.at(row, path) for path in time.path]
    if any(_absent(part, mapping.absent) or isinstance(part, dict | list) for part in parts):
        raise DecodeError(Reason.BAD_TIME, "an item with values has no time")
    try:
        if time.format not in PER_SECOND:
            text = " ".join(str(part).strip() for part in parts)
            early_ns, late_ns = time.candidates(text)
            if early_ns != late_ns:
                document.happens_twice = _Twice(late_ns, text)
            return early_ns
        unix = parts[0] if type(parts[0]) is int else number(parts[0])
        if unix is None:
            raise DecodeError(Reason.BAD_TIME, f"the time is {str(parts[0])[:80]!r}, not a number")
        return time.from_number(unix)
    except ValueError as error:
        raise DecodeError(Reason.BAD_TIME, str(error)) from None


def _position(document: _Document, row: Any, mapping: JsonMapping) -> Position | None:
    if mapping.lat is None or mapping.lon is None:
        return None
    lat, lon = document.at(row, mapping.lat), document.at(row, mapping.lon)
    missing = mapping.absent
    return position(None if _absent(lat, missing) else lat, None if _absent(lon, missing) else lon)
