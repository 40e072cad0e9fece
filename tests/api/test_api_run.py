"""The server on a real port, inside the process's own loop."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.run import run
from api.settings import ApiSettings
from city.errors import ConfigurationError
from city.ledger.port import Ledger
from city.registry.port import Registry
from city.store.port import Latest, LatestQuery, Store
from support.ports import accepts, free_port

Start = Callable[[asyncio.Event], asyncio.Task[None]]


@pytest.fixture
def settings() -> ApiSettings:
    """Give a free port."""
    return ApiSettings(port=free_port())


@pytest.fixture
def start(settings: ApiSettings, store: Store, ledger: Ledger, registry: Registry) -> Start:
    """Give a function that starts the server."""

    def start(stop: asyncio.Event) -> asyncio.Task[None]:
        rest = {"store": store, "ledger": ledger, "registry": registry, "checks": {}, "metrics": CollectorRegistry()}
        return asyncio.create_task(run(settings, **rest, stop=stop), name="run")

    return start


async def _listening(settings: ApiSettings) -> None:
    while not await asyncio.to_thread(accepts, settings.port):
        await asyncio.sleep(0.02)


async def test_it_serves_and_stops_within_two_seconds_with_connections_open(
    settings: ApiSettings, start: Start
) -> None:
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    stop = asyncio.Event()
    running = start(stop)
    await _listening(settings)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
        answer = await client.get("/v1/catalog", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        tag = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get("/v1/catalog", headers=tag)).status_code == 304
        assert (await client.head("/v1/catalog")).content == b""
        assert (await client.get("/health/ready")).status_code == 200
        with socket.create_connection(("127.0.0.1", settings.port)) as half:
            half.sendall(b"GET /v1/catalog HTTP/1.1\r\nHost:")
            began = time.perf_counter()
            stop.set()
            await running
            assert time.perf_counter() - began < 2
    assert not accepts(settings.port)


async def test_a_request_that_takes_too_long_does_not_hold_up_the_stop(
    settings: ApiSettings, start: Start, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def slow(_: LatestQuery) -> list[Latest]:
        asked.set()
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(store, "latest", slow)
    stop = asyncio.Event()
    running = start(stop)
    await _listening(settings)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
        polling = asyncio.create_task(client.get("/v1/latest"))
        await asked.wait()
        began = time.perf_counter()
        stop.set()
        await running
        assert time.perf_counter() - began < 2
        answer = await polling
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_cancelling_stops_it_cleanly(settings: ApiSettings, start: Start) -> None:
    running = start(asyncio.Event())
    await _listening(settings)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not accepts(settings.port)


async def test_a_port_that_is_taken_is_one_sentence(settings: ApiSettings, start: Start) -> None:
    with socket.create_server(("127.0.0.1", settings.port)), pytest.raises(ConfigurationError, match=r"api\.port"):
        await start(asyncio.Event())
