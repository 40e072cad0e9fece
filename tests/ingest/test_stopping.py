"""Stopping in the middle of a flush: what has begun is finished, so nothing comes twice."""

import asyncio
from pathlib import Path

from city.ledger.port import Ledger, Settlement
from city.outcomes import Counts
from support.ingesting import platform
from support.mosquitto import Mosquitto


class Slow:
    """A ledger whose answers take their time."""

    def __init__(self, real: Ledger, committed: asyncio.Event) -> None:
        self.real = real
        self.committed = committed

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    async def settle(self, settlement: Settlement) -> None:
        await self.real.settle(settlement)
        self.committed.set()
        await asyncio.sleep(0.2)


async def test_a_flush_that_has_begun_is_finished_and_comes_once(broker: Mosquitto, tmp_path: Path) -> None:
    committed = asyncio.Event()
    async with platform(broker, tmp_path, wrap_ledger=lambda real: Slow(real, committed)) as korat:  # type: ignore[arg-type, return-value] # a stand-in
        await korat.send("rain", "r-1", {"values": {"rain_rate": 1}})
        await committed.wait()
    async with platform(broker, tmp_path) as korat:
        await korat.send("rain", "r-2", {"values": {"rain_rate": 1}})

        async def second() -> bool:
            return bool(await korat.latest("r-2"))

        await korat.until(second)
        assert await korat.received(2) == Counts(received=2, stored=2)


async def test_readings_without_a_time_that_come_in_one_read_are_all_kept(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path) as korat:
        for number in range(50):
            await korat.client.publish(
                "city/th-30/smart_city/rain/r-1", b'{"values": {"rain_rate": %d}}' % number, qos=0
            )
        assert await korat.received(50) == Counts(received=50, stored=50)
        kept = korat.store._writes.execute("select count(*) from point").fetchone()  # type: ignore[attr-defined] # DuckDB's
        assert kept == (50,)
