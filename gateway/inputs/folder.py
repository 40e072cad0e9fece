"""The folder input: CSV files that others drop are read, and moved to `done/` or `failed/`; none is ever deleted.

```toml
[[input.folder]]
name = "waterworks"
path = "drop/waterworks"                    # relative: from the data folder
parameters = { mapping = "waterworks" }     # [mappings.waterworks] names columns where it names paths elsewhere
```

A file is read once it has stood still for `settle_s`; names that begin with a dot or end in `.tmp` or `.part` are not
looked at, so a writer may rename when it is done. Good lines are stored. A bad line goes to quarantine with its number,
and the file to `done/` with a report beside it. A file goes to `failed/`, with the reason beside it, when no reading
came of it or when more than `max_bad` of its lines are bad: what was good before that is stored.

A gateway that dies in the middle reads the file again from its beginning; what was stored already is the same value
once more. So does one that finds a file changed within an hour after it was moved: it is put back and read again.
"""

import asyncio
from typing import Final

import msgspec
from pydantic import Field, field_validator

from city.errors import ConfigurationError, Malformed, Reason
from city.reading import Reading
from city.tables import Seconds
from city.wire.pack import Undecoded
from gateway.decoders import Origin
from gateway.inputs.csv_lines import CsvLines, Encoding, Row
from gateway.inputs.drop import FileWatcher, State, Verdict, shown
from gateway.inputs.input import DecoderChoice, InputContext, InputTable

_CHUNK: Final = 500
"""Lines that are handed over at once."""

_LONGEST_LIST: Final = 500
"""Letters of a list of columns."""

_MAX_NAMED: Final = 20
"""Bad lines that a report names."""


class FolderTable(InputTable, DecoderChoice):
    """One `[[input.folder]]`.

    Attributes:
        name: Name of the input.
        path: The folder; relative: from the data folder. It is made if it is missing.
        pattern: Names of the files, with `*` and `?`.
        decoder: Who reads the rows, each as a JSON object of column to text.
        columns: Names of the columns; empty: the first line has them.
        separator: Stands between cells.
        encoding: Of the text.
        interval_s: Seconds between two looks.
        settle_s: Seconds for which a file must not change before it is read.
        max_bad: Bad lines after which a file is given up.
    """

    path: str = Field(min_length=1)
    pattern: str = "*.csv"
    columns: tuple[str, ...] = ()
    separator: str = Field(",", min_length=1, max_length=1)
    encoding: Encoding = "utf-8"
    interval_s: Seconds = 5.0
    settle_s: float = Field(5.0, ge=0, le=3600)
    max_bad: int = Field(1_000, ge=0, le=100_000)

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
        if len(self.named) < _MAX_NAMED:
            self.named.append(f"line {row.line}: {detail}")


class _GivenUpError(Exception):
    """A file goes to `failed/`; the sentence says why."""


class FolderInput:
    """Watches one folder, by looking: notifications miss what arrives over a network file system.

    Args:
        table: Its settings.
        context: What every input is given.
    """

    def __init__(self, table: FolderTable, context: InputContext) -> None:
        self._table = table
        self._context = context
        self._counters = context.counters
        self._wanted = frozenset[str]()
        if table.decoder == "mapped":
            # columns without which a file is given up
            self._wanted = context.decoding.mappings[table.parameters["mapping"]].names()
        self._drop = FileWatcher(context.data / table.path, table.pattern, table.settle_s)

    async def open(self) -> None:
        """Make the folder.

        Raises:
            ConfigurationError: It can't be made.
        """
        try:
            await asyncio.to_thread(self._drop.make)
        except OSError as error:
            raise ConfigurationError(f"input.folder {self._table.name!r}: {error.filename}: {error.strerror}") from None

    async def close(self) -> None:
        """Nothing: files are open only in `run`."""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                scan = await asyncio.to_thread(self._drop.scan)
                for name in scan.returned:
                    self._counters.fail("changed_after_move", file=shown(name), detail="it is read again")
                for detail in scan.trouble:
                    self._counters.fail("entry", detail=detail)
                for name, state in scan.settled:
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
                await self._context.deliver_at_last(readings, undecoded)
                tally.rows += len(rows)
                tally.readings += len(readings)
                if tally.bad > table.max_bad:
                    raise _GivenUpError(f"more than {table.max_bad} lines are bad")
        if not tally.readings:
            raise _GivenUpError(f"no reading came of its {tally.rows} lines")

    def _meaning(self, name: str, rows: list[Row], tally: _Tally) -> tuple[list[Reading], list[Undecoded]]:
        now_ns = self._context.clock()
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
            some, refused = self._context.decode(
                self._origin(name, part[0].line), payload, now_ns + part[0].line - rows[0].line
            )
            # what is left of rows that were read is kept once an hour: it would not come again
            undecoded += [item for item in refused if item.reason == Reason.PARTLY_READ]
            refused = [item for item in refused if item.reason != Reason.PARTLY_READ]
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
