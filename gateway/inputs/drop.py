"""A folder in which others drop files: which of them stand still, and where they go when they are read.

By looking, because notifications miss what arrives over a network file system. Blocking: call it from a thread.

A writer may stall for longer than anybody waits, and go on through the file it holds open: so what was moved is looked
at for an hour more, and comes back when it changes.
"""

import errno
import os
import stat
import time
from collections.abc import Callable
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

_UNFINISHED: Final = (".tmp", ".part")

_FIRST_PAUSE_S: Final = 30.0
_MAX_PAUSE_S: Final = 3600.0
"""Seconds for which a file that could not be read or moved is left alone, at first and at most."""

_WATCH_S: Final = 3600.0
"""Seconds for which a file is looked at after it was moved."""

_MAX_WATCHED: Final = 1_000
"""Moved files that are looked at; of more, those that were moved last."""


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


class Scan(NamedTuple):
    """What one scan found.

    Attributes:
        settled: Files that stood still, oldest first.
        returned: Files that changed after they had been moved; they are in the folder again.
        trouble: A sentence for each file that could not be looked at, or not be brought back.
    """

    settled: list[tuple[str, State]]
    returned: list[str]
    trouble: list[str]


class _Pause(NamedTuple):
    """For how long a file is left alone, and until when."""

    state: State
    pause_s: float
    until_s: float


class _Moved(NamedTuple):
    """A moved file: its name before, what it was when it was read, the note beside it, and how long it is watched."""

    name: str
    state: State
    note: Path | None
    until_s: float


class FileWatcher:
    """One such folder.

    Args:
        folder: Where it is; `make` makes it.
        pattern: Names of the files, with `*` and `?`; capitals are as good as small letters.
        settle_s: Seconds for which a file must not change.
        clock: Seconds that only rise; a test hands in its own.
    """

    def __init__(
        self, folder: Path, pattern: str, settle_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self._pattern = pattern
        self._settle_s = settle_s
        self._clock = clock
        self._seen: dict[str, tuple[State, float]] = {}
        self._pauses: dict[str, _Pause] = {}
        self._moved: dict[Path, _Moved] = {}

    def make(self) -> None:
        """Make the folder, and those in it that files are moved to.

        Raises:
            OSError: It can't be made.
        """
        for verdict in Verdict:
            (self.folder / verdict).mkdir(parents=True, exist_ok=True)

    def scan(self) -> Scan:
        """Look once.

        Raises:
            OSError: The folder can't be read.
        """
        now_s = self._clock()
        trouble: list[str] = []
        returned = self._return_changed(now_s, trouble)
        states = self._states(trouble)
        self._pauses = {name: pause for name, pause in self._pauses.items() if name in states}
        found: dict[str, tuple[State, float]] = {}
        for name, state in states.items():
            pause = self._pauses.get(name)
            if pause is not None and pause.state == state and now_s < pause.until_s:
                continue
            before = self._seen.get(name)
            found[name] = before if before is not None and before[0] == state else (state, now_s)
        self._seen = found
        ready = [(name, state) for name, (state, since_s) in found.items() if now_s - since_s >= self._settle_s]
        return Scan(sorted(ready, key=lambda each: (each[1].changed_ns, each[0])), returned, trouble)

    def pass_over(self, name: str, state: State) -> None:
        """Leave a file alone until it changes, or for a while: each time in succession for twice as long."""
        before = self._pauses.get(name)
        pause_s = _FIRST_PAUSE_S
        if before is not None and before.state == state:
            pause_s = min(before.pause_s * 2, _MAX_PAUSE_S)
        self._pauses[name] = _Pause(state, pause_s, self._clock() + pause_s)

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
        beside = target.with_name(f"{target.name}.{_NOTES[verdict]}") if note else None
        if beside is not None:
            beside.write_text(note, "utf-8")
        (self.folder / name).rename(target)
        self._watch(target, _Moved(name, state, beside, self._clock() + _WATCH_S))

    def _watch(self, target: Path, moved: _Moved) -> None:
        after = _state(target)
        if after is not None and after.size == moved.state.size:
            # some file systems give a file another inode or time when it is renamed
            moved = moved._replace(state=after)
        self._moved[target] = moved
        if len(self._moved) > _MAX_WATCHED:
            del self._moved[next(iter(self._moved))]

    def _return_changed(self, now_s: float, trouble: list[str]) -> list[str]:
        """Bring back the moved files that changed, and forget those that are gone or didn't change for long enough."""
        returned = []
        for target, moved in list(self._moved.items()):
            ended = now_s >= moved.until_s
            try:
                state = _state(target)
                if state is not None and state != moved.state:
                    returned.append(self._return(target, moved))
                ended = ended or state != moved.state
            except OSError as error:
                trouble.append(str(error))
            if ended:
                del self._moved[target]
        return returned

    def _return(self, target: Path, moved: _Moved) -> str:
        """Put a file back under its name, or beside it under one that the pattern knows too; give that name."""
        back, number = self.folder / moved.name, 2
        while os.path.lexists(back):
            back = back.with_name(f"{Path(moved.name).stem}.{number}{Path(moved.name).suffix}")
            number += 1
        if not self._is_meant(back.name):
            raise FileExistsError(errno.EEXIST, "it changed after it was moved, and its place is taken", moved.name)
        target.rename(back)
        if moved.note is not None:
            moved.note.unlink(missing_ok=True)
        return back.name

    def _states(self, trouble: list[str]) -> dict[str, State]:
        """Look at all files that are meant; one that can't be looked at must not keep the others waiting."""
        with os.scandir(self.folder) as entries:
            names = [entry.name for entry in entries if self._is_meant(entry.name)]
        states = {}
        for name in names:
            try:
                state = _state(self.folder / name)
            except OSError as error:
                trouble.append(str(error))
                continue
            if state is not None:
                states[name] = state
        return states

    def _is_meant(self, name: str) -> bool:
        unfinished = name.startswith(".") or name.endswith(_UNFINISHED)
        # *.CSV is what *.csv means, whoever dropped it
        return not unfinished and fnmatchcase(name.lower(), self._pattern.lower())


def shown(name: str) -> str:
    """Give a file's name as text that can be sent and printed; names are bytes, not always of UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def _state(file: Path) -> State | None:
    """Look at a file; None: there is none of this name, or it is a folder or the like.

    Raises:
        OSError: It can't be looked at.
    """
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return State(found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
