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
once more. So does one that finds a file changed within an hour after it was moved: it is put back and read again.
"""

import asyncio
import time
from pathlib import Path
from typing import Final

import msgspec
from pydantic import Field, field_validator

from city.errors import ConfigurationError, Malformed
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import Origin
from gateway.inputs import Accept, Understand
from gateway.inputs.counters import InputCounters
from gateway.inputs.csv_lines import CsvLines, Encoding, Row
from gateway.inputs.custody import hand_over
from gateway.inputs.drop import FileWatcher, State, Verdict, shown
from gateway.inputs.table import Id, Seconds, Table

_CHUNK: Final = 500
"""Lines that are handed over at once."""

_LONGEST_LIST: Final = 500
"""Letters of a list of columns."""

_MOST_NAMED: Final = 20
"""Bad lines that a report names."""


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


class FolderInput:
    """Watches one folder, by looking: notifications miss what arrives over a network file system.

    Args:
        accept: Takes custody.
        understand: Decodes.
        table: Its settings.
        data: Folder that a relative path begins in.
        counters: Of this link.
        wanted: Columns without which a file is given up.

    Raises:
        ConfigurationError: The folder can't be made.
    """

    def __init__(
        self,
        accept: Accept,
        understand: Understand,
        table: FolderTable,
        data: Path,
        counters: InputCounters,
        wanted: frozenset[str] = frozenset(),
    ) -> None:
        self._accept = accept
        self._understand = understand
        self._table = table
        self._counters = counters
        self._wanted = wanted
        try:
            self._drop = FileWatcher(data / table.path, table.pattern, table.settle_s)
        except OSError as error:
            raise ConfigurationError(f"link.folder {table.name!r}: {error.filename}: {error.strerror}") from None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                look = await asyncio.to_thread(self._drop.look)
                for name in look.returned:
                    self._counters.fail("changed_after_move", file=shown(name), detail="it is read again")
                for detail in look.trouble:
                    self._counters.fail("entry", detail=detail)
                for name, state in look.settled:
                    await self._read(name, state)
            except OSError as error:
                self._counters.fail("folder", detail=str(error))
            await asyncio.sleep(self._table.interval_s)

    async def _read(self, name: str, state: State) -> None:
        tally = _Tally()
        try:
            await self._hand_over_all(name, tally)
            verdict, note = Verdict.DONE, self._report(tally)
        except _GivenUpError as error:
            verdict, note = Verdict.FAILED, f"{error}\n{self._report(tally)}"
            self._counters.fail("file", file=shown(name), detail=str(error))
        except OSError as error:
            self._drop.pass_over(name, state)
            self._counters.fail("unreadable", file=shown(name), detail=str(error))
            return
        try:
            await asyncio.to_thread(self._drop.move, name, state, verdict, note)
        except OSError as error:
            self._drop.pass_over(name, state)
            self._counters.fail("move", file=shown(name), detail=str(error))

    async def _hand_over_all(self, name: str, tally: _Tally) -> None:
        """Hand over a file, chunk by chunk.

        Raises:
            _GivenUpError: It can't be read, or not enough of it.
        """
        table = self._table
        try:
            lines = await asyncio.to_thread(
                CsvLines, self._drop.folder / name, table.columns, table.separator, table.encoding
            )
        except Malformed as error:
            raise _GivenUpError(f"line 1: {error.detail}") from None
        with lines:
            if missing := self._wanted.difference(lines.columns):
                there = ", ".join(lines.columns)[:_LONGEST_LIST]
                raise _GivenUpError(f"it has no column {', '.join(sorted(missing))}; it has {there}")
            while rows := await asyncio.to_thread(lines.take, _CHUNK):
                readings, undecoded = self._meaning(shown(name), rows, tally)
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
            if refused and len(part) > 1:
                # halve until a bad row stands alone
                parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            readings += some
            for item in refused:
                tally.note(part[0], item.detail)
                item.detail = f"{name}, line {part[0].line}: {item.detail}"
                undecoded.append(item)
        return readings, undecoded

    def _origin(self, name: str, line: int) -> Origin:
        told = {"folder": self._table.name, "file": name, "line": str(line)}
        given = self._table.parameters
        # what decoding again needs comes first: a long origin is cut at its end
        return Origin("folder", self._table.decoder, given | told | given)

    def _report(self, tally: _Tally) -> str:
        """Say what is to be said; empty when all is well."""
        if not tally.bad:
            return ""
        rest = "; the rest is stored" if tally.readings else ""
        head = f"{tally.bad} of {tally.rows} lines could not be read and are in quarantine{rest}."
        return "\n".join([head, *tally.named, *(["..."] if tally.bad > len(tally.named) else [])]) + "\n"
