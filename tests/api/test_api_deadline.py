"""A database that stands still holds up no request beyond its deadline, and no thread beyond its two."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.app import build
from api.settings import ApiSettings
from city.ledger import open_ledger
from city.registry import open_registry
from city.store.port import Latest, LatestQuery, Store
from support.postgres import Postgres
from support.process import descendants

DEADLINE_S = 1.0
PATHS = ("/v1/devices", "/v1/ledger", "/v1/quarantine", "/v1/devices/d-1/latest")


@pytest.fixture
async def over_postgres(store: Store, postgres_database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of an API whose ledger and registry are a PostgreSQL."""
    ledger, registry = await open_ledger(postgres_database), await open_registry(postgres_database)
    settings = ApiSettings(ready_timeout_s=0.2, deadline_s=DEADLINE_S)
    app = build(store, ledger, registry, checks={}, settings=settings, metrics=CollectorRegistry())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client
    await ledger.aclose()
    await registry.aclose()


async def test_a_frozen_postgresql_hangs_nothing(over_postgres: httpx2.AsyncClient, postgres: Postgres) -> None:
    assert (await over_postgres.get("/v1/devices")).status_code == 200
    server = (postgres.pid, *descendants(postgres.pid))
    for pid in server:
        os.kill(pid, signal.SIGSTOP)
    try:
        began, threads = time.monotonic(), 0
        for _ in range(2):
            asked = asyncio.gather(*(over_postgres.get(path) for path in PATHS * 10))
            assert (await over_postgres.get("/health/live")).status_code == 200
            assert (await over_postgres.get("/health/ready")).json()["parts"]["ledger"] == "down"
            redriven = await over_postgres.post("/v1/quarantine/redrive", json={"all": True})
            answers = [*await asked, redriven]
            assert {answer.status_code for answer in answers} == {503}
            assert {answer.headers["retry-after"] for answer in answers} == {"5"}
            assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
            threads = threads or threading.active_count()
            assert threading.active_count() <= threads
        assert time.monotonic() - began < 6 * DEADLINE_S
    finally:
        for pid in server:
            os.kill(pid, signal.SIGCONT)
    answers = await asyncio.gather(*(over_postgres.get(path) for path in PATHS[:3]))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert (await over_postgres.post("/v1/quarantine/redrive", json={"all": True})).status_code == 202


async def test_one_question_a_second_serves_all(
    client: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[LatestQuery] = []
    gate = asyncio.Event()

    async def latest(query: LatestQuery) -> list[Latest]:
        asked.append(query)
        await gate.wait()
        return [Latest(f"d-{number:03}", "weather", {}, None, None) for number in reversed(range(100))]

    monkeypatch.setattr(store, "latest", latest)
    asking = [asyncio.create_task(client.get("/v1/latest", params={"limit": 10})) for _ in range(20)]
    await asyncio.sleep(0.1)
    asking[0].cancel()
    gate.set()
    answers = await asyncio.gather(*asking[1:])
    assert {answer.status_code for answer in answers} == {200}
    page = answers[0].json()
    following = (await client.get("/v1/latest", params={"limit": 10, "cursor": page["next"]})).json()
    assert [one["id"] for one in page["features"] + following["features"]] == [f"d-{n:03}" for n in range(20)]
    assert len(asked) == 1
