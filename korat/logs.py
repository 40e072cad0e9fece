"""Where log lines go: to standard error, or to a file while a live view holds the screen."""

import logging
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict

from city.settings import masked

FILE_BYTES: Final = 5 * 2**20
OLD_FILES: Final = 3

recent: deque[str] = deque(maxlen=5)
"""The last warnings, for the live view."""


class _Stream:
    """Lines to a stream. A log that can't be written must not end what keeps readings, so errors stay here."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        with self._lock, suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()


class _File(RotatingFileHandler):
    """Lines to a file of bounded size, and a few older ones beside it."""

    def write(self, line: str) -> None:
        self.handle(logging.makeLogRecord({"msg": line}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Go on without the line, as `_Stream` does; the default would write over the screen."""


_Sink = _Stream | _File


class _Logger:
    """What structlog hands its finished lines to; every level is one method."""

    def __init__(self, sink: _Sink) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = self.exception = sink.write


class _Foreign(logging.Handler):
    """Brings the lines of libraries, which know only the standard logging, to the same place."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name)
        logger.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def to_stream(stream: TextIO, level: int = logging.INFO) -> None:
    """Write one line an event, readable by people and by grep."""
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[_Foreign()], force=True)
    _to(_Stream(stream), level)


@contextmanager
def into_file(path: Path) -> Iterator[None]:
    """Write to a file meanwhile, and to standard error again afterwards."""
    file = _File(path, maxBytes=FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8", delay=True)
    _to(file)
    try:
        yield
    finally:
        _to(_Stream(sys.stderr))
        file.close()


def _to(sink: _Sink, level: int = logging.INFO) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _remember,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Logger(sink),
        cache_logger_on_first_use=False,
    )


def _remember(_: Any, level: str, event: EventDict) -> EventDict:
    if level in {"warning", "error", "critical", "exception"}:
        why = event.get("error") or event.get("reason") or ""
        recent.append(_clean(masked(f"{event['timestamp'][11:19]} {event['event']}: {why}".rstrip(": "))))
    return event


def _line(_: Any, __: str, event: EventDict) -> str:
    head = f"{event.pop('timestamp')[:23]}Z {event.pop('level'):<8} {_clean(str(event.pop('event')))}"
    trace = event.pop("exception", "")
    line = " ".join([head, *(f"{key}={_value(value)}" for key, value in event.items())])
    return masked(f"{line}\n{trace}" if trace else line)


def _value(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and text and not set(text) & set(" ='\"") else ascii(text)


def _clean(text: str) -> str:
    """Keep what a device sent from moving the cursor or making lines of its own."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
