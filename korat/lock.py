"""One process at a time owns a data folder: `korat up`, or a lone room that keeps readings in its DuckDB file."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from city.errors import ConfigurationError

log = structlog.get_logger("korat")

_NAME: Final = "korat.lock"


@contextmanager
def hold(data: Path, command: str) -> Iterator[None]:
    """Own the folder; the system takes the lock back however the process ends.

    Raises:
        ConfigurationError: Another process owns it; the sentence names it.
    """
    try:
        descriptor = os.open(data / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigurationError(f"KORAT_DATA (data): {data / _NAME} can't be opened: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"{data} is in use by {owner(data) or 'another process'}: stop that one, or choose another folder "
                "(KORAT_DATA); to run several processes on the same readings, keep them in InfluxDB (KORAT_STORE_URL)"
            ) from None
        except OSError as error:
            log.warning("this file system has no locks; see to it that one process uses it", error=str(error))
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"`korat {command}`, process {os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def owner(data: Path) -> str:
    """Name the process that owns a folder, as `hold` wrote it; empty without one."""
    try:
        descriptor = os.open(data / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return ""
