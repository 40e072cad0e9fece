"""The folder link: CSV files that others drop are read, and moved to `done/` or `failed/`; none is ever deleted.

```toml
[[link.folder]]
name = "waterworks"
path = "drop/waterworks"                    # relative: from the data folder
parameters = { mapping = "waterworks" }     # [mappings.waterworks] names columns where it names paths elsewhere
```

A file is read once it has stood still for `settle_s`; names that begin with a dot or end in `.tmp` or `.part` are not
looked at, so a writer may rename when it is done. Good lines are stored. A bad line goes to quarantine with its number,
and the file to `done/` with a report beside it. A file goes to `failed/`, with the reason beside it, when no reading
came of it or when more than `most_bad` of its lines are bad: what was good before that is stored.

A gateway that dies in the middle reads the file again from its beginning; what was stored already is the same value
once more.
"""

import asyncio
import os
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from pydantic import Field, field_validator

from city.errors import ConfigurationError, Malformed
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders.origin import Origin
from gateway.links import Accept, Understand
from gateway.links.counters import LinkCounters
from gateway.links.csv_lines import CsvLines, Encoding, Row
from gateway.links.custody import hand_over
from gateway.links.table import Id, Seconds, Table

_CHUNK: Final = 500
"""Lines that are handed over at once."""

_MOST_NAMED: Final = 20
"""Bad lines that a report names."""

_UNFINISHED: Final = (".tmp", ".part")


class FolderTable(Table):
    """One `[[link.folder]]`.

    Attributes:
        name: Name of the link.
        path: The folder; relative: from the data folder. It is made if it is missing.
        pattern: Names of the files, with `*` and `?`.
        decoder: Who reads the rows, each as a JSON object of column to text.
        parameters: What it is told: `mapping`, `device`, `kind`.
        columns: Names of the columns; empty: the first line has them.
        separator: Stands between cells.
        encoding: Of the text.
        interval_s: Seconds between two looks.
        settle_s: Seconds for which a file must not change before it is read.
        most_bad: Bad lines after which a file is given up.
    """

    name: Id
    path: str = Field(min_length=1)
    pattern: str = "*.csv"
    decoder: str = "mapped"
    parameters: dict[str, str] = Field(default_factory=dict)
    columns: tuple[str, ...] = ()
    separator: str = Field(",", min_length=1, max_length=1)
    encoding: Encoding = "utf-8"
    interval_s: Seconds = 5.0
    settle_s: float = Field(5.0, ge=0, le=3600)
    most_bad: int = Field(1_000, ge=0, le=100_000)

    @field_validator("pattern")
    @classmethod
    def _name_only(cls, value: str) -> str:
        if "/" in value:
            raise ValueError("a pattern is of names, without /")
        return value


class _State(NamedTuple):
    """What must not change: inode, size in bytes, time of change in nanoseconds."""

    inode: int
    size: int
    changed_ns: int


class _Tally:
    """What became of one file."""

    def __init__(self) -> None:
        self.rows = 0
        self.readings = 0
        self.bad = 0
        self.named: list[str] = []

    def note(self, row: Row, detail: str) -> None:
        """Count a bad line, and name it if it is among the first."""
        self.bad += 1
        if len(self.named) < _MOST_NAMED:
            self.named.append(f"line {row.line}: {detail}")


class _GivenUpError(Exception):
    """A file goes to `failed/`; the sentence says why."""


