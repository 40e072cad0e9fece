"""Names applied to readings, after the decoder and before the last check. Pure: no file, no clock."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from city.errors import Malformed
from city.reading import Reading
from city.units import convert
from gateway.decoders import Context, Origin
from gateway.decoders.mapping import JsonMapping
from gateway.naming.pseudonyms import Pseudonyms

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Rename(NamedTuple):
    """A quantity's name in the catalog, and the units to turn it from and to; equal where it stays as it is."""

    quantity: str
    given: str = "1"
    wanted: str = "1"


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


class Naming:
    """All rules of one gateway.

    Args:
        devices: A decoder's id (`eui-...`, `imei-...`) to what is said of it.
        ways: Patterns of ways with what is said of all that comes so; the first that matches counts, and only for
            devices that `devices` lacks. A way is the MQTT topic, or `link/decoder` where there is none.
        mappings: Name to mapping of foreign JSON.
        pseudonyms: Hides personal ids.

    Attributes:
        mark: Names the key of the pseudonyms; empty without.
    """

    def __init__(
        self,
        devices: Mapping[str, Rule] = MappingProxyType({}),
        ways: tuple[tuple[re.Pattern[str], Rule], ...] = (),
        mappings: Mapping[str, JsonMapping] = MappingProxyType({}),
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._devices = devices
        self._ways = ways
        self.mappings = mappings
        self._pseudonyms = pseudonyms
        self._codecs = {device: rule.codec for device, rule in devices.items() if rule.codec is not None}
        self._way = lru_cache(maxsize=4096)(self._find_way)
        self.mark = "" if pseudonyms is None else pseudonyms.mark

    def context(self, came: Origin, received_ns: int) -> Context:
        """What the decoder is told; nanoseconds UTC."""
        way = self.way(came)
        return Context(
            received_ns,
            came.parameters.get("device"),
            came.parameters.get("kind"),
            came.parameters,
            self._codecs if way is None or way.codec is None else Codecs(self._codecs, way.codec),
            self.mappings,
        )

    def way(self, came: Origin) -> Rule | None:
        """What is said of all that comes this way."""
        if not self._ways:
            return None
        # elsewhere whoever sends could call himself by any topic
        topic = came.parameters.get("topic") if came.link == "mqtt" else None
        return self._way(topic or f"{came.link}/{came.decoder}")

    def rule(self, device: str, way: Rule | None) -> Rule | None:
        """What is said of a device of a decoder; None: nothing."""
        return self._devices.get(device, way)

    def shown(self, device: str) -> str:
        """A decoder's id as it may be shown: under its pseudonym if it has one."""
        return device if self._pseudonyms is None else self._pseudonyms.device(device)

    def name(self, reading: Reading, rule: Rule | None) -> Reading | None:
        """Name a reading as its rule says; None if nothing of it is kept.

        Raises:
            Malformed: A value doesn't fit its unit.
        """
        if rule is not None:
            values, flags = _renamed(reading, rule)
            if not values:
                return None
            lat, lon = rule.position or (reading.lat, reading.lon)
            device, kind = rule.device or reading.device, rule.kind or reading.kind
            reading = Reading(device, kind, reading.time_ns, values, lat, lon, flags)
        return reading if self._pseudonyms is None else self._pseudonyms.hide(reading)

    def _find_way(self, way: str) -> Rule | None:
        return next((rule for pattern, rule in self._ways if pattern.fullmatch(way)), None)


def _renamed(reading: Reading, rule: Rule) -> tuple[dict[str, float], dict[str, int]]:
    if not rule.renames and not rule.drop and rule.rest:
        return reading.values, reading.flags
    values: dict[str, float] = {}
    flags: dict[str, int] = {}
    # what is renamed comes last, so that it wins over a quantity that had the name already
    for key in sorted(reading.values, key=rule.renames.__contains__):
        rename = rule.renames.get(key)
        if key in rule.drop or (rename is None and not rule.rest):
            continue
        name, value = key, reading.values[key]
        if rename is not None:
            name, value = rename.quantity, convert(value, rename.given, rename.wanted)
        values[name] = value
        flags.pop(name, None)
        if key in reading.flags:
            flags[name] = reading.flags[key]
    return values, flags


def pattern(text: str) -> re.Pattern[str]:
    """Read an MQTT topic filter, or `link/decoder` likewise.

    Raises:
        ValueError: It is none.
    """
    levels = text.split("/")
    if "#" in levels[:-1] or any(len(level) > 1 and ("+" in level or "#" in level) for level in levels):
        raise ValueError("+ and # stand for whole levels, and # is the last")
    spelled = "/".join({"+": "[^/]*", "#": ".*"}.get(level) or re.escape(level) for level in levels)
    return re.compile(spelled.replace("/.*", "(?:/.*)?") if levels[-1] == "#" else spelled, re.DOTALL)


def fits(given: str, wanted: str) -> str:
    """Say why a unit can't be turned into another; empty if it can."""
    try:
        convert(1.0, given, wanted)
    except Malformed as error:
        return error.detail
    return ""
