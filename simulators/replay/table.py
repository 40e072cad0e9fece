"""From rows of a table, CSV or JSON, to readings."""

import math
import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Map
from typing import Final

import msgspec

from city.errors import Malformed
from city.mapping import PER_SECOND, DatedRow, tell_apart
from city.reading import Reading, checked_id
from simulators.replay.mapping import DeviceFrom, Mapping, Time
from simulators.replay.tally import BadFile, Tally

Row = tuple[int, Map[str, str]]
"""The line, counted from 1, and the row's cells as text."""

_Read = Callable[[Map[str, str]], tuple[list[Reading], int]]
"""Reads a row; gives the later instant that its time may be as well."""

MAX_HELD: Final = 100_000
"""Readings held back for the order to be seen."""

_POINT: Final = re.compile(r"\s*POINT\s*\(\s*(\S+)\s+(\S+?)\s*\)\s*", re.IGNORECASE)
_NOT_IN_IDS: Final = re.compile(r"[^a-z0-9._-]+")


class Names:
    """Makes device ids of a recording's own names, and never one id of two names."""

    def __init__(self, device: DeviceFrom, fixed: str | None) -> None:
        self._prefix = device.prefix
        self._fixed = fixed or device.name
        self._known: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Give the id: lower case, with a hyphen for what an id can't hold; `San Francisco` is `san-francisco`.

        Raises:
            ValueError: Nothing is left of it, or another name has this id already.
        """
        if self._fixed is not None:
            return self._fixed
        known = self._known.get(name)
        if known is not None:
            return known
        try:
            made = checked_id(self._prefix + _NOT_IN_IDS.sub("-", name.strip().lower()).strip("-"))
        except Malformed as error:
            raise ValueError(error.detail) from None
        if made == self._prefix:
            raise ValueError(f"no device id can be made of {name!r}")
        other = self._taken.setdefault(made, name)
        if other != name:
            raise ValueError(f"{name!r} and {other!r} would both become the device {made}")
        self._known[name] = made
        return made


def readings(rows: Iterator[Row], mapping: Mapping, tally: Tally, device: str | None = None) -> Iterator[Reading]:
    """Read a table's rows.

    Args:
        rows: The rows.
        mapping: Says what they mean.
        tally: Counts rows, gaps and bad lines.
        device: A device id that stands in for the mapping's.

    Raises:
        BadFile: A line is bad and bad lines are to stop.
    """
    read = _wide(mapping, tally) if mapping.gauges else _long(mapping, tally, device)
    held = _Held(mapping, tally)
    for line, cells in rows:
        tally.rows += 1
        try:
            found, late_ns = read(cells)
        except KeyError as error:
            tally.refuse(line, f"there is no column {error.args[0]!r}")
        except ValueError as error:
            tally.refuse(line, str(error))
        else:
            yield from held.add(line, found, late_ns, cells)
    yield from held.release()


class _Held:
    """Holds rows back from the first one on whose local time happens twice, until the order of the others tells."""

    def __init__(self, mapping: Mapping, tally: Tally) -> None:
        self._time = mapping.time
        self._tally = tally
        self._rows: list[tuple[int, Reading, int, str]] = []
        self._before: dict[str, DatedRow] = {}

    def add(self, line: int, found: list[Reading], late_ns: int, cells: Map[str, str]) -> Iterator[Reading]:
        """Take a row's readings, dated with the earlier instant; give what can be given."""
        time = self._time
        if time is None or not time.zone:
            yield from found
            return
        if not self._rows and all(one.time_ns == late_ns for one in found):
            for one in found:
                self._before[one.device] = DatedRow(one.device, one.values.keys(), late_ns, late_ns)
            yield from found
            return
        self._rows += [(line, one, late_ns, cells[time.column]) for one in found]
        if len(self._rows) >= MAX_HELD:
            yield from self.release()

    def release(self) -> Iterator[Reading]:
        """Give what is held; what no order tells is dated as the mapping says, or refused."""
        before = list(self._before.values())
        order = [DatedRow(one.device, one.values.keys(), one.time_ns, late) for _, one, late, _ in self._rows]
        told = tell_apart([*before, *order]) if self._rows else {}
        rows, self._rows, self._before = self._rows, [], {}
        for place, (line, one, late_ns, text) in enumerate(rows, len(before)):
            time_ns = told.get(place)
            try:
                if time_ns is None:
                    time_ns = self._time.choose((one.time_ns, late_ns), text) if self._time else one.time_ns
            except ValueError as error:
                self._tally.refuse(line, str(error))
            else:
                yield msgspec.structs.replace(one, time_ns=time_ns)