class FolderLink:
    """Watches one folder, by looking: notifications miss what arrives over a network file system.

    Args:
        accept: Takes custody.
        understand: Decodes.
        table: Its settings.
        data: Folder that a relative path begins in.
        counters: Of this link.

    Raises:
        ConfigurationError: The folder can't be made.
    """

    def __init__(
        self, accept: Accept, understand: Understand, table: FolderTable, data: Path, counters: LinkCounters
    ) -> None:
        self._accept = accept
        self._understand = understand
        self._table = table
        self._folder = data / table.path
        self._counters = counters
        self._seen: dict[str, tuple[_State, float]] = {}
        self._stuck: dict[str, _State] = {}
        try:
            for folder in (self._folder, self._folder / "done", self._folder / "failed"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"link.folder {table.name!r}: {self._folder}: {error.strerror}") from None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                for name, state in await asyncio.to_thread(self._settled):
                    await self._read(name, state)
            except OSError as error:
                self._counters.fail("folder", detail=str(error))
            await asyncio.sleep(self._table.interval_s)

    def _settled(self) -> list[tuple[str, _State]]:
        """Give the files that stood still, oldest first."""
        now_s = time.monotonic()
        found: dict[str, tuple[_State, float]] = {}
        names = set()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                names.add(entry.name)
                unfinished = entry.name.startswith(".") or entry.name.endswith(_UNFINISHED)
                if unfinished or not fnmatch(entry.name, self._table.pattern) or not entry.is_file():
                    continue
                state = _state(self._folder / entry.name)
                before = self._seen.get(entry.name)
                if state is not None and state != self._stuck.get(entry.name):
                    found[entry.name] = before if before is not None and before[0] == state else (state, now_s)
        self._seen = found
        self._stuck = {name: state for name, state in self._stuck.items() if name in names}
        ready = [(name, state) for name, (state, since_s) in found.items() if now_s - since_s >= self._table.settle_s]
        return sorted(ready, key=lambda each: (each[1].changed_ns, each[0]))

    async def _read(self, name: str, state: _State) -> None:
        tally = _Tally()
        try:
            await self._hand_over_all(name, tally)
            verdict, note = "done", self._report(tally)
        except _GivenUpError as error:
            verdict, note = "failed", f"{error}\n{self._report(tally)}"
            self._counters.fail("file", file=name, detail=str(error))
        except OSError as error:
            self._stuck[name] = state
            self._counters.fail("unreadable", file=name, detail=str(error))
            return
        if await asyncio.to_thread(_state, self._folder / name) != state:
            return  # it was still being written: it is read again when it stands still
        try:
            await asyncio.to_thread(self._move, name, verdict, note)
        except OSError as error:
            # it stays, and is not read again before it changes or the gateway starts again
            self._stuck[name] = state
            self._counters.fail("move", file=name, detail=str(error))

    async def _hand_over_all(self, name: str, tally: _Tally) -> None:
        """Hand over a file, chunk by chunk.

        Raises:
            _GivenUpError: It can't be read, or not enough of it.
        """
        table = self._table
        try:
            lines = await asyncio.to_thread(
                CsvLines, self._folder / name, table.columns, table.separator, table.encoding
            )
        except Malformed as error:
            raise _GivenUpError(f"line 1: {error.detail}") from None
        with lines:
            while rows := await asyncio.to_thread(lines.take, _CHUNK):
                readings, undecoded = self._meaning(name, rows, tally)
                await hand_over(self._accept, readings, undecoded, self._counters)
                tally.rows += len(rows)
                tally.readings += len(readings)
                if tally.bad > table.most_bad:
                    raise _GivenUpError(f"more than {table.most_bad} lines are bad")
        if not tally.readings:
            raise _GivenUpError(f"no reading came of its {tally.rows} lines")

    def _meaning(self, name: str, rows: list[Row], tally: _Tally) -> tuple[list[Reading], list[Undecoded]]:
        now_ns = time.time_ns()
        readings, undecoded = [], []
        for row in rows:
            if row.error is not None:
                origin = self._origin(name, row.line)
                sentence = f"{name}, line {row.line}: {row.error.detail}"
                undecoded.append(Undecoded(str(origin), row.raw, now_ns, str(row.error.reason), sentence))
                tally.note(row, row.error.detail)
        whole = [row for row in rows if row.error is None]
        parts = [whole] if whole else []
        while parts:
            part = parts.pop()
            payload = msgspec.json.encode([row.cells for row in part] if len(part) > 1 else part[0].cells)
            some, refused = self._understand(self._origin(name, part[0].line), payload, now_ns)
            readings += some
            if refused and len(part) > 1:
                # one bad row refuses all: halve until it stands alone
                parts += [part[len(part) // 2 :], part[: len(part) // 2]]
            for item in refused if len(part) == 1 else ():
                tally.note(part[0], item.detail)
                item.detail = f"{name}, line {part[0].line}: {item.detail}"
                undecoded.append(item)
        return readings, undecoded

    def _origin(self, name: str, line: int) -> Origin:
        told = {"folder": self._table.name, "file": name, "line": str(line)}
        return Origin("folder", self._table.decoder, told | self._table.parameters)

    def _report(self, tally: _Tally) -> str:
        """Say what is to be said; empty when all is well."""
        if not tally.bad:
            return ""
        head = f"{tally.bad} of {tally.rows} lines could not be read and are in quarantine; the rest is stored."
        return "\n".join([head, *tally.named, *(["..."] if tally.bad > len(tally.named) else [])]) + "\n"

    def _move(self, name: str, verdict: str, note: str) -> None:
        """Move a file, beside nothing of the same name, and write the note first."""
        folder = self._folder / verdict
        target = folder / name
        number = 2
        while target.exists():
            target = folder / f"{name}.{number}"
            number += 1
        if note:
            ending = "reason" if verdict == "failed" else "report"
            target.with_name(f"{target.name}.{ending}.txt").write_text(note, "utf-8")
        (self._folder / name).rename(target)


def _state(file: Path) -> _State | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return _State(found.st_ino, found.st_size, found.st_mtime_ns)
