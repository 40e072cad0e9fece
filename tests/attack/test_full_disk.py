"""A disk filled to the last byte under load, then freed: nothing acknowledged is lost, and all goes on by itself."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from city.mqtt import Address
from city.store.port import ALL, SeriesQuery
from gateway.run import run
from gateway.settings import GatewaySettings
from support.ingesting import NOW_MS, PROVINCE, Platform, platform
from support.mosquitto import Mosquitto
from support.ports import free_port
from support.small_disk import fill, small_disk

MB = 24
INPUTS = """
[[input.mqtt]]
topics = [{{ filter = "plant/{{kind}}/{{device}}/up", decoder = "native" }}]

[[input.folder]]
name = "wells"
interval_s = 0.5
settle_s = 0.5
path = "{drop}"
pattern = "*.csv"
parameters = {{ mapping = "wells" }}

[mappings.wells]
kind = "water_level"
device = "well"
device_prefix = "w-"
time = {{ path = "time", zone = "UTC" }}
values = {{ level = {{ path = "level", unit = "cm" }} }}
"""
ROWS = 40
CSV = "well,time,level\n" + "".join(f"1,2026-11-20 00:{row:02d}:00,{row}\n" for row in range(ROWS))


async def fill_and_settle(ballast: Path) -> None:
    """Fill it twice: the log's spare room goes first."""
    for _ in range(2):
        await asyncio.to_thread(fill, ballast)
        await asyncio.sleep(1.5)


@pytest.mark.parametrize("which", ["both", "ledger", "store"])
async def test_readings_wait_at_the_broker_while_the_disk_is_full(
    broker: Mosquitto, tmp_path: Path, which: str
) -> None:
    sent = 0

    async def send(korat: Platform, until: asyncio.Event) -> None:
        nonlocal sent
        while not until.is_set():
            rows: list[object] = [
                {"ts": NOW_MS - 100 * sent - k, "values": {"rain_rate": float(k)}} for k in range(100)
            ]
            await korat.send("rain", f"r-{sent % 7}", rows)
            sent += 1
            await asyncio.sleep(0.01)

    async def stands_still(korat: Platform) -> int:
        before = (await korat.counts()).received
        await asyncio.sleep(1)
        assert (await korat.counts()).received == before, "the disk is full"
        return before

    with small_disk(tmp_path / "disk", MB) as disk:
        ballast = disk / "ballast"
        store, ledger = (tmp_path if which == "ledger" else disk), (tmp_path if which == "store" else disk)
        async with platform(broker, store, ledger_folder=ledger) as korat:
            done = asyncio.Event()
            load = asyncio.create_task(send(korat, done))
            await korat.received(1_000)
            for _ in range(2):
                await fill_and_settle(ballast)
                before = await stands_still(korat)
                ballast.unlink()
                await korat.received(before + 1_000)
            done.set()
            await load
            counts = await korat.received(100 * sent)
            assert (counts.received, counts.stored + counts.duplicate) == (100 * sent, 100 * sent)


@asynccontextmanager
async def gateway(broker: Mosquitto, data: Path) -> AsyncIterator[str]:
    """Run a gateway, and give the address of its HTTP input."""
    settings, stop = GatewaySettings(id="gw-small", http_port=free_port(), pack_age_ms=10), asyncio.Event()
    address = Address("127.0.0.1", broker.port)
    running = asyncio.create_task(run(settings, province=PROVINCE, address=address, data=data, stop=stop))
    try:
        yield f"http://127.0.0.1:{settings.http_port}"
    finally:
        stop.set()
        await running


class Load:
    """Devices that push by HTTP and publish by MQTT, as fast as they are answered.

    Attributes:
        answers: Statuses that the HTTP input gave.
        accepted: Instants of what it answered with 202, milliseconds.
        published: Instants of what the broker took for the gateway.
    """

    def __init__(self, korat: Platform, client: aiohttp.ClientSession, url: str) -> None:
        self.answers: Counter[int] = Counter()
        self.accepted: set[int] = set()
        self.published: set[int] = set()
        self.done = asyncio.Event()
        self._korat, self._client, self._url = korat, client, url

    async def run(self) -> None:
        """Go on until `done` is set."""
        await asyncio.gather(self._post(), self._publish())

    async def _post(self) -> None:
        at_ms = NOW_MS - 10**6
        while not self.done.is_set():
            at_ms += 1
            body = {"device": "h-1", "kind": "rain", "ts": at_ms, "values": {"rain_rate": 1}}
            async with self._client.post(f"{self._url}/ingest/native", json=body) as response:
                self.answers[response.status] += 1
                if response.status == 202:
                    self.accepted.add(at_ms)

    async def _publish(self) -> None:
        at_ms = NOW_MS - 10**6
        while not self.done.is_set():
            at_ms += 1
            await self._korat.client.publish("plant/rain/m-1/up", b'{"ts": %d, "values": {"rain_rate": 1}}' % at_ms)
            self.published.add(at_ms)
            await asyncio.sleep(0.01)

    async def accept(self, more: int) -> None:
        """Wait until the HTTP input took so many more."""
        goal = len(self.accepted) + more

        async def enough() -> bool:
            return len(self.accepted) >= goal

        await self._korat.until(enough, within_s=60)

    async def is_stored(self) -> bool:
        """Tell whether all that was taken is in the store, and the file's rows."""
        return (
            len(await instants(self._korat, "w-1", "water_level")) == ROWS
            and await instants(self._korat, "m-1", "rain") == self.published
            and await instants(self._korat, "h-1", "rain") >= self.accepted
        )


async def instants(korat: Platform, device: str, kind: str) -> set[int]:
    """Instants of a device in the store, milliseconds."""
    answer = await korat.store.series(SeriesQuery({device: (kind,)}, ALL, 0, 2**62))
    return {point.time_ns // 10**6 for series in answer.series for point in series.points}


async def is_ready(client: aiohttp.ClientSession, url: str) -> bool:
    """Ask the gateway whether it takes readings now."""
    try:
        async with client.get(f"{url}/health/ready") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def test_a_gateway_takes_nothing_that_it_can_not_keep(broker: Mosquitto, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    with small_disk(tmp_path / "disk", MB) as data:
        (data / "gateway.toml").write_text(INPUTS.format(drop=drop))
        async with (
            platform(broker, tmp_path) as korat,
            gateway(broker, data) as url,
            aiohttp.ClientSession() as client,
        ):
            await korat.until(lambda: is_ready(client, url))
            load = Load(korat, client, url)
            running = asyncio.create_task(load.run())
            await load.accept(100)
            await fill_and_settle(data / "ballast")
            (drop / "wells.csv").write_text(CSV)
            full, refused = len(load.accepted), load.answers[507]
            await asyncio.sleep(3)
            assert len(load.accepted) == full, "the disk is full"
            assert load.answers[507] > refused
            assert not await is_ready(client, url)
            assert await instants(korat, "w-1", "water_level") == set()
            (data / "ballast").unlink()
            await load.accept(100)
            load.done.set()
            await running
            assert set(load.answers) == {202, 507}
            await korat.until(load.is_stored, within_s=60)
            counts = await korat.counts()
            assert counts.is_balanced()
            assert counts.quarantined == counts.rejected == 0
            assert await is_ready(client, url)
