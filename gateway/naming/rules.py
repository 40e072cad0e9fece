"""What a city says of a source: its device, kind, place, and the names of its quantities. Pure: no file, no clock."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from city.errors import Malformed
from city.reading import Reading
from city.units import convert


class Rename(NamedTuple):
    """A quantity's name in the catalog, and the units to turn it from and to; equal where it stays as it is."""

    quantity: str
    from_unit: str = "1"
    to_unit: str = "1"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is said of one source.

    Attributes:
        device: Its id in the city; None: as the decoder names it.
        kind: Its kind; None: the decoder's.
        codec: Device codec for network servers that send only bytes.
        position: Degrees north and east of what stands still; it replaces any that came.
        renames: The decoder's quantity to the city's.
        drop: Quantities of the decoder that are left out.
        rest: Whether quantities that `renames` lacks are kept.
    """

    device: str | None = None
    kind: str | None = None
    codec: str | None = None
    position: tuple[float, float] | None = None
    renames: Mapping[str, Rename] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    rest: bool = True

    def apply(self, reading: Reading) -> Reading | None:
        """Name a reading; None if nothing of it is kept.

        Raises:
            Malformed: A value doesn't fit its unit.
        """
        values, flags = self._renamed(reading)
        if not values:
            return None
        lat, lon = self.position or (reading.lat, reading.lon)
        device, kind = self.device or reading.device, self.kind or reading.kind
        return Reading(device, kind, reading.time_ns, values, lat, lon, flags)

    def _renamed(self, reading: Reading) -> tuple[dict[str, float], dict[str, int]]:
        if not self.renames and not self.drop and self.rest:
            return reading.values, reading.flags
        values: dict[str, float] = {}
        flags: dict[str, int] = {}
        # what is renamed comes last, so that it wins over a quantity that had the name already
        for key in sorted(reading.values, key=self.renames.__contains__):
            rename = self.renames.get(key)
            if key in self.drop or (rename is None and not self.rest):
                continue
            name, value = key, reading.values[key]
            if rename is not None:
                name, value = rename.quantity, convert(value, rename.from_unit, rename.to_unit)
            values[name] = value
            flags.pop(name, None)
            if key in reading.flags:
                flags[name] = reading.flags[key]
        return values, flags


class Codecs(Mapping[str, str]):
    """Foreign id to codec; `others` for all that the table lacks."""

    def __init__(self, known: Mapping[str, str], others: str) -> None:
        self._known = known
        self._others = others

    def __getitem__(self, device: str) -> str:
        return self._known.get(device, self._others)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def pattern(text: str) -> re.Pattern[str]:
    """Read an MQTT topic filter, or `input/decoder` likewise.

    Raises:
        ValueError: It is none.
    """
    levels = text.split("/")
    if "#" in levels[:-1] or any(len(level) > 1 and ("+" in level or "#" in level) for level in levels):
        raise ValueError("+ and # stand for whole levels, and # is the last")
    spelled = "/".join({"+": "[^/]*", "#": ".*"}.get(level) or re.escape(level) for level in levels)
    return re.compile(spelled.replace("/.*", "(?:/.*)?") if levels[-1] == "#" else spelled, re.DOTALL)


def unit_mismatch(from_unit: str, to_unit: str) -> str:
    """Say why a unit can't be turned into another; empty if it can."""
    try:
        convert(1.0, from_unit, to_unit)
    except Malformed as error:
        return error.detail
    return ""
