"""From points of line protocol to readings."""

from collections.abc import Iterator
from pathlib import Path

from city.reading import FIRST_NS, LAST_NS, Reading
from simulators.replay.line_protocol import BadPoint, Point, Value, points
from simulators.replay.mapping import Mapping, Points
from simulators.replay.table import Names
from simulators.replay.tally import BadFile, Tally


class _Reader:
    """Reads the points of one measurement."""

    def __init__(self, rule: Points, device: str | None) -> None:
        self._rule = rule
        self._names = Names(rule.device, device)
        self._tag = None if device else rule.device.tag

    def read(self, point: Point, *, others: bool) -> Reading | None:
        """Give the point's reading, or None if it has no mapped value.

        Raises:
            ValueError: The point doesn't fit the mapping.
        """
        values: dict[str, float] = {}
        for name, value in point.fields.items():
            column = self._rule.fields.get(name)
            if column is not None:
                values[column.quantity] = column.convert(_number(name, value))
            elif not others:
                raise ValueError(f"the mapping has no field {name!r}")
        if self._tag is not None and self._tag not in point.tags:
            raise ValueError(f"there is no tag {self._tag!r} to name the device")
        device = self._names.of(point.tags[self._tag] if self._tag else "")
        if point.time_ns is None:
            raise ValueError("there is no timestamp")
        if not FIRST_NS <= point.time_ns < LAST_NS:
            raise ValueError(f"the timestamp {point.time_ns} is outside 2000 to 2100")
        return Reading(device, self._rule.kind, point.time_ns, values) if values else None


def point_readings(path: Path, mapping: Mapping, tally: Tally, device: str | None = None) -> Iterator[Reading]:
    """Read a file of line protocol.

    Raises:
        BadFile: A line is bad and bad lines are to stop, or the file is not UTF-8.
    """
    readers = {rule.measurement: _Reader(rule, device) for rule in mapping.points}
    others = mapping.others == "ignore"
    try:
        # no translation of line ends: a string value may hold them
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line, point in points(lines, mapping.precision):
                tally.rows += 1
                if isinstance(point, BadPoint):
                    tally.refuse(line, point.why)
                    continue
                reader = readers.get(point.measurement)
                if reader is None:
                    if not others:
                        tally.refuse(line, f"the mapping has no measurement {point.measurement!r}")
                    continue
                try:
                    reading = reader.read(point, others=others)
                except ValueError as error:
                    tally.refuse(line, str(error))
                    continue
                if reading is None:
                    tally.gaps += 1
                else:
                    yield reading
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: {error}") from None


def _number(name: str, value: Value) -> float:
    if isinstance(value, str):
        raise ValueError(f"the field {name!r} is text, not a number: {value[:40]!r}")  # noqa: TRY004 - about data, not code
    return float(value)
