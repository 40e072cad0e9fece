"""Behind a trusted proxy, the API knows who asks; any other's word about it counts for nothing."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from structlog.testing import capture_logs

from api.app import build
from api.settings import ApiSettings
from city.ledger.port import Ledger
from city.registry.port import Registry
from city.store.port import Store


@pytest.fixture(params=["127.0.0.1", "192.0.2.0/24", ""])
def proxies(request: pytest.FixtureRequest) -> str:
    """Give whom the API trusts; the first is where these tests ask from."""
    return str(request.param)


@pytest.fixture
async def proxied(store: Store, ledger: Ledger, registry: Registry, proxies: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of an API that trusts them; two requests of one client may be under way."""
    settings = ApiSettings(trusted_proxies=proxies, max_connections=8)
    app = build(store, ledger, registry, checks={}, settings=settings, metrics=CollectorRegistry())
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.mark.parametrize("way", ["X-Forwarded-For", "Forwarded"])
async def test_one_client_takes_at_most_half_and_the_log_names_it(
    proxied: httpx2.AsyncClient, store: Store, proxies: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    gate = asyncio.Event()

    async def latest(_: object) -> None:
        await gate.wait()
        raise RuntimeError("a bug")

    monkeypatch.setattr(store, "latest", latest)

    async def ask(client: str) -> int:
        value = f"6.6.6.6, {client}" if way == "X-Forwarded-For" else f"for=6.6.6.6, for={client}"
        answer = await proxied.get("/v1/latest", headers={way: value})
        if answer.status_code == 429:
            assert answer.json()["type"] == "urn:korat:problem:busy"
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["x-content-type-options"] == "nosniff"
        return answer.status_code

    with capture_logs() as logs:
        asked = [asyncio.create_task(ask("203.0.113.7")) for _ in range(5)]
        await asyncio.sleep(0.05)
        asked.append(asyncio.create_task(ask("203.0.113.8")))
        await asyncio.sleep(0.05)
        gate.set()
        statuses = await asyncio.gather(*asked)
    believed = proxies == "127.0.0.1"
    assert statuses == [500] * 4 + ([429, 500] if believed else [429, 429] if proxies else [500, 500])
    assert {line["client"] for line in logs} == ({"203.0.113.7", "203.0.113.8"} if believed else {"127.0.0.1"})


def test_a_proxy_that_is_no_address_is_refused_at_the_start() -> None:
    with pytest.raises(ValidationError, match="neither an address nor a network"):
        ApiSettings(trusted_proxies="proxy.lan")
