"""Names for workers that can't be told apart otherwise, such as the replicas of one container.

A worker's name is the name of its session at the broker, which keeps messages for it: the next worker to start must
take a name over, not invent one. A replica's host name changes with every new container. So the workers share a folder,
and each takes the lowest number whose file no other process has locked. The kernel frees the lock however a worker
ends, and the one that replaces it finds that number free: N workers always carry the numbers 1 to N.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from city.errors import ConfigurationError

AUTO: Final = "auto"
MAX_WORKERS: Final = 64


class Taken(ConfigurationError):
    """Other processes hold all of the numbers."""


def known(folder: Path) -> list[int]:
    """Give the numbers that were ever held in this folder, rising."""
    return sorted(int(file.stem) for file in folder.glob("*.lock") if file.stem.isdecimal())


@contextmanager
def take(folder: Path, numbers: Iterable[int] = range(1, MAX_WORKERS + 1)) -> Iterator[str]:
    """Hold the first of these numbers, as text, that no other process holds in this folder.

    All workers must see the folder through one kernel: one machine, a local volume.

    Raises:
        ConfigurationError: The folder can't be used.
        Taken: All numbers are taken.
    """
    descriptor = -1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            descriptor = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                descriptor = -1
                continue
            break
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        raise ConfigurationError(
            f"KORAT_INGEST_WORKER (ingest.worker): {folder} can't hold the workers' numbers: {error.strerror}"
        ) from None
    if descriptor < 0:
        raise Taken(
            f"KORAT_INGEST_WORKER (ingest.worker): all numbers in {folder} are taken, up to {number}; "
            "KORAT_INGEST_WORKERS (ingest.workers) says how many there are"
        )
    try:
        yield str(number)
    finally:
        os.close(descriptor)
