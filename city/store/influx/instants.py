"""Which rows of a batch meet earlier ones: in the batch itself, or in the store.

InfluxDB merges points of equal series and time field by field and can't take a field away. So when an instant is
written anew, a flag or a failed value of the earlier version stays beside the new value. To let readers tell, rows
that may meet an earlier version spell every flag out: `<quantity>_qc` then always belongs to the last version, and
says which of `<quantity>` and `<quantity>_failed` holds it. Rows that are newer than all of their device can't meet
one, and save the bytes.

The newest instants are asked from the store when a kind is first written. Another process that writes the same
device meanwhile is not seen: a value that it wrote as failed or suspect, corrected here within that span, keeps the
older flag.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city.batch import Batch, Rows, Times

_NEVER: Final = np.iinfo(np.int64).min


@dataclass(slots=True)
class Newest:
    """Newest instant of each device of one kind that is known to be in the store."""

    numbers: dict[str, int] = field(default_factory=dict)
    time: Times = field(default_factory=lambda: np.full(1024, _NEVER, np.int64))

    def places(self, devices: list[str]) -> Rows:
        """Number devices, as positions in `time`."""
        numbers = self.numbers
        places = np.array([numbers.setdefault(device, len(numbers)) for device in devices], np.int32)
        if len(numbers) > len(self.time):
            more = 2 * len(numbers) - len(self.time)
            self.time = np.concatenate([self.time, np.full(more, _NEVER, np.int64)])
        return places

    def meet(self, batch: Batch) -> "Meeting":
        """Find the rows that aren't newer than their device."""
        places = self.places(batch.devices)[batch.index]  # first: it may lengthen the column
        marks = batch.time_ns <= self.time[places]
        return Meeting(places, batch.time_ns, marks if marks.any() else None)

    def advance(self, meeting: "Meeting") -> None:
        """Take in that the store has these rows now."""
        np.maximum.at(self.time, meeting.places, meeting.time_ns)


@dataclass(frozen=True, slots=True)
class Meeting:
    """How the rows of a batch stand to what the store holds.

    Attributes:
        places: (n,) position of each row's device.
        time_ns: (n,) instants.
        marks: (n,) rows that may meet an earlier version; None when no row does.
    """

    places: Rows
    time_ns: Times
    marks: NDArray[np.bool_] | None
