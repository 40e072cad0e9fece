"""A small town behind a real store, ledger and registry, and an API over it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import groupby
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.app import build
from api.openapi import Api
from api.settings import ApiSettings
from city.batch import Batch
from city.ledger import open_ledger
from city.ledger.port import DIRECT, Ledger, NewDevice, Settlement, Source
from city.reading import Reading
from city.registry import open_registry
from city.registry.port import Registry
from city.store import open_store
from city.store.port import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Give an empty DuckDB store."""
    opened = await open_store(f"duckdb:///{tmp_path}/readings.duckdb")
    yield opened
    await opened.aclose()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """Give an empty SQLite ledger."""
    opened = await open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield opened
    await opened.aclose()


@pytest.fixture
async def registry(tmp_path: Path, ledger: Ledger) -> AsyncIterator[Registry]:  # noqa: ARG001 - the ledger makes the tables
    """Give the registry beside the ledger."""
    opened = await open_registry(f"sqlite:///{tmp_path}/ledger.sqlite")
    yield opened
    await opened.aclose()


@pytest.fixture
def metrics() -> CollectorRegistry:
    """Give a registry of metrics for this test alone."""
    return CollectorRegistry()


@pytest.fixture
def app(store: Store, ledger: Ledger, registry: Registry, metrics: CollectorRegistry) -> Api:
    """Give the app over them."""
    return build(store, ledger, registry, checks={}, settings=ApiSettings(ready_timeout_s=0.2), metrics=metrics)


@pytest.fixture
async def client(app: Api) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of the app; an exception that gets through fails the test."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def hear(store: Store, ledger: Ledger) -> Callable[..., Awaitable[None]]:
    """Give a function that does with readings what ingest does."""

    async def hear(*readings: Reading, gateway: str = DIRECT, province: str = "th-30") -> None:
        settlement = Settlement(at_ns=time.time_ns())
        for _, rows in groupby(readings, lambda reading: reading.kind):
            await store.write(Batch.from_readings(list(rows)))
        for reading in readings:
            counts = settlement.counts[Source(gateway, reading.device)]
            counts.received += 1
            counts.stored += 1
        kinds = {reading.device: (reading.kind, reading.time_ns) for reading in readings}
        settlement.devices = [
            NewDevice(device, kind, province, gateway, first) for device, (kind, first) in kinds.items()
        ]
        await ledger.settle(settlement)

    return hear


@pytest.fixture
def follow(client: httpx2.AsyncClient) -> Callable[..., Awaitable[list[dict[str, object]]]]:
    """Give a function that follows the pages of a question to the end."""

    async def follow(path: str, **params: object) -> list[dict[str, object]]:
        pages: list[dict[str, object]] = []
        while len(pages) < 100:
            answer = await client.get(path, params=params)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json())
            if pages[-1]["next"] is None:
                return pages
            params["cursor"] = pages[-1]["next"]
        raise AssertionError("a hundred pages and no end")

    return follow
