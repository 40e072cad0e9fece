"""Floods of one device beside an innocent neighbour: all of its readings are stored, and the disk grows by a bound.

`make chaos` floods for a minute each.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from city import topics
from city.batch import Batch
from city.ledger.port import By
from city.reading import Reading
from city.wire import pack
from support.ingesting import PROVINCE, Platform, platform
from support.mosquitto import Mosquitto

SECONDS = 60.0 if os.environ.get("KORAT_CHAOS") == "long" else 3.0
Flood = Callable[[Platform, int], Awaitable[None]]


async def garbage(korat: Platform, number: int) -> None:
    await korat.send("rain", "offender", f"{number}".encode().ljust(1_000, b"{"))


async def names(korat: Platform, number: int) -> None:
    await korat.send("rain", "offender", {"values": {f"q{number}_{k}": 1.0 for k in range(20)}})


async def too_much(korat: Platform, number: int) -> None:
    await korat.send("rain", "offender", {"ts": time.time_ns() // 10**6 - number, "values": {"rain_rate": 1.0}})


async def topics_(korat: Platform, number: int) -> None:
    await korat.send("rain", f"invented-{number}", {"values": {"rain_rate": 1.0}})


async def _pack(korat: Platform, number: int, *readings: Reading) -> None:
    block = pack.to_block(Batch.from_readings(readings))
    payload = pack.encode(pack.Pack("gw-bad", "spool", number + 1, number * len(readings), [block], []))
    await korat.client.publish(topics.pack(PROVINCE, "gw-bad"), payload)


async def packed_names(korat: Platform, number: int) -> None:
    now_ns = time.time_ns()
    await _pack(korat, number, *(Reading("offender", "rain", now_ns + k, {f"q{number}_{k}": 1.0}) for k in range(20)))


async def packed_devices(korat: Platform, number: int) -> None:
    now_ns = time.time_ns()
    await _pack(korat, number, *(Reading(f"i{number}-{k}", "rain", now_ns, {"rain_rate": 1.0}) for k in range(20)))


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


async def _innocent(korat: Platform, seconds: float) -> list[float]:
    """Send a reading ten times a second, and give how long each took until it could be read."""
    latencies: list[float] = []
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        at_ms = time.time_ns() // 10**6
        began_s = time.monotonic()
        body = json.dumps({"ts": at_ms, "values": {"people_count": 1}}).encode()
        await korat.client.publish(topics.direct(PROVINCE, "crowd", "innocent"), body)

        async def there(at_ns: int = at_ms * 10**6) -> bool:
            return any(value[0] >= at_ns for value in (await korat.latest("innocent")).values())

        await korat.until(there)
        latencies.append(time.monotonic() - began_s)
        await asyncio.sleep(0.1)
    return latencies


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]


@pytest.mark.parametrize("flood", [garbage, names, too_much, topics_, packed_names, packed_devices])
async def test_a_flood_costs_the_neighbour_nothing(
    broker: Mosquitto, tmp_path: Path, flood: Flood, capsys: pytest.CaptureFixture[str]
) -> None:
    bounds = {"quarantine_source_bytes": 200_000, "quarantine_hour_bytes": 500_000}
    budgets = {"new_quantities": 50, "new_devices": 100, "device_messages": 5_000}
    async with platform(broker, tmp_path, **(bounds | budgets)) as korat:
        quiet = await _innocent(korat, min(SECONDS, 10.0) / 2)
        before = size_of(tmp_path)
        stop = asyncio.Event()
        sent = 0

        async def offend() -> None:
            nonlocal sent
            while not stop.is_set():
                await flood(korat, sent)
                sent += 1

        offending = asyncio.create_task(offend())
        loud = await _innocent(korat, SECONDS)
        stop.set()
        await offending
        count = len(quiet) + len(loud)

        async def settled() -> bool:
            accounts = await korat.ledger.account(0, 2**62, By.DEVICE, limit=100_000)
            return any(one.key == "innocent" and one.counts.stored == count for one in accounts)

        await korat.until(settled)
        kept = sum(len(row.quarantined.payload) for row in await korat.ledger.quarantine(limit=100_000))
        grown = size_of(tmp_path) - before
    assert kept <= 2 * 500_000
    with capsys.disabled():
        print(
            f"\n  {flood.__name__}: {sent / SECONDS:.0f} messages/s; p99 quiet {p99(quiet):.3f} s,"
            f" loud {p99(loud):.3f} s; disk +{grown / 1e6:.1f} MB, quarantine {kept / 1e6:.2f} MB"
        )
