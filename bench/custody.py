"""What a reading costs the gateway: from the HTTP door over the spool to the broker, receipts included.

It knows the programs alone and nothing of what they are made of, so that `compare.py` measures any checkout with it.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp
from parts import running, used, wait_for, wait_until_subscribed

from support.korat import room
from support.mosquitto import Mosquitto
from support.ports import free_port

PER_BODY: Final = 20
SENDERS: Final = 16
START_MS: Final = 1_764_900_000_000


class Cost(NamedTuple):
    """CPU of the gateway's process a reading, and the time from the first body to the last receipt."""

    cpu_us: float
    wall_s: float
    peak_mib: float


def drain_gateway(folder: Path, bodies: int) -> Cost:
    """Hand over bodies of 20 readings each, and wait until ingest has stored them all."""
    ledger = f"sqlite:///{folder / 'ingest' / 'ledger.sqlite'}"
    port = free_port()
    with Mosquitto(folder / "broker", config_extra="persistence false") as broker:
        here = {"KORAT_MQTT_PORT": str(broker.port)}
        ingest = room("ingest", folder / "ingest", {**here, "KORAT_LEDGER_URL": ledger})
        gateway = room("gateway", folder / "gateway", {**here, "KORAT_GATEWAY_HTTP_PORT": str(port)}, ready_port=port)
        with running(ingest), running(gateway):
            wait_until_subscribed(broker.port)
            begun, before = time.monotonic(), used(gateway.pid).cpu_s
            asyncio.run(_send(port, bodies))
            wait_for(ledger, bodies * PER_BODY, ingest, 120)
            time.sleep(0.5)  # the last receipts
            after = used(gateway.pid)
            return Cost(
                (after.cpu_s - before) / (bodies * PER_BODY) * 1e6, time.monotonic() - begun - 0.5, after.peak_mib
            )


def measure_gateway(bodies: int) -> None:
    """Print its row."""
    with tempfile.TemporaryDirectory(prefix="korat-bench-") as folder:
        cost = drain_gateway(Path(folder), bodies)
    readings = bodies * PER_BODY
    print(
        f"{'gateway':<10}{'spool':<10}{readings:>10,}{cost.cpu_us:>13.1f}{cost.wall_s:>9.1f}"
        f"{readings / cost.wall_s:>12,.0f}{cost.peak_mib:>10.0f}",
        flush=True,
    )


async def _send(port: int, bodies: int) -> None:
    waiting = _bodies(bodies)
    url = f"http://127.0.0.1:{port}/ingest/native"

    async def send(client: aiohttp.ClientSession) -> None:
        for body in waiting:
            async with client.post(url, data=body) as answer:
                if answer.status != 202:
                    raise RuntimeError(f"the gateway answered {answer.status}: {await answer.text()}")

    async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as tasks:
        for _ in range(SENDERS):
            tasks.create_task(send(client))


def _bodies(count: int) -> Iterator[bytes]:
    """Each of 20 devices in turn, one reading a second."""
    for number in range(count):
        yield json.dumps(
            [
                {
                    "device": f"aq-{device}",
                    "kind": "air_quality",
                    "ts": START_MS + number * 1000,
                    "values": {"pm2_5": 18.2 + device, "pm10": 31.0, "o3": 20.5, "temperature": 29.1, "humidity": 61.0},
                }
                for device in range(PER_BODY)
            ]
        ).encode()
