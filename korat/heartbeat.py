"""A heartbeat of rooms that listen nowhere: a file that is touched as long as all is well.

A supervisor checks its age: `test -n "$(find /tmp/heartbeat -mmin -1)"`.
"""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from city.errors import KoratError
from korat.process import Service
from korat.services import ReadinessChecks

log = structlog.get_logger("korat")

PERIOD_S: Final = 10.0
RETRY_S: Final = 1.0
"""Until the next check after one that failed."""

CHECK_S: Final = 5.0


def heartbeat(file: Path, checks: ReadinessChecks, period_s: float = PERIOD_S) -> Service:
    """Touch a file whenever every check returns.

    Args:
        file: Removed at the start and at the end, so that an old one misleads no supervisor.
        checks: Name of a part to what raises when it doesn't work; looked up anew each time.
        period_s: Seconds between two checks.
    """

    async def service(stop: asyncio.Event) -> None:
        _remove(file)
        try:
            while not stop.is_set():
                well = await _beat(file, checks)
                try:
                    async with asyncio.timeout(period_s if well else RETRY_S):
                        await stop.wait()
                except TimeoutError:
                    continue
        finally:
            _remove(file)

    return service


async def _beat(file: Path, checks: ReadinessChecks) -> bool:
    for name, check in list(checks.items()):
        try:
            async with asyncio.timeout(CHECK_S):
                await check()
        except (KoratError, TimeoutError) as error:
            log.warning("no heartbeat", part=name, error=str(error) or "no answer")
            return False
    _touch(file)
    return True


# A file in memory or on a local disk: not worth a thread.
def _touch(file: Path) -> None:
    file.touch()


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
