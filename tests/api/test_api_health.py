"""Health, and the process in numbers."""

import asyncio
import time

import httpx2
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from api.app import build
from api.settings import ApiSettings
from city.errors import ClockWrong, StoreUnavailable
from city.ledger.port import Ledger
from city.registry.port import Registry
from city.store.port import Store


async def _ready(store: Store, ledger: Ledger, registry: Registry, **checks: object) -> httpx2.Response:
    settings = ApiSettings(ready_timeout_s=0.2)
    app = build(store, ledger, registry, checks=checks, settings=settings, metrics=CollectorRegistry())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        return await client.get("/health/ready")


async def test_all_parts_up_is_ready(store: Store, ledger: Ledger, registry: Registry) -> None:
    async def fine() -> None:
        pass

    answer = await _ready(store, ledger, registry, broker=fine)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "parts": {"store": "up", "ledger": "up", "broker": "up"}}


async def test_a_part_that_is_down_is_named(
    store: Store, ledger: Ledger, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down() -> None:
        raise StoreUnavailable("secret address")

    async def silent() -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(store, "ping", down)
    began = time.perf_counter()
    answer = await _ready(store, ledger, registry, broker=silent)
    assert time.perf_counter() - began < 2
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["parts"] == {"store": "down", "ledger": "up", "broker": "down"}
    assert answer.json()["detail"] == "down: store, broker"
    assert "secret" not in answer.text


async def test_a_wrong_clock_is_said_with_its_sentence(store: Store, ledger: Ledger, registry: Registry) -> None:
    async def ingest() -> None:
        raise ClockWrong("this machine's clock is 3600 s behind the city's")

    answer = await _ready(store, ledger, registry, ingest=ingest)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "down: ingest; this machine's clock is 3600 s behind the city's"


async def test_metrics_count_by_route_template(client: httpx2.AsyncClient, metrics: CollectorRegistry) -> None:
    Counter("ingest_stored", "Of another room in this process.", registry=metrics).inc(7)
    for path in ("/v1/devices/a", "/v1/devices/b", "/v1/catalog", "/wp-login.php", "/etc"):
        await client.get(path)
    await client.head("/v1/catalog")
    await client.request("BREW", "/v1/catalog")
    text = (await client.get("/metrics")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["ingest_stored_total",] == 7
    requests = {key[1:]: value for key, value in samples.items() if key[0] == "korat_api_requests_total"}
    assert requests == {
        ("GET", "/v1/devices/{device}", "404"): 2,
        ("GET", "/v1/catalog", "200"): 1,
        ("HEAD", "/v1/catalog", "200"): 1,
        ("other", "/v1/catalog", "405"): 1,
        ("GET", "none", "404"): 2,
    }
    assert samples["korat_api_request_seconds_count", "GET", "/v1/devices/{device}"] == 2
