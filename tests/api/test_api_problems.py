"""Every error is a problem document, and none tells what is nobody's business."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from structlog.testing import capture_logs

from api.guard import MAX_BODY_BYTES, MAX_QUERY_BYTES
from api.openapi import Api
from api.problems import ProblemBody
from city.errors import LedgerUnavailable, StoreUnavailable
from city.ledger.port import Ledger
from city.store.port import Store


def _paths(app: Api) -> Iterator[tuple[str, str]]:
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            yield method.upper(), path.replace("{device}", "a")


def _problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = msgspec.json.decode(answer.content, type=ProblemBody)
    assert body.status == status
    assert body.title
    assert body.detail
    found: dict[str, Any] = answer.json()
    return found


async def test_a_parameter_that_no_route_knows_is_refused_by_name(client: httpx2.AsyncClient, app: Api) -> None:
    for method, path in _paths(app):
        problem = _problem(await client.request(method, f"{path}?devcie=a&zz"), 400)
        assert [error["name"] for error in problem["errors"]] == ["devcie", "zz"], path
        assert problem["type"] == "urn:korat:problem:unknown-parameter"


async def test_a_single_parameter_given_twice_is_refused(client: httpx2.AsyncClient) -> None:
    problem = _problem(await client.get("/v1/devices?kind=rain&kind=noise"), 400)
    assert (problem["type"], problem["errors"][0]["name"]) == ("urn:korat:problem:repeated-parameter", "kind")


async def test_addresses_and_methods_that_do_not_exist(client: httpx2.AsyncClient) -> None:
    for path in ("/nowhere", "/v1", "/v1/devices/", "/docs", "/redoc", "/v1/devices/a/b"):
        _problem(await client.get(path), 404)
    answer = await client.delete("/v1/devices")
    _problem(answer, 405)
    assert answer.headers["allow"] == "GET"


async def test_a_broken_body_is_refused(client: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"", b"{", b'{"ids": ["x"]}'):
        answer = await client.post("/v1/quarantine/redrive", content=content, headers=headers)
        assert _problem(answer, 422)["errors"][0]["in"] == "body"
    _problem(await client.post("/v1/quarantine/redrive", content=b"\xff", headers=headers), 400)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post("/v1/quarantine/redrive", content=b'{"all": true}', headers=form)
    _problem(answer, 415)
    assert "Content-Type: application/json" in answer.json()["detail"]


async def test_sizes_are_bounded(client: httpx2.AsyncClient) -> None:
    _problem(await client.get("/v1/devices?kind=" + "x" * MAX_QUERY_BYTES), 414)
    _problem(await client.post("/v1/quarantine/redrive", content=b" " * (MAX_BODY_BYTES + 1)), 413)


async def test_a_body_without_a_length_is_bounded_too(client: httpx2.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    _problem(await client.post("/v1/quarantine/redrive", content=endless(), headers=headers), 413)


async def test_a_part_that_is_down_is_a_503_that_says_when_to_come_back(
    client: httpx2.AsyncClient, store: Store, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_store(_: object) -> None:
        raise StoreUnavailable("http://user:secret@store:8086 is down", 2.5)

    async def no_ledger(*_: object, **__: object) -> None:
        raise LedgerUnavailable("/var/secret is down")

    monkeypatch.setattr(store, "latest", no_store)
    monkeypatch.setattr(ledger, "account", no_ledger)
    for path, wait in (("/v1/latest", "3"), ("/v1/ledger", "1")):
        answer = await client.get(path)
        assert "secret" not in str(_problem(answer, 503))
        assert answer.headers["retry-after"] == wait


async def test_what_breaks_inside_is_logged_under_an_id_and_not_told(
    client: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr(store, "latest", broken)
    with capture_logs() as lines:
        problem = _problem(await client.get("/v1/latest"), 500)
    assert re.fullmatch(r"[0-9a-f]{32}", problem["id"])
    assert [line["id"] for line in lines] == [problem["id"]]
    assert "secret" not in str(problem)
    assert "ZeroDivision" not in str(problem)


async def test_every_answer_carries_the_safe_headers(client: httpx2.AsyncClient) -> None:
    for path in ("/", "/v1/catalog", "/nowhere", "/metrics", "/health/live"):
        headers = (await client.get(path, headers={"Origin": "http://elsewhere.test"})).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP, identity", "br", "nonsense"])
async def test_a_packed_body_is_refused_by_its_coding(client: httpx2.AsyncClient, coding: str) -> None:
    answer = await client.post("/v1/quarantine/redrive", content=b"\x1f\x8b", headers={"Content-Encoding": coding})
    assert _problem(answer, 415)["type"] == "urn:korat:problem:packed"
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_that_says_it_is_not_packed_is_read(client: httpx2.AsyncClient) -> None:
    for coding in ("identity", ""):
        asked = client.post("/v1/quarantine/redrive", json={"all": True}, headers={"Content-Encoding": coding})
        assert (await asked).status_code == 202
