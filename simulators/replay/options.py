"""Options of a replay, and its report."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from city.errors import ConfigurationError
from city.mqtt.address import Address
from city.reading import checked_id
from city.topics import PROVINCE_PATTERN

AS_FAST_AS_POSSIBLE: Final = 0.0
_MAX_BATCH: Final = 1_000


class BadLine(StrEnum):
    """What becomes of a line that can't be understood."""

    STOP = "stop"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What to replay and how.

    Attributes:
        file: The recording; `.csv`, `.json`, `.lp` with a mapping, or `.korat.jsonl`.
        province: ISO 3166-2 code that the topics name, in lower case.
        broker: Where to publish; unused with `via`.
        mapping: A mapping file, or the name of a shipped one; None for our own records.
        device: A device id that stands in for the mapping's.
        speed: 1 keeps the recorded intervals, N is N times as fast, 0 is as fast as it goes.
        shift_to_now: Move all times: at speed 1 or less the first reading happens now, else the last one, so that
            none lies in the future. Without it, times stay as recorded.
        bad_line: Whether a bad line stops before anything was sent, or is left out and counted.
        batch: Most readings of a device in one message, when several are due together.
        via: A gateway's HTTP link, `http://host:port/ingest/native`, to go through instead of the broker.
        token: Sent to it as `Authorization: Bearer`.
    """

    file: Path
    province: str
    broker: Address | None = None
    mapping: str | None = None
    device: str | None = None
    speed: float = 1.0
    shift_to_now: bool = False
    bad_line: BadLine = BadLine.STOP
    batch: int = 100
    via: str | None = None
    token: str | None = None

    def check(self) -> None:
        """Refuse what can't work, before anything is read.

        Raises:
            ConfigurationError: One sentence that names the option.
            Malformed: The device id is not well-formed.
        """
        if self.broker is None and self.via is None:
            raise ConfigurationError("a replay needs a broker, or a gateway by --via")
        if PROVINCE_PATTERN.fullmatch(self.province) is None:
            raise ConfigurationError(f"--province {self.province!r} is not an ISO 3166-2 code in lower case")
        if not 0 <= self.speed < float("inf"):
            raise ConfigurationError(f"--speed {self.speed} is not 0 (as fast as it goes) or more")
        if not 1 <= self.batch <= _MAX_BATCH:
            raise ConfigurationError(f"--batch {self.batch} is not from 1 to {_MAX_BATCH}")
        if self.device is not None:
            checked_id(self.device)


@dataclass(slots=True)
class ReplayReport:
    """What a replay did.

    Attributes:
        rows: Rows, points or records read.
        readings: Readings in them, as many as were to be sent.
        gaps: Places of the recording that hold no value: an empty row, or a wide table's empty cell.
        bad: Bad lines left out.
        first_bad: What was wrong with the first of them, with file and line.
        sent: Readings handed over.
        confirmed: Of these, confirmed by the broker or the gateway.
        refused: Of these, refused for good.
        reason: Why the last one was refused.
        seconds: How long it took.
        stopped: It was ended before all was confirmed.
    """

    rows: int = 0
    readings: int = 0
    gaps: int = 0
    bad: int = 0
    first_bad: str = ""
    sent: int = 0
    confirmed: int = 0
    refused: int = 0
    reason: str = ""
    seconds: float = 0.0
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Whether every reading was confirmed."""
        return not self.stopped and self.confirmed == self.readings

    def __str__(self) -> str:
        """Give the counts as one sentence or more."""
        end = "stopped early: " if self.stopped else ""
        text = (
            f"{end}{self.rows:,} rows read, {self.readings:,} readings in them, {self.gaps:,} gaps; "
            f"{self.sent:,} sent, {self.confirmed:,} confirmed in {self.seconds:.1f} s"
        )
        if self.bad:
            text += f"; {self.bad:,} bad lines left out, the first: {self.first_bad}"
        if self.refused:
            text += f"; {self.refused:,} refused: {self.reason}"
        return text
