"""Instants of many million readings, sorted on disk, so that a window of them can be looked at in little memory."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from city.batch import Rows, Times

_RUN_ROWS: Final = 2_000_000


class Window(NamedTuple):
    """Some instants: (n,) numbers of their devices, (n,) nanoseconds UTC."""

    device: Rows
    time_ns: Times


@dataclass(slots=True)
class InstantRuns:
    """Sorted runs of (device, instant), kind by kind; 12 bytes a row in files, and the names of devices in memory.

    Attributes:
        folder: Where the files are made.
        run_rows: Rows that are gathered in memory before they are sorted and written.
        devices: Device to its number.
        rows: How many were added.
    """

    folder: Path
    run_rows: int = _RUN_ROWS
    devices: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    _waiting: defaultdict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    _held: int = 0
    _runs: defaultdict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))

    def number(self, devices: list[str]) -> Rows:
        """Give devices their numbers, new ones the next."""
        known = self.devices
        return np.array([known.setdefault(device, len(known)) for device in devices], np.int32)

    def add(self, kind: str, window: Window) -> None:
        """Take in instants of a kind, in any order."""
        self._waiting[kind].append(window)
        self._held += len(window.time_ns)
        self.rows += len(window.time_ns)
        if self._held >= self.run_rows:
            self.seal()

    def seal(self) -> None:
        """Write what is still in memory."""
        for kind, parts in self._waiting.items():
            device = np.concatenate([part.device for part in parts])
            time_ns = np.concatenate([part.time_ns for part in parts])
            order = np.argsort(time_ns)
            path = self.folder / f"{kind}-{len(self._runs[kind])}"
            columns = (("device", device), ("time", time_ns))
            written = [_on_disk(path.with_suffix(f".{name}.npy"), column[order]) for name, column in columns]
            self._runs[kind].append(Window(*written))
        self._waiting.clear()
        self._held = 0

    def cut(self, kind: str, start_ns: int, end_ns: int, limit: int) -> int:
        """Give an earlier end of a window where it holds more than about so many rows; at least a nanosecond stays."""
        runs = self._runs.get(kind, [])
        for run in runs:
            last = int(np.searchsorted(run.time_ns, start_ns)) + max(1, limit // len(runs))
            if last < len(run.time_ns):
                end_ns = min(end_ns, max(int(run.time_ns[last]), start_ns + 1))
        return end_ns

    def window(self, kind: str, start_ns: int, end_ns: int) -> Window:
        """Give the rows of `[start_ns, end_ns)`; an instant that was added twice is there twice."""
        devices, times = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for run in self._runs.get(kind, []):
            first, last = np.searchsorted(run.time_ns, [start_ns, end_ns])
            devices.append(run.device[first:last])
            times.append(run.time_ns[first:last])
        return Window(np.concatenate(devices), np.concatenate(times))


def _on_disk(path: Path, column: NDArray[Any]) -> NDArray[Any]:
    np.save(path, column)
    mapped: NDArray[Any] = np.load(path, mmap_mode="r")
    return mapped
