"""The sources that a gateway saw: the list that a person names devices from. Bounded, and forgotten at the end.

A source is a device as its decoder names it (personal ones under their pseudonym).
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import takewhile
from typing import Final

from city.catalog import QUANTITIES, SENSOR
from city.reading import Reading

MAX_SOURCES: Final = 10_000
_MAX_QUANTITIES: Final = 100
_MAX_UNREAD: Final = 100
"""Paths that are counted by name; those of a source that makes up new ones are counted together."""

_MAX_SETS: Final = 20
"""Sets of unread paths whose bytes are kept in an hour."""

_OTHERS: Final = "..."
_HOUR_NS: Final = 3600 * 10**9


class SourceState(StrEnum):
    """How a source came to its name."""

    MAPPED = "mapped"
    """`gateway.toml` says something of it, be it that it is personal."""
    NAMED = "named"
    """It, or its input, names the device itself."""
    DISCOVERED = "discovered"
    """The decoder made an id of what it found."""


@dataclass(slots=True)
class Source:
    """One source since the start of the gateway; times in nanoseconds UTC.

    Attributes:
        id: As the decoder names it.
        device: As the city knows it.
        kinds: Of its readings.
        state: How it came to its name.
        origin: `input:decoder` of its first reading.
        readings: How many.
        first_ns: When the gateway got its first reading.
        last_ns: When it got the last one.
        measured_ns: The latest instant that it measured.
        quantities: The decoder's names of what it measures.
        unread: Paths of numbers in its payloads that nothing reads, to how many payloads had them.
        unread_sets: Those that one payload had, to the hour in which its bytes were kept.
    """

    id: str
    device: str
    kinds: set[str]
    state: SourceState
    origin: str
    first_ns: int
    readings: int = 0
    last_ns: int = 0
    measured_ns: int = 0
    quantities: set[str] = field(default_factory=set)
    unread: dict[str, int] = field(default_factory=dict)
    unread_sets: dict[frozenset[str], int] = field(default_factory=dict)

    def note(self, decoded: Reading, named: Reading, received_ns: int) -> None:
        """Note a reading: as the decoder made it, and as it is known here."""
        self.kinds.add(named.kind)
        self.readings += 1
        self.last_ns = received_ns
        self.measured_ns = max(self.measured_ns, named.time_ns)
        if not decoded.values.keys() <= self.quantities and len(self.quantities) < _MAX_QUANTITIES:
            self.quantities.update(decoded.values)

    def note_unread(self, paths: frozenset[str], received_ns: int) -> bool:
        """Count what nothing reads of a payload; True the first time that this hour brings this set of paths."""
        for path in paths:
            known = path in self.unread or len(self.unread) < _MAX_UNREAD
            name = path if known else _OTHERS
            self.unread[name] = self.unread.get(name, 0) + 1
        hour = received_ns // _HOUR_NS
        if self.unread_sets.get(paths) == hour:
            return False
        if paths not in self.unread_sets and len(self.unread_sets) >= _MAX_SETS:
            self.unread_sets = {one: at for one, at in self.unread_sets.items() if at == hour}
            if len(self.unread_sets) >= _MAX_SETS:
                return False
        self.unread_sets[paths] = hour
        return True

    @property
    def an_hour(self) -> float | None:
        """Readings an hour on average since the first; None while there is only one."""
        spent_ns = self.last_ns - self.first_ns
        return (self.readings - 1) * 3600e9 / spent_ns if spent_ns > 0 else None

    def plain(self) -> dict[str, object]:
        """Give it as `GET /sources` shows it."""
        return {
            "source": self.id,
            "device": self.device,
            "kinds": sorted(self.kinds),
            "state": self.state,
            "origin": self.origin,
            "readings": self.readings,
            "readings_an_hour": None if self.an_hour is None else round(self.an_hour, 2),
            "first": _rfc3339(self.first_ns),
            "last": _rfc3339(self.last_ns),
            "measured": _rfc3339(self.measured_ns),
            "quantities": sorted(self.quantities),
            "unread": dict(sorted(self.unread.items())),
        }


class Sources:
    """The list; beyond `max_sources` the source that was silent for longest leaves it.

    Args:
        max_sources: Sources that it holds.

    Attributes:
        forgotten: How many left it.
    """

    def __init__(self, max_sources: int = MAX_SOURCES) -> None:
        self._max = max_sources
        self._known: OrderedDict[str, Source] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        """Sources that it holds."""
        return len(self._known)

    def find(self, source_id: str) -> Source | None:
        """Find a source that is seen again; it is the last to be forgotten now."""
        found = self._known.get(source_id)
        if found is not None:
            self._known.move_to_end(source_id)
        return found

    def add(self, source: Source) -> Source:
        """Put a source on the list, and give it back."""
        self._known[source.id] = source
        if len(self._known) > self._max:
            self._known.popitem(last=False)
            self.forgotten += 1
        return source

    def seen_since(self, at_ns: int) -> int:
        """Count the sources that were seen since then, nanoseconds UTC."""
        return sum(1 for _ in takewhile(lambda source: source.last_ns >= at_ns, reversed(self._known.values())))

    def all(self) -> list[Source]:
        """Give all, the one seen last first."""
        return list(reversed(self._known.values()))


def snippet(sources: Iterable[Source]) -> str:
    """Write those without a name as tables for `gateway.toml`, ready to be edited."""
    tables = [_table(source) for source in sources if source.state is SourceState.DISCOVERED]
    return "\n".join(tables) or "# No source is without a name.\n"


def _table(source: Source) -> str:
    known = sorted(source.quantities & QUANTITIES.keys())
    lines = [
        f"# {source.readings} readings by {source.origin}, last {_rfc3339(source.last_ns)}",
        f"# it measures {', '.join(known) or 'nothing that the catalog has'}",
        f'[sources."{source.id}"]',
        f'device = "{source.device}"',
        _kind(sorted(source.kinds)),
    ]
    if unknown := sorted(source.quantities - QUANTITIES.keys()):
        lines.append(f'# [sources."{source.id}".quantities]')
        lines += [f'# {key} = {{ quantity = "...", unit = "..." }}' for key in unknown]
    return "\n".join(lines) + "\n"


def _kind(kinds: list[str]) -> str:
    if kinds == [SENSOR]:
        return '# kind = "...": nothing tells it yet'
    if len(kinds) == 1:
        return f'kind = "{kinds[0]}"'
    return f"# it is {' and '.join(kinds)}; a kind here would be that of all its readings"


def _rfc3339(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
