"""Ten minutes without the broker: all is spooled, drains in order, and what comes in meanwhile isn't held up."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from fake_ingest import GATEWAY, FakeIngest
from rig import until

from support.mosquitto import Mosquitto
from support.ports import accepts, free_port
from support.process import Process

LONG = os.environ.get("KORAT_CHAOS") == "long"
READINGS = 300_000 if LONG else 30_000
"""Ten minutes of 500 a second, or one."""

A_PACK = 100
LIVE_S = 2.0
"""Seconds in which a reading of now must be with ingest, though it takes a pack only every few milliseconds."""

MEMORY_KB = 40_000
"""What the gateway may grow by while it drains: its window, and what the allocator keeps."""

BASE_MS = 1_764_900_000_000
PATH = "/ingest/native?kind=air_quality&device="
GATEWAY_PROCESS = """
import asyncio, sys
from pathlib import Path
from city.mqtt import Address
from gateway.run import run
from gateway.settings import GatewaySettings
broker, http, data, name = sys.argv[1:]
settings = GatewaySettings(id=name, http_port=int(http), pack_age_ms=20)
asyncio.run(
    run(settings, province="th-30", address=Address("127.0.0.1", int(broker)), data=Path(data), stop=asyncio.Event())
)
"""


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_a_backlog_drains_in_order_while_what_comes_in_arrives_at_once(
    broker: Mosquitto, ingest: FakeIngest, tmp_path: Path
) -> None:
    port = free_port()
    command = [sys.executable, "-c", GATEWAY_PROCESS, str(broker.port), str(port), str(tmp_path), GATEWAY]
    gateway = Process(command, tmp_path / "log", name="gateway", ready=lambda: accepts(port))
    ingest.pause_s = 0.004 if LONG else 0.008
    broker.kill()
    await asyncio.to_thread(gateway.start)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            await asyncio.gather(*(spool(client, first, 8) for first in range(8)))
            before_kb = memory_kb(gateway)
            broker.start()
            await until(lambda: len(ingest.packs) > 0)
            waits_s, max_kb = [], before_kb
            while old(ingest) < READINGS:
                waits_s.append(await travel_s(client, ingest, len(waits_s)))
                max_kb = max(max_kb, memory_kb(gateway))
        numbers = list(dict.fromkeys(ingest.numbers()))
        backlog = [seq for seq in numbers if seq <= READINGS // A_PACK]
        print(  # noqa: T201 - its figures
            f"\n{READINGS} readings drained while {len(waits_s)} came in; those took {max(waits_s):.2f} s at most; "
            f"memory {before_kb} kB before, {max_kb} kB at most"
        )
        assert backlog == list(range(1, READINGS // A_PACK + 1))
        assert len(waits_s) > 5, "the backlog was gone before anything was measured"
        assert max(waits_s) < LIVE_S
        assert max_kb - before_kb < MEMORY_KB
    finally:
        gateway.kill()


async def spool(client: aiohttp.ClientSession, first: int, step: int) -> None:
    """Hand over every `step`th pack of the backlog."""
    for number in range(first, READINGS // A_PACK, step):
        rows = [
            {"ts": BASE_MS + number * A_PACK + row, "values": {"pm2_5": row, "pm10": number % 1000}}
            for row in range(A_PACK)
        ]
        async with client.post(f"{PATH}old-{number % 50}", data=json.dumps(rows)) as response:
            assert response.status == 202


async def travel_s(client: aiohttp.ClientSession, ingest: FakeIngest, number: int) -> float:
    """Hand over one reading and wait until it is with ingest."""
    began_s = time.monotonic()
    device = f"live-{number}"
    seen = len(ingest.packs)
    async with client.post(PATH + device, data=b'{"values": {"pm2_5": 1}}') as response:
        assert response.status == 202
    await until(lambda: any(device in devices(ingest, at) for at in range(seen, len(ingest.packs))), within_s=60)
    return time.monotonic() - began_s


def devices(ingest: FakeIngest, at: int) -> set[str]:
    return {device for block in ingest.packs[at].readings for device in block.devices}


def old(ingest: FakeIngest) -> int:
    """Count the readings of the backlog that arrived."""
    return A_PACK * len({seq for seq in ingest.numbers() if seq <= READINGS // A_PACK})


def memory_kb(process: Process) -> int:
    """Measure what a process holds in memory."""
    assert process._child is not None
    status = Path(f"/proc/{process._child.pid}/status")
    lines = status.read_text("ascii").splitlines() if status.exists() else ["VmRSS: 0"]
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
