"""Floods of one offender beside an innocent neighbour: all of its readings are stored, and the disk grows by a bound.

`make chaos` floods for a minute each, and holds the neighbour's 99th percentile to 1.5 times the quiet one or a second.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from city import topics
from city.ledger.port import By
from support.ingesting import PROVINCE, Platform, platform
from support.mosquitto import Mosquitto
from support.ports import accepts, free_port
from support.process import Process

LONG = os.environ.get("KORAT_CHAOS") == "long"
SECONDS = 60.0 if LONG else 3.0
QUIET_S = 15.0 if LONG else 1.5
DISK_BYTES = 40 * 10**6
"""Quarantine (1 MB), spool (4 MB, a fourth of it garbage), and the logs of SQLite and DuckDB, which have spare room."""

THROUGH_GATEWAY = ("http_garbage", "ngsi_garbage", "input_garbage")
FLOODS = ("garbage", "names", "too_much", "invented_topics", "packed_names", "packed_devices", *THROUGH_GATEWAY)
GATEWAY = """
import asyncio, sys
from pathlib import Path
from city.mqtt import Address
from gateway.run import run
from gateway.settings import GatewaySettings
broker, http, data = sys.argv[1:]
settings = GatewaySettings(id="gw-flooded", http_port=int(http), pack_age_ms=20, spool_bytes=4 * 2**20)
asyncio.run(
    run(settings, province="th-30", address=Address("127.0.0.1", int(broker)), data=Path(data), stop=asyncio.Event())
)
"""
INPUTS = '[[input.mqtt]]\ntopics = [{ filter = "plant/{kind}/{device}/up", decoder = "native" }]\n'


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and "mosquitto" not in file.parts)


async def _innocent(korat: Platform, send: Callable[[bytes], Awaitable[object]], seconds: float) -> list[float]:
    """Send a reading ten times a second, and give how long each took until it could be read."""
    latencies: list[float] = []
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        at_ms = time.time_ns() // 10**6
        began_s = time.monotonic()
        await send(json.dumps({"ts": at_ms, "values": {"people_count": 1}}).encode())

        async def there(at_ns: int = at_ms * 10**6) -> bool:
            return any(value[0] >= at_ns for value in (await korat.latest("innocent")).values())

        await korat.until(there, within_s=30)
        latencies.append(time.monotonic() - began_s)
        await asyncio.sleep(0.1)
    return latencies


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_costs_the_neighbour_nothing(
    broker: Mosquitto, tmp_path: Path, flood: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bounds = {"quarantine_source_bytes": 200_000, "quarantine_hour_bytes": 500_000}
    budgets = {"new_quantities": 50, "new_devices": 100, "device_messages": 5_000}
    data, http = tmp_path / "data", free_port()
    (data / "gateway").mkdir(parents=True)
    (data / "gateway" / "gateway.toml").write_text(INPUTS)
    command = [sys.executable, "-c", GATEWAY, str(broker.port), str(http), str(data / "gateway")]
    gateway = Process(command, tmp_path / "log", name="gateway", ready=lambda: accepts(http))
    script = Path(__file__).with_name("flooder.py")
    offender = Process([sys.executable, script, flood, str(broker.port), str(http)], tmp_path / "log", name="offender")
    url = f"http://127.0.0.1:{http}/ingest/native?device=innocent&kind=crowd"
    async with platform(broker, data, **(bounds | budgets)) as korat, aiohttp.ClientSession() as client:
        await asyncio.to_thread(gateway.start)

        async def post(body: bytes) -> None:
            async with client.post(url, data=body) as response:
                assert response.status == 202

        async def publish(body: bytes) -> None:
            await korat.client.publish(topics.direct(PROVINCE, "crowd", "innocent"), body)

        send = post if flood in THROUGH_GATEWAY else publish
        try:
            quiet = await _innocent(korat, send, QUIET_S)
            before = size_of(data)
            await asyncio.to_thread(offender.start)
            loud = await _innocent(korat, send, SECONDS)
            await asyncio.to_thread(offender.stop)
            count = len(quiet) + len(loud)

            async def settled() -> bool:
                accounts = await korat.ledger.account(0, 2**62, By.DEVICE, limit=100_000)
                return any(one.key == "innocent" and one.counts.stored == count for one in accounts)

            await korat.until(settled, within_s=30)
        finally:
            await asyncio.to_thread(offender.kill)
            await asyncio.to_thread(gateway.stop)
        sent = int(offender.log.read_text().split()[-1])
        kept = sum(len(row.quarantined.payload) for row in await korat.ledger.quarantine(limit=100_000))
        grown = size_of(data) - before
    with capsys.disabled():
        print(
            f"\n  {flood}: {sent / SECONDS:.0f} messages/s; {len(loud)} of the neighbour, p99 quiet {p99(quiet):.3f} s,"
            f" loud {p99(loud):.3f} s; disk +{grown / 1e6:.1f} of {DISK_BYTES / 1e6:.0f} MB,"
            f" quarantine {kept / 1e6:.2f} of 1.00 MB"
        )
    assert sent > 0
    assert kept <= 2 * 500_000
    assert grown <= DISK_BYTES
    if LONG:
        assert p99(loud) <= max(1.5 * p99(quiet), 1.0)
