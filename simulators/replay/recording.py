"""A recording: its reader by the kind of file, and a survey of it before anything is sent."""

from collections.abc import Iterator
from dataclasses import dataclass

from city.errors import ConfigurationError
from city.reading import Reading
from simulators.replay.mapping import Mapping, load_mapping
from simulators.replay.options import ReplayOptions
from simulators.replay.points import point_readings
from simulators.replay.record import SUFFIX, Record, read_records
from simulators.replay.table import readings
from simulators.replay.tables import csv_rows, json_rows
from simulators.replay.tally import BadFile, Tally

Item = Reading | Record


@dataclass(slots=True)
class Survey:
    """What a whole pass over a recording found.

    Attributes:
        tally: Rows, gaps and bad lines.
        items: Readings or records.
        first_ns: Earliest instant, nanoseconds UTC.
        last_ns: Latest instant.
        in_order: Whether no item is earlier than the one before it.
    """

    tally: Tally
    items: int = 0
    first_ns: int = 0
    last_ns: int = 0
    in_order: bool = True


class Recording:
    """A recorded file and its reader.

    Raises:
        ConfigurationError: The mapping is wrong, missing or not wanted.
    """

    def __init__(self, options: ReplayOptions) -> None:
        self._options = options
        self._mapping = _mapping(options)
        if self._mapping is None and (options.via or options.shift_to_now or options.device):
            raise ConfigurationError(
                "a record is replayed byte by byte to a broker: no --via, --shift-to-now, --device"
            )
        if self._mapping is not None and self._mapping.gauges and options.device:
            raise ConfigurationError("--device would make one device of all the columns of a wide table")

    def items(self, tally: Tally) -> Iterator[Item]:
        """Read the recording from its begin.

        Raises:
            BadFile: A line is bad and bad lines are to stop, or the file can't be read.
            ConfigurationError: The file lacks what the mapping names.
        """
        path, mapping, device = self._options.file, self._mapping, self._options.device
        try:
            if mapping is None:
                yield from read_records(path, tally)
            elif mapping.format == "line_protocol":
                yield from point_readings(path, mapping, tally, device)
            elif mapping.format == "csv":
                yield from readings(csv_rows(path, mapping, tally), mapping, tally, device)
            else:
                yield from readings(json_rows(path, tally), mapping, tally, device)
        except OSError as error:
            raise BadFile(f"{path}: {error.strerror}") from None

    def survey(self) -> Survey:
        """Read the whole recording once.

        So a bad line is found before anything is sent, and a file larger than memory can still be replayed.

        Raises:
            BadFile: As `items`.
            ConfigurationError: As `items`.
        """
        found = Survey(self.tally())
        before = 0
        for item in self.items(found.tally):
            found.first_ns = min(found.first_ns, item.time_ns) if found.items else item.time_ns
            found.last_ns = max(found.last_ns, item.time_ns)
            found.in_order = found.in_order and item.time_ns >= before
            before = item.time_ns
            found.items += 1
        return found

    def tally(self) -> Tally:
        """Give new counts for a pass."""
        return Tally(str(self._options.file), self._options.bad_line)


def _mapping(options: ReplayOptions) -> Mapping | None:
    if options.file.name.endswith(SUFFIX):
        if options.mapping:
            raise ConfigurationError(f"{options.file} is a record of messages: it needs no mapping")
        return None
    if not options.mapping:
        raise ConfigurationError(
            f"{options.file} needs --mapping, which gives its columns a meaning; only *{SUFFIX} needs none"
        )
    return load_mapping(options.mapping)
