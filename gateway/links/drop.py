"""A folder in which others drop files: which of them stand still, and where they go when they are read.

By looking, because notifications miss what arrives over a network file system. Blocking: call it from a thread.
"""

import os
import time
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

_UNFINISHED: Final = (".tmp", ".part")


class Verdict(StrEnum):
    """Name of the folder that a file goes to."""

    DONE = "done"
    FAILED = "failed"


_NOTES: Final = {Verdict.DONE: "report.txt", Verdict.FAILED: "reason.txt"}


class State(NamedTuple):
    """What doesn't change while a file stands still: inode, size in bytes, time of change in nanoseconds."""

    inode: int
    size: int
    changed_ns: int


class Drop:
    """One such folder.

    Args:
        folder: Where it is; it is made if it is missing.
        pattern: Names of the files, with `*` and `?`.
        settle_s: Seconds for which a file must not change.

    Raises:
        OSError: It can't be made.
    """

    def __init__(self, folder: Path, pattern: str, settle_s: float) -> None:
        self.folder = folder
        self._pattern = pattern
        self._settle_s = settle_s
        self._seen: dict[str, tuple[State, float]] = {}
        self._passed_over: dict[str, State] = {}
        for verdict in Verdict:
            (folder / verdict).mkdir(parents=True, exist_ok=True)

    def settled(self) -> list[tuple[str, State]]:
        """Give the files that stood still, oldest first.

        Raises:
            OSError: The folder can't be read.
        """
        now_s = time.monotonic()
        found: dict[str, tuple[State, float]] = {}
        with os.scandir(self.folder) as entries:
            names = {entry.name for entry in entries if self._is_meant(entry)}
        self._passed_over = {name: state for name, state in self._passed_over.items() if name in names}
        for name in names:
            state = _state(self.folder / name)
            if state is None or state == self._passed_over.get(name):
                continue
            before = self._seen.get(name)
            found[name] = before if before is not None and before[0] == state else (state, now_s)
        self._seen = found
        ready = [(name, state) for name, (state, since_s) in found.items() if now_s - since_s >= self._settle_s]
        return sorted(ready, key=lambda each: (each[1].changed_ns, each[0]))

    def pass_over(self, name: str, state: State) -> None:
        """Leave a file where it is, until it changes or the gateway starts again."""
        self._passed_over[name] = state

    def move(self, name: str, state: State, verdict: Verdict, note: str) -> None:
        """Move a file, beside any of the same name, its note first; one that changed meanwhile stays for another time.

        Raises:
            OSError: It can't be moved, or its note can't be written.
        """
        if _state(self.folder / name) != state:
            return
        target, number = self.folder / verdict / name, 2
        while target.exists():
            target = target.with_name(f"{name}.{number}")
            number += 1
        if note:
            target.with_name(f"{target.name}.{_NOTES[verdict]}").write_text(note, "utf-8")
        (self.folder / name).rename(target)

    def _is_meant(self, entry: os.DirEntry[str]) -> bool:
        name = entry.name
        unfinished = name.startswith(".") or name.endswith(_UNFINISHED)
        return not unfinished and fnmatch(name, self._pattern) and entry.is_file()


def _state(file: Path) -> State | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return State(found.st_ino, found.st_size, found.st_mtime_ns)
