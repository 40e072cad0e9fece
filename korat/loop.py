"""How a command's work is run: the event loop, the log, and what the process ends with."""

import gc
import logging
import sys
from collections.abc import Coroutine
from typing import Any, Final

import structlog
import uvloop

from city.errors import KoratError
from korat import logs

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, where a command doesn't stop by itself on it."""


def run(work: Coroutine[Any, Any, None], level: int = logging.INFO) -> None:
    """Run it to its end.

    Args:
        work: What to do.
        level: The least of the standard library's levels that is logged.

    Raises:
        KoratError: What it failed with, a sentence.
        SystemExit: It was interrupted, or has a defect, which is in the log.
    """
    logs.to_stream(sys.stderr, level)
    # Imports stay for good, and a flush makes ten thousand objects without a cycle: looking for some costs a fifth.
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
