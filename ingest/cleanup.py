"""Clean-up: what is older, or more, than is kept goes, in small batches beside the work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from city.errors import Unavailable
from city.ledger.port import Ledger
from city.ledger.retention import JournalLimits
from city.registry.port import Registry
from city.store.port import LatestQuery, Only, Store
from ingest.city_clock import CityClock
from ingest.metrics import CleanupMetrics
from ingest.settings import RetentionSettings

log = structlog.get_logger("cleanup")

PERIOD_S: Final = 60.0
"""Between two clean-ups of all workers together, and between two words of a worker on where it stands."""

PAUSE_S: Final = 0.05
"""Between two batches: flushes come first."""

_DAY_NS: Final = 86_400 * 10**9
_HOUR_NS: Final = 3_600 * 10**9

Step = Callable[[int], AsyncIterator[int]]
"""Expires one kind of thing, given the present time; yields after each batch how many went."""


@dataclass(slots=True)
class Cleanup:
    """Cleans up once in `PERIOD_S`, whichever worker is first; `run` goes on until it is cancelled.

    Attributes:
        worker: Name under which this worker follows the journal.
        position: Gives the entry of the journal after which this worker may still ask; None: it needs none.
    """

    store: Store
    ledger: Ledger
    registry: Registry
    settings: RetentionSettings
    worker: str
    position: Callable[[], int | None]
    metrics: CleanupMetrics
    clock: CityClock = field(default_factory=CityClock)
    _looked_ns: int = -_HOUR_NS
    _is_hourly: bool = True

    async def run(self) -> None:
        """Clean up; wait while store or ledger are down."""
        while True:
            try:
                # asked before the position: a flush that begins in between stands at this entry or a later one
                newest = (await self.ledger.journal_span()).last
                position = self.position()
                await self.ledger.follow(self.worker, newest if position is None else position, worker=True)
                now_ns = self.clock.now_ns()
                if await self.ledger.claim_cleanup(now_ns, int(PERIOD_S * 1e9)):
                    await self.once(now_ns)
            except Unavailable as error:
                log.info("clean-up waits", error=str(error))
            await asyncio.sleep(PERIOD_S)

    async def once(self, now_ns: int) -> None:
        """Expire everything that is due; what fails is tried again in the next period.

        Raises:
            Unavailable: Store or ledger is down.
        """
        # once an hour is enough of what looks through a whole store; a clock that was set back makes it due too
        self._is_hourly = abs(now_ns - self._looked_ns) >= _HOUR_NS
        if self._is_hourly:
            self._looked_ns = now_ns
        for what, step in self.steps().items():
            gone = 0
            async for expired in step(now_ns):
                gone += expired
                self.metrics.expired(what, expired)
                await asyncio.sleep(PAUSE_S)
            if gone:
                log.info("expired", what=what, rows=gone)
        span = await self.ledger.journal_span()
        self.metrics.journal.set(span.last + 1 - span.first)

    def steps(self) -> dict[str, Step]:
        """Everything that expires, by name."""
        return {
            "journal": self._journal,
            "quarantine": self._quarantine,
            "hours": self._hours,
            "readings": self._readings,
            "devices": self._devices,
        }

    async def _journal(self, now_ns: int) -> AsyncIterator[int]:
        limits = JournalLimits(int(self.settings.journal_days * _DAY_NS), self.settings.journal_mb * 10**6)
        while True:
            expired = await self.ledger.expire_journal(limits, now_ns)
            for name in expired.followers:
                log.warning("a follower of the journal was too far behind and is cut off", follower=name)
            if not expired.entries:
                return
            yield expired.entries

    async def _quarantine(self, now_ns: int) -> AsyncIterator[int]:
        yield await self.ledger.expire_quarantine(now_ns)

    async def _hours(self, now_ns: int) -> AsyncIterator[int]:
        while gone := await self.ledger.expire_hours(now_ns - self.settings.hours_days * _DAY_NS):
            yield gone

    async def _readings(self, now_ns: int) -> AsyncIterator[int]:
        days = self.settings.readings_days
        if days and self._is_hourly:
            yield await self.store.expire(now_ns - days * _DAY_NS)

    async def _devices(self, now_ns: int) -> AsyncIterator[int]:
        """Remove devices that discovered themselves, were never claimed, and have no reading of late in the store."""
        if not self.settings.vanished_days or not self._is_hourly:
            return
        before_ns, after = now_ns - self.settings.vanished_days * _DAY_NS, ""
        while devices := await self.registry.unclaimed(before_ns, after=after):
            after = devices[-1]
            latest = await self.store.latest(LatestQuery(devices=Only(frozenset(devices))))
            heard = {one.device for one in latest if one.time_ns >= before_ns}
            vanished = [device for device in devices if device not in heard]
            await self.registry.remove(vanished)
            yield len(vanished)