def _long(mapping: Mapping, tally: Tally, device: str | None) -> _Read:
    if mapping.time is None or mapping.device is None or mapping.kind is None:
        raise BadFile("a table's mapping has time, device and kind")  # its check holds it
    names, time, kind = Names(mapping.device, device), mapping.time, mapping.kind
    source = None if device else mapping.device.column
    missing, absent = frozenset(mapping.missing), mapping.absent_columns == "allow"

    def read(cells: Map[str, str]) -> tuple[list[Reading], int]:
        values = dict(mapping.constants)
        for name, column in mapping.columns.items():
            text = cells.get(name, "") if absent else cells[name]
            if text in missing or (absent and not text):
                continue
            raw = number(text, name)
            if raw not in missing:
                values[column.quantity] = column.convert(raw)
        who = names.of(cells[source] if source else "")
        time_ns, late_ns = _instants(cells[time.column], time)
        lat, lon = _position(cells, mapping)
        if not values:
            tally.gaps += 1
            return [], late_ns
        return [Reading(who, kind, time_ns, values, lat, lon)], late_ns

    return read


def _wide(mapping: Mapping, tally: Tally) -> _Read:
    if mapping.time is None or mapping.kind is None:
        raise BadFile("a table's mapping has time and kind")  # its check holds it
    time, kind, missing = mapping.time, mapping.kind, frozenset(mapping.missing)

    def read(cells: Map[str, str]) -> tuple[list[Reading], int]:
        time_ns, late_ns = _instants(cells[time.column], time)
        found = [
            Reading(gauge.device, kind, time_ns, {gauge.quantity: gauge.convert(raw)})
            for name, gauge in mapping.gauges.items()
            if cells[name] not in missing and (raw := number(cells[name], name)) not in missing
        ]
        tally.gaps += len(mapping.gauges) - len(found)
        return found, late_ns

    return read


def ascii_digits(text: str) -> str:
    """Give the text back for `int` and `float`, which would also take `1_000` and the digits of other scripts.

    Raises:
        ValueError: It has such signs.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text[:80]!r} is no number")
    return text


def _instants(text: str, time: Time) -> tuple[int, int]:
    if time.format not in PER_SECOND:
        return time.candidates(text)
    time_ns = time.from_number(int(ascii_digits(text)))
    return time_ns, time_ns


def number(text: str, name: str) -> float:
    """Read a finite number, `true` or `false`.

    Raises:
        ValueError: It is none; the sentence names the column.
    """
    lowered = text.strip().lower()
    if lowered in {"true", "false"}:
        return float(lowered == "true")
    try:
        value = float(ascii_digits(text))
    except ValueError:
        raise ValueError(f"column {name!r}: {text[:80]!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"column {name!r}: {text!r} is not finite")
    return value


def _position(cells: Map[str, str], mapping: Mapping) -> tuple[float, float] | tuple[None, None]:
    where = mapping.position
    if where is None:
        return None, None
    if where.wkt is not None:
        match = _POINT.fullmatch(cells[where.wkt])
        if match is None:
            raise ValueError(f"column {where.wkt!r}: {cells[where.wkt][:80]!r} is no POINT(lon lat)")
        texts = match[2], match[1]
    else:
        texts = cells[where.lat or ""], cells[where.lon or ""]
        if all(text in mapping.missing for text in texts):
            return None, None
    lat, lon = number(texts[0], "latitude"), number(texts[1], "longitude")
    if abs(lat) > 90 or abs(lon) > 180:
        raise ValueError(f"{lat}, {lon} is not on the globe")
    return (lat, lon) if lat or lon else (None, None)
