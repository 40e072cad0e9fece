"""An InfluxDB that stands still holds up no request beyond its deadline, and nothing piles up behind it."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.app import build
from api.settings import ApiSettings
from city.ledger.port import Ledger
from city.reading import Reading
from city.registry.port import Registry
from city.store import open_store
from city.store.port import Store
from support.influx import Influx
from support.process import descendants

DEADLINE_S = 2.0
PATHS = ("/v1/latest", "/v1/latest?kind=weather", "/v1/devices/d-1/latest", "/v1/readings?device=d-1")


@pytest.fixture
async def store(influx: Influx, influx_database: str) -> AsyncIterator[Store]:
    """Give a store in the InfluxDB."""
    opened = await open_store(influx.store_url(influx_database))
    yield opened
    await opened.aclose()


@pytest.fixture
async def over_influx(store: Store, ledger: Ledger, registry: Registry) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of an API over it."""
    settings = ApiSettings(ready_timeout_s=0.2, deadline_s=DEADLINE_S)
    app = build(store, ledger, registry, checks={}, settings=settings, metrics=CollectorRegistry())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_frozen_influxdb_hangs_nothing(
    over_influx: httpx2.AsyncClient, influx: Influx, hear: Callable[..., Awaitable[None]]
) -> None:
    await hear(Reading("d-1", "weather", time.time_ns() - 10**9, {"temperature": 20.5}))
    assert [(await over_influx.get(path)).status_code for path in PATHS] == [200] * len(PATHS)
    await asyncio.sleep(1.1)  # the snapshot of the newest values is a second old
    server = (influx.pid, *descendants(influx.pid))
    for pid in server:
        os.kill(pid, signal.SIGSTOP)
    try:
        began, bounds = time.monotonic(), (0, 0)
        for _ in range(3):
            asked = asyncio.gather(*(over_influx.get(path) for path in PATHS * 10))
            assert (await over_influx.get("/health/live")).status_code == 200
            ready = await over_influx.get("/health/ready")
            assert (ready.status_code, ready.json()["parts"]["store"]) == (503, "down")
            assert (await over_influx.get("/v1/devices")).status_code == 200
            answers = await asked
            assert {answer.status_code for answer in answers} == {503}
            assert {answer.headers["retry-after"] for answer in answers} == {"5"}
            assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
            await asyncio.sleep(0.1)
            bounds = bounds if bounds[0] else (threading.active_count(), _open_files() + 5)
            assert threading.active_count() <= bounds[0]
            assert _open_files() <= bounds[1]
        assert time.monotonic() - began < 6 * DEADLINE_S
    finally:
        for pid in server:
            os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(20):
        while [(await over_influx.get(path)).status_code for path in PATHS] != [200] * len(PATHS):
            await asyncio.sleep(0.2)
    assert (await over_influx.get("/v1/latest")).json()["features"][0]["id"] == "d-1"
