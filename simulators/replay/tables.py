"""Opens CSV and JSON files as rows of text cells."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from city.errors import ConfigurationError
from simulators.replay.mapping import Mapping
from simulators.replay.table import Row
from simulators.replay.tally import BadFile, Tally


def csv_rows(path: Path, mapping: Mapping, tally: Tally) -> Iterator[Row]:
    """Read a CSV file with a header (RFC 4180; UTF-8, with or without a byte order mark).

    Raises:
        BadFile: It has no header, is not UTF-8 or breaks its quotes.
        ConfigurationError: The header lacks columns that the mapping names.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.reader(lines, delimiter=mapping.delimiter, strict=True)
        line = 1
        try:
            header = next(table, None)
            if not header:
                raise BadFile(f"{path}, line 1: there is no header")
            _check_header(path, header, mapping)
            line = table.line_num + 1
            for cells in table:
                if cells and len(cells) == len(header):
                    yield line, dict(zip(header, cells, strict=True))
                elif cells:
                    tally.rows += 1
                    tally.refuse(line, f"{len(cells)} cells under a header of {len(header)}")
                line = table.line_num + 1
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadFile(f"{path}, line {line}: {error}") from None


def json_rows(path: Path, tally: Tally) -> Iterator[Row]:
    """Read a JSON array of objects; messages count objects, from 1.

    Raises:
        BadFile: It is no JSON, or no array.
    """
    try:
        # numbers keep their spelling, so that what is sent equals what was written
        rows: Any = json.loads(path.read_text("utf-8"), parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise BadFile(f"{path}, line {error.lineno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise BadFile(f"{path}: {error}") from None
    if not isinstance(rows, list):
        raise BadFile(f"{path}: there is no array of objects")
    tally.unit = "object"
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict):
            yield number, {name: _text(cell) for name, cell in row.items()}
        else:
            tally.rows += 1
            tally.refuse(number, f"{str(row)[:80]!r} is no object")


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell if isinstance(cell, str) else json.dumps(cell)


def _check_header(path: Path, header: list[str], mapping: Mapping) -> None:
    repeated = {name for name in header if header.count(name) > 1}
    wanted = [*mapping.columns, *mapping.gauges]
    needed = [mapping.time.column] if mapping.time else []
    if mapping.device and mapping.device.column:
        needed.append(mapping.device.column)
    if mapping.position:
        needed += [name for name in (mapping.position.lat, mapping.position.lon, mapping.position.wkt) if name]
    if mapping.absent_columns == "refuse":
        needed += wanted
    lacking = [name for name in needed if name not in header]
    if lacking:
        raise ConfigurationError(f"{path} has no column {', '.join(lacking)}; it has {', '.join(header)}")
    if wanted and not any(name in header for name in wanted):
        raise ConfigurationError(f"{path} has none of the columns {', '.join(wanted)}")
    if repeated.intersection([*needed, *wanted]):
        raise ConfigurationError(f"{path} has the column {', '.join(sorted(repeated))} twice")
