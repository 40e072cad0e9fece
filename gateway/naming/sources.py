"""What a gateway hears, source by source: the list that a person names devices from. Bounded, and forgotten at the end.

A source is a device as its decoder names it (personal ones under their pseudonym).
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import takewhile
from typing import Final

from city.catalog import QUANTITIES
from city.reading import Reading

_MOST: Final = 10_000
_MOST_QUANTITIES: Final = 100


class State(StrEnum):
    """How a source came to its name."""

    MAPPED = "mapped"
    """`gateway.toml` says something of it, be it that it is personal."""
    NAMED = "named"
    """It, or its link, names the device itself."""
    DISCOVERED = "discovered"
    """Nobody does: the decoder made an id of what it found."""


@dataclass(slots=True)
class Source:
    """One source since the start of the gateway; times in nanoseconds UTC.

    Attributes:
        source: As the decoder names it.
        device: As the city knows it.
        kinds: Under which it was heard.
        state: How it came to its name.
        way: `link:decoder` of its first reading.
        readings: How many.
        first_ns: When the gateway heard it first.
        last_ns: When it heard it last.
        measured_ns: The latest instant that it measured.
        quantities: The decoder's names of what it measures.
    """

    source: str
    device: str
    kinds: set[str]
    state: State
    way: str
    first_ns: int
    readings: int = 0
    last_ns: int = 0
    measured_ns: int = 0
    quantities: set[str] = field(default_factory=set)

    def hear(self, heard: Reading, named: Reading, received_ns: int) -> None:
        """Note a reading: as the decoder made it, and as it is known here."""
        self.kinds.add(named.kind)
        self.readings += 1
        self.last_ns = received_ns
        self.measured_ns = max(self.measured_ns, named.time_ns)
        if not heard.values.keys() <= self.quantities and len(self.quantities) < _MOST_QUANTITIES:
            self.quantities.update(heard.values)

    @property
    def an_hour(self) -> float | None:
        """Readings an hour on average since the first; None while there is only one."""
        spent_ns = self.last_ns - self.first_ns
        return (self.readings - 1) * 3600e9 / spent_ns if spent_ns > 0 else None

    def plain(self) -> dict[str, object]:
        """Give it as `GET /sources` shows it."""
        return {
            "source": self.source,
            "device": self.device,
            "kinds": sorted(self.kinds),
            "state": self.state,
            "way": self.way,
            "readings": self.readings,
            "readings_an_hour": None if self.an_hour is None else round(self.an_hour, 2),
            "first": _rfc3339(self.first_ns),
            "last": _rfc3339(self.last_ns),
            "measured": _rfc3339(self.measured_ns),
            "quantities": sorted(self.quantities),
        }


class Sources:
    """The list; beyond `most` the source that was silent for longest leaves it.

    Args:
        most: Sources that it holds.

    Attributes:
        forgotten: How many left it.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[str, Source] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        """Count them."""
        return len(self._known)

    def find(self, source: str) -> Source | None:
        """Find a source that is heard again; it is the last to be forgotten now."""
        found = self._known.get(source)
        if found is not None:
            self._known.move_to_end(source)
        return found

    def add(self, source: Source) -> Source:
        """Put a source on the list, and give it back."""
        self._known[source.source] = source
        if len(self._known) > self._most:
            self._known.popitem(last=False)
            self.forgotten += 1
        return source

    def heard_since(self, at_ns: int) -> int:
        """Count the sources that were heard since then, nanoseconds UTC."""
        return sum(1 for _ in takewhile(lambda source: source.last_ns >= at_ns, reversed(self._known.values())))

    def all(self) -> list[Source]:
        """Give all, the one heard last first."""
        return list(reversed(self._known.values()))


def snippet(sources: Iterable[Source]) -> str:
    """Write those that nobody named as tables for `gateway.toml`, ready to be edited."""
    tables = [_table(source) for source in sources if source.state is State.DISCOVERED]
    return "\n".join(tables) or "# Nothing was heard that nobody named.\n"


def _table(source: Source) -> str:
    known = sorted(source.quantities & QUANTITIES.keys())
    lines = [
        f"# {source.readings} readings by {source.way}, last {_rfc3339(source.last_ns)}",
        f"# it measures {', '.join(known) or 'nothing that the catalog has'}",
        f'[sources."{source.source}"]',
        f'device = "{source.device}"',
        _kind(sorted(source.kinds)),
    ]
    if unknown := sorted(source.quantities - QUANTITIES.keys()):
        lines.append(f'# [sources."{source.source}".quantities]')
        lines += [f'# {key} = {{ quantity = "...", unit = "..." }}' for key in unknown]
    return "\n".join(lines) + "\n"


def _kind(kinds: list[str]) -> str:
    if len(kinds) == 1:
        return f'kind = "{kinds[0]}"'
    return f"# it is {' and '.join(kinds)}; a kind here would be that of all its readings"


def _rfc3339(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
