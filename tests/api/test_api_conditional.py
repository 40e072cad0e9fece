"""What is polled costs little when nothing changed."""

import gzip
import json
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from city.reading import Reading

Say = Callable[..., Awaitable[None]]

NOON = 1_768_474_800 * 10**9
POLLED = [
    "/v1/catalog",
    "/v1/devices",
    "/v1/devices/a",
    "/v1/devices/a/latest",
    "/v1/latest",
    "/v1/readings?device=a&start=2026-01-15T00:00:00Z&end=2026-01-16T00:00:00Z",
    "/v1/ledger?start=2026-01-15T00:00:00Z&end=2026-01-16T00:00:00Z",
    "/v1/ledger?by=device",
    "/v1/quarantine",
]


async def test_an_answer_that_is_there_already_is_not_sent_again(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(Reading("a", "noise", NOON, {"sound_level": 50.0}))
    for path in POLLED:
        first = await client.get(path)
        tag = first.headers["etag"]
        assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
        for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', f'W/"a,b" , {tag}', "*"):
            again = await client.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
            assert "content-type" not in again.headers
        for other in ('"other"', 'W/"other"', "", tag.strip('W/"'), '"*"'):
            assert (await client.get(path, headers={"If-None-Match": other})).status_code == 200


async def test_a_new_value_changes_the_tag(
    client: httpx2.AsyncClient, hear: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.latest_snapshots._AGE_S", 0)
    await hear(Reading("a", "noise", NOON, {"sound_level": 50.0}))
    tag = (await client.get("/v1/latest")).headers["etag"]
    await hear(Reading("a", "noise", NOON + 1, {"sound_level": 50.0}))
    again = await client.get("/v1/latest", headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert again.headers["etag"] != tag


async def test_several_lines_of_tags_count_as_one(client: httpx2.AsyncClient) -> None:
    tag = (await client.get("/v1/catalog")).headers["etag"]
    answer = await client.get("/v1/catalog", headers=[("If-None-Match", '"x"'), ("If-None-Match", tag)])
    assert answer.status_code == 304


async def test_problems_and_posts_have_no_tag(client: httpx2.AsyncClient) -> None:
    assert "etag" not in (await client.get("/v1/devices/nobody", headers={"If-None-Match": "*"})).headers
    assert "etag" not in (await client.post("/v1/quarantine/redrive", json={"all": True})).headers


async def test_large_answers_are_compressed_for_those_who_ask(client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/v1/catalog", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    plain = await client.get("/v1/catalog", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert json.loads(gzip.decompress(raw)) == plain.json()
    assert answer.headers["etag"] == plain.headers["etag"]


async def test_head_is_get_without_a_body(client: httpx2.AsyncClient) -> None:
    for path in ("/v1/catalog", "/health/live"):
        head, get = await client.head(path), await client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers.get("etag") == get.headers.get("etag")
