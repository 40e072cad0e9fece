"""What a gateway says of itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from fake_ingest import GATEWAY, FakeIngest
from rig import Rig, until

from city.reading import Reading
from city.wire.status import Health, InputHealth
from gateway.decoders import Origin
from gateway.health import HealthMonitor
from gateway.inputs.input import InputCounters
from gateway.naming import Decoding

NATIVE = Origin("http", "native", {"device": "r-1", "kind": "rain"})


@asynccontextmanager
async def watched(rig: Rig, decoding: Decoding, links: Mapping[str, InputCounters]) -> AsyncIterator[None]:
    async with rig:
        watch = HealthMonitor(GATEWAY, rig.spool, rig.worker, rig.relay, decoding, links)
        task = asyncio.create_task(watch.run(0.2))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))


def own(ingest: FakeIngest) -> list[Reading]:
    return [reading for reading in ingest.readings() if reading.device == GATEWAY]


def healths(ingest: FakeIngest) -> list[Health]:
    return [said.health for said in list(ingest.statuses) if said.health is not None]


async def test_it_measures_itself_through_its_own_spool(rig: Rig, ingest: FakeIngest) -> None:
    decoding = Decoding()
    async with watched(rig, decoding, {}):
        for payload in (b'{"values": {"rain_rate": 1}}', b"garbage", b"{}"):
            await rig.relay.accept(*decoding.decode(NATIVE, payload, time.time_ns()))
        await until(lambda: len(own(ingest)) >= 2)
    first, second = own(ingest)[:2]
    assert first.kind == "platform"
    assert first.values["decode_failures"] == 2
    assert second.values["decode_failures"] == 0
    assert first.values["sources_heard"] == 1
    assert first.values["readings_rate"] == pytest.approx(3 / 0.2, rel=0.5)
    assert second.time_ns > first.time_ns


async def test_its_status_tells_what_failed_and_what_each_link_brought(rig: Rig, ingest: FakeIngest) -> None:
    decoding, link = Decoding(), InputCounters("http")
    async with watched(rig, decoding, {"http": link}):
        readings, undecoded = decoding.decode(NATIVE, b"garbage", time.time_ns())
        await rig.relay.accept(readings, undecoded)
        link.kept(0, undecoded)
        await until(lambda: bool(healths(ingest)))
    said = healths(ingest)[0]
    assert said.undecoded == {"malformed_json": 1}
    assert said.inputs == {"http": InputHealth(0, 1, link.last_ns, {"malformed_json": 1})}


async def test_what_waits_grows_old(rig: Rig, ingest: FakeIngest) -> None:
    ingest.answers = False
    async with watched(rig, Decoding(), {}):
        await rig.accept(1, 2, 3)
        await until(lambda: len(own(ingest)) >= 4)
        ages = [reading.values["spool_age"] for reading in own(ingest)]
        assert ages == sorted(ages)
        assert ages[3] > 0.5
        assert own(ingest)[0].values["spool_readings"] >= 3
        assert 0 < own(ingest)[0].values["spool_fill"] < 1


async def test_a_clock_that_is_behind_shows(rig: Rig, ingest: FakeIngest) -> None:
    ingest.ahead_s = 90.0
    async with watched(rig, Decoding(), {}):
        await rig.accept(1)
        await until(lambda: any("clock_skew" in reading.values for reading in own(ingest)))
        skews = [reading.values["clock_skew"] for reading in own(ingest) if "clock_skew" in reading.values]
        assert skews[0] == pytest.approx(-90, abs=1)


async def test_it_may_be_told_not_to(rig: Rig, ingest: FakeIngest) -> None:
    async with rig:
        watch = HealthMonitor(GATEWAY, rig.spool, rig.worker, rig.relay, Decoding(), {})
        await asyncio.wait_for(watch.run(0), 1)
    assert own(ingest) == []
