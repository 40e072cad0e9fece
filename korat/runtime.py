"""What the commands have in common: where their settings come from, and the event loop that runs their work."""
# ruff: noqa: PLC0415 - what a command needs is imported when it is called

import contextlib
import gc
import logging
import resource
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from city.errors import KoratError

if TYPE_CHECKING:
    from korat.settings import PlatformSettings

Config = Annotated[Path | None, typer.Option(help="Settings file; KORAT_CONFIG, or korat.toml where it exists.")]

_FILES: Final = 65_536

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, where a command doesn't stop by itself on it."""


def load(config: Path | None) -> "PlatformSettings":
    """Read all settings.

    Raises:
        ConfigurationError: One can't be right.
    """
    from korat.settings import PlatformSettings

    return PlatformSettings.load(config)


def _raise_file_limit() -> None:
    """Open as many files as this user may: a connection is one, and many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run_quietly(work: Coroutine[Any, Any, None]) -> None:
    """Run a command that prints its own findings; only errors are logged beside them."""
    run(work, logging.ERROR)


def run(work: Coroutine[Any, Any, None], level: int = logging.INFO) -> None:
    """Run a command's work to its end.

    Args:
        work: What the command does.
        level: The lowest of the standard library's levels that is logged.

    Raises:
        KoratError: What the work failed with, a sentence.
        SystemExit: It was interrupted, or has a defect, which is in the log.
    """
    import structlog
    import uvloop

    from korat import logs

    logs.to_stream(sys.stderr, level)
    # Imports stay for good, and a flush makes ten thousand objects without a cycle: looking for some costs a fifth.
    _raise_file_limit()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        uvloop.run(work)
    except KoratError:
        raise
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception:  # noqa: BLE001 - said once, in the log, instead of a bare traceback
        structlog.get_logger("korat").exception("a defect, please report it")
        sys.exit(1)
