"""Where log lines go: to standard error, or to a file while a live view holds the screen."""

import logging
from collections import deque
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict

recent: deque[str] = deque(maxlen=5)
"""The last warnings, for the live view."""


def to_stream(stream: TextIO) -> None:
    """Write one line an event, readable by people and by grep."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _remember,
            structlog.dev.ConsoleRenderer(colors=stream.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def to_file(path: Path) -> TextIO:
    """Write to a file, which the caller closes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a", encoding="utf-8", buffering=1)
    to_stream(stream)
    return stream


def _remember(_: Any, level: str, event: EventDict) -> EventDict:
    if level in {"warning", "error", "critical", "exception"}:
        recent.append(f"{event['timestamp'][11:19]} {event['event']}: {event.get('error', '')}".rstrip(": "))
    return event
