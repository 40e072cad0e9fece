"""Counts what a reader finds, and decides about bad lines."""

from dataclasses import dataclass

from city.errors import KoratError
from simulators.replay.options import BadLine


class BadFile(KoratError):
    """A recording that can't be read; the message names file and line."""


@dataclass(slots=True)
class Tally:
    """What a reader found so far; readers write it, `replay` reads it.

    Attributes:
        file: The recording's name, for messages.
        on_bad: Whether a bad line stops or is left out.
        rows: Rows read, bad ones included.
        gaps: Places without a value.
        bad: Bad rows left out.
        first_bad: The sentence about the first of them.
        unit: What the number of a bad row counts: lines, or objects of a JSON array.
    """

    file: str
    on_bad: BadLine = BadLine.STOP
    rows: int = 0
    gaps: int = 0
    bad: int = 0
    first_bad: str = ""
    unit: str = "line"

    def refuse(self, line: int, why: str) -> None:
        """Count a bad row; `line` counts in `unit`, from 1.

        Raises:
            BadFile: Bad lines are to stop the replay.
        """
        sentence = f"{self.file}, {self.unit} {line}: {why}"
        if self.on_bad is BadLine.STOP:
            raise BadFile(sentence)
        self.bad += 1
        self.first_bad = self.first_bad or sentence
