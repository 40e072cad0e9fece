"""Shows how far a replay is: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

_EVERY_S: Final = 10.0
_REFRESH_S: Final = 0.1


class Progress(Protocol):
    """Shows the count of confirmed readings; may be updated at any rate."""

    def update(self, confirmed: int) -> None:
        """Show the count, if it is time."""


class _OnTerminal:
    def __init__(self, bar: Bar, name: str, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task(name, total=total)
        self._next = 0.0

    def update(self, confirmed: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _REFRESH_S
            self._bar.update(self._task, completed=confirmed)


class _Plain:
    def __init__(self, console: Console, name: str, total: int) -> None:
        self._console, self._name, self._total = console, name, total
        self._next = time.monotonic() + _EVERY_S

    def update(self, confirmed: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            self._console.print(f"{self._name}: {confirmed:,} of {self._total:,} confirmed", highlight=False)


@contextmanager
def progress(console: Console, name: str, total: int) -> Iterator[Progress]:
    """Show progress while the block runs."""
    if not console.is_terminal:
        yield _Plain(console, name, total)
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Bar(*columns, console=console) as bar:
        yield _OnTerminal(bar, name, total)
