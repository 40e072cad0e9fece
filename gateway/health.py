"""What a gateway measures of itself: readings of its own through its own spool, and the same in its status."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from city.catalog import PLATFORM
from city.errors import SpoolFull, Unavailable
from city.reading import Reading
from city.wire.status import Health, InputHealth
from gateway.inputs.input import InputCounters
from gateway.naming import Decoding
from gateway.outbox.clock_skew import Estimate
from gateway.outbox.relay import Relay
from gateway.outbox.spool import Spool

_HEARD_LATELY_NS: Final = 3600 * 10**9


@dataclass(slots=True)
class HealthMonitor:
    """Measures the gateway now and then.

    Attributes:
        gateway: Id of the gateway; its own device has the same.
        spool: What waits.
        worker: The spool's thread.
        relay: Takes custody of the readings, and knows the clock's skew.
        decoding: What was heard, and what was not understood.
        inputs: Counters by name of the input.
    """

    gateway: str
    spool: Spool
    worker: Executor
    relay: Relay
    decoding: Decoding
    inputs: Mapping[str, InputCounters]

    async def run(self, every_s: float) -> None:
        """Measure every so many seconds until cancelled; never for 0."""
        if not every_s:
            return
        last_s, taken, failed = time.monotonic(), self.spool.taken, 0
        while True:
            await asyncio.sleep(every_s)
            now_s, now_taken = time.monotonic(), self.spool.taken
            health = await self._measure((now_taken - taken) / (now_s - last_s))
            failures = sum(health.undecoded.values())
            self.relay.status.set_health(health)
            with contextlib.suppress(SpoolFull, Unavailable):
                await self.relay.accept([self._reading(health, failures - failed)], [])
            last_s, taken, failed = now_s, now_taken, failures

    async def _measure(self, rate: float) -> Health:
        oldest_ns = await asyncio.get_running_loop().run_in_executor(self.worker, self.spool.oldest_ns)
        now_ns = time.time_ns()
        skew = self.relay.skew.take()
        return Health(
            at_ns=now_ns,
            oldest_ns=oldest_ns,
            readings_a_second=round(rate, 3),
            sources=self.decoding.sources.seen_since(now_ns - _HEARD_LATELY_NS),
            undecoded=dict(self.decoding.failures),
            inputs={
                name: InputHealth(each.readings, each.undecoded, each.last_ns, dict(each.failed))
                for name, each in self.inputs.items()
            },
            clock_ahead_s=None if skew is None else round(skew.ahead_s, 3),
            clock_error_s=None if skew is None else round(skew.error_s, 3),
            receipts_refused=self.relay.receipts.refused,
        )

    def _reading(self, health: Health, failures: int) -> Reading:
        pending = self.spool.pending
        values = {
            "spool_readings": float(pending.readings),
            "spool_fill": min(100.0, 100 * pending.bytes / self.spool.max_bytes),
            "spool_age": 0.0 if health.oldest_ns is None else max(0.0, (health.at_ns - health.oldest_ns) / 1e9),
            "readings_rate": health.readings_a_second,
            "sources_heard": float(health.sources),
            "decode_failures": float(failures),
        }
        if health.clock_ahead_s is not None and health.clock_error_s is not None:
            values["clock_skew"] = Estimate(health.clock_ahead_s, health.clock_error_s).min_s
        return Reading(self.gateway, PLATFORM, health.at_ns, values)
