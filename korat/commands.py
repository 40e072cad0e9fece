"""What the commands have in common: where their settings come from, and how their work is run."""
# ruff: noqa: PLC0415 - what a command needs is imported when it is called

import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from korat.settings import Everything

Config = Annotated[Path | None, typer.Option(help="Settings file; KORAT_CONFIG, or korat.toml where it exists.")]


def load(config: Path | None) -> "Everything":
    """Read all settings.

    Raises:
        ConfigurationError: One can't be right.
    """
    from korat.settings import Everything

    return Everything.load(config)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a room, or all of them."""
    from korat.loop import run as run_work

    run_work(work)


def look(work: Coroutine[Any, Any, None]) -> None:
    """Run what prints its own findings; only errors are logged beside them."""
    from korat.loop import run as run_work

    run_work(work, logging.ERROR)
