"""A CSV file as numbered rows, a chunk at a time (RFC 4180), so that a file of any size takes the same memory.

A row may go over several lines inside quotes, but not over many: one stray quote would swallow the rest of the file.
Where the quote is not closed, its line is bad alone, and so is the next line whose quotes have no partner: it is the
rest of a row, and would make a device of half a cell.
"""

import csv
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, Self

from city.errors import Malformed, Reason

Encoding = Literal["utf-8", "cp874", "cp1252", "latin-1"]
"""Those in which a line ends with the byte 0A; `cp874` is Thai."""

MAX_LINE: Final = 64 * 1024
"""Bytes of the longest row."""

_MAX_LINES: Final = 100
"""Lines of the longest row."""

_QUOTE: Final = b'"'
_MARK: Final = b"\xef\xbb\xbf"
"""What some programs put before UTF-8."""


class Row(NamedTuple):
    """A row: the line's number, from 1, its bytes, and column to text, or what is wrong with it."""

    line: int
    raw: bytes
    cells: dict[str, str]
    error: Malformed | None = None


class CsvLines:
    """An open file.

    Args:
        file: What to read.
        columns: Names of its columns; empty: the first line names them.
        separator: Stands between cells.
        encoding: Of the text.

    Attributes:
        columns: Names of its columns.

    Raises:
        Malformed: The line that names the columns can't be read, or isn't there.
        OSError: The file can't be read.
    """

    def __init__(self, file: Path, columns: tuple[str, ...], separator: str, encoding: Encoding) -> None:
        self._separator = separator
        self._encoding = encoding
        self._number = 0
        self._is_open = False
        self._opened: BinaryIO = file.open("rb")
        try:
            if self._opened.read(len(_MARK)) != _MARK:
                self._opened.seek(0)
            self.columns = columns or self._header()
        except BaseException:
            self._opened.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def take(self, max_rows: int) -> list[Row]:
        """Give the next rows; none at the end. Empty lines are passed over."""
        rows: list[Row] = []
        while len(rows) < max_rows:
            raw = self._line()
            if not raw:
                break
            if raw.strip():
                rows.append(self._row(raw))
        return rows

    def _whole(self, raw: bytes) -> bytes:
        """Give a row with the lines that its open quote holds; the line alone where that makes no row."""
        place, number = self._opened.tell(), self._number
        row = raw
        for _ in range(_MAX_LINES):
            line = self._line()
            row += line
            if not line or len(row) > MAX_LINE:
                break
            if line.count(_QUOTE) % 2:
                if self._is_row(row):
                    return row
                break
        self._opened.seek(place)
        self._number = number
        self._is_open = True
        return raw

    def _line(self) -> bytes:
        """Give the next line, cut where it is too long; empty at the end."""
        raw = self._opened.readline(MAX_LINE + 1)
        self._number += 1
        rest = raw
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = self._opened.readline(MAX_LINE + 1)
        return raw

    def _row(self, raw: bytes) -> Row:
        number = self._number
        if raw.count(_QUOTE) % 2:
            if self._is_open:
                self._is_open = False
                error = Malformed(Reason.UNDECODED, "it ends a cell that an earlier line began")
                return Row(number, raw[:MAX_LINE], {}, error)
            if self._begins_quote(raw):
                raw = self._whole(raw)
        try:
            cells = self._cells(raw, len(self.columns))
        except Malformed as error:
            return Row(number, raw[:MAX_LINE], {}, error)
        return Row(number, raw, dict(zip(self.columns, cells, strict=True)))

    def _is_row(self, raw: bytes) -> bool:
        try:
            return len(self._cells(raw)) == len(self.columns)
        except Malformed:
            return False

    def _begins_quote(self, raw: bytes) -> bool:
        """Whether a cell that begins with a quote isn't closed in a line; one within a cell is a sign like others."""
        try:
            self._parsed(raw)
        except csv.Error as error:
            return "unexpected end" in str(error)
        except UnicodeDecodeError:
            return False
        return False

    def _header(self) -> tuple[str, ...]:
        raw = self._line()
        if not raw.strip():
            raise Malformed(Reason.EMPTY, "nothing in it names the columns")
        names = tuple(name.strip() for name in self._cells(raw))
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Malformed(Reason.DUPLICATE_KEY, f"two columns are called {twice[:80]!r}")
        return names

    def _cells(self, raw: bytes, wanted: int = 0) -> list[str]:
        """Cut a line; refuse it when it has another number of cells than is wanted, if any is."""
        if len(raw) > MAX_LINE:
            raise Malformed(Reason.TOO_LARGE, f"it has more than {MAX_LINE} bytes")
        try:
            cells = self._parsed(raw)
        except UnicodeDecodeError as error:
            at = f"byte {error.start + 1}"
            raise Malformed(Reason.NOT_UTF8, f"it is not {self._encoding}: {at}") from None
        except csv.Error as error:
            raise Malformed(Reason.UNDECODED, f"it is no CSV: {error}") from None
        if wanted and len(cells) != wanted:
            raise Malformed(Reason.UNDECODED, f"{len(cells)} cells; the columns are {wanted}")
        return cells

    def _parsed(self, raw: bytes) -> list[str]:
        text = raw.decode(self._encoding).rstrip("\r\n")
        return next(
            csv.reader(
                text.splitlines(keepends=True) if "\n" in text else [text], delimiter=self._separator, strict=True
            )
        )
