"""From publish to readable by the API, while 5,000 readings a second go through the embedded platform."""

import asyncio
import http.client
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
from parts import blast, running, used, wait_until_subscribed

from city import topics
from city.mqtt import Address, Session
from city.reading import Reading
from city.wire import direct
from support.korat import room
from support.ports import free_port

RATE: Final = 5_000
PROBES_A_SECOND: Final = 10
GIVE_UP_S: Final = 10.0


def measure_latency(seconds: float) -> None:
    """Print the percentiles; a probe device publishes and asks until its reading is there.

    It does so at random moments that no answer moves: a pause after each answer would keep step with the flush.
    """
    with tempfile.TemporaryDirectory(prefix="korat-bench-") as folder:
        ports = {name: free_port() for name in ("MQTT_PORT", "API_PORT", "GATEWAY_HTTP_PORT")}
        environment = {f"KORAT_{name}": str(port) for name, port in ports.items()}
        platform = room("up --no-demo", Path(folder), {**environment, "KORAT_INGEST_DEVICE_MESSAGES": "100000000"})
        with running(platform):
            _wait_for_api(ports["API_PORT"])
            wait_until_subscribed(ports["MQTT_PORT"])
            begun, before = time.monotonic(), used(platform.pid).cpu_s
            load = blast(ports["MQTT_PORT"], "direct", int((seconds + 4) * RATE), RATE)
            time.sleep(2)
            delays = asyncio.run(_probe(ports["MQTT_PORT"], ports["API_PORT"], seconds))
            busy = (used(platform.pid).cpu_s - before) / (time.monotonic() - begun)
            load.wait()
    p50, p95, p99 = np.percentile(delays, [50, 95, 99])
    print(
        f"latency at {RATE:,} readings/s over {seconds:.0f} s, publish to API, {len(delays)} probes: "
        f"p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, "
        f"most {max(delays) * 1000:.0f} ms; the platform's process used {busy:.2f} cores",
        flush=True,
    )


async def _probe(mqtt_port: int, api_port: int, seconds: float) -> list[float]:
    chance = random.Random(7)
    link = http.client.HTTPConnection("127.0.0.1", api_port, timeout=5)
    async with Session(Address("127.0.0.1", mqtt_port), client_id="probe", session_expiry_s=0) as session:
        await session.connected()
        moment = end = time.monotonic()
        end += seconds
        async with asyncio.TaskGroup() as tasks:
            probes = []
            while (moment := moment + chance.expovariate(PROBES_A_SECOND)) < end:
                await asyncio.sleep(moment - time.monotonic())
                probes.append(tasks.create_task(_delay(session, link)))
    link.close()
    return [probe.result() for probe in probes]


async def _delay(session: Session, link: http.client.HTTPConnection) -> float:
    begun = time.monotonic()
    now_ns = time.time_ns() // 10**6 * 10**6
    reading = Reading("probe", "noise", now_ns, {"sound_level": 50.0})
    await session.publish(topics.of_reading("th-30", reading), direct.encode([reading]))
    while not _readable(link, now_ns):
        if time.monotonic() - begun > GIVE_UP_S:
            raise RuntimeError("a probe was not readable within 10 s")
        await asyncio.sleep(0.005)
    return time.monotonic() - begun


def _readable(link: http.client.HTTPConnection, time_ns: int) -> bool:
    link.request("GET", "/v1/devices/probe/latest")
    answer = link.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        return False
    shown = json.loads(body)["properties"]["values"].get("sound_level")
    moment = np.datetime64(shown["time"].removesuffix("Z"), "ns").astype(int)
    return bool(moment >= time_ns)


def _wait_for_api(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            link.request("GET", "/health/ready")
            if link.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            link.close()
    raise RuntimeError("the API did not come up")
