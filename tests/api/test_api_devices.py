"""Devices: the list, its filters and pages, and one."""

from collections.abc import Awaitable, Callable

import httpx2

from city.reading import Reading

Say = Callable[..., Awaitable[None]]
Follow = Callable[..., Awaitable[list[dict[str, list[dict[str, str]]]]]]

NOON = 1_768_474_800 * 10**9


def _reading(device: str, kind: str = "weather") -> Reading:
    return Reading(device, kind, NOON, {"temperature": 31.5})


async def test_a_device_is_shown_as_the_registry_knows_it(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(_reading("w-1"), gateway="gw-1")
    answer = await client.get("/v1/devices/w-1")
    assert answer.status_code == 200
    assert answer.json() == {
        "device": "w-1",
        "kind": "weather",
        "kinds": ["weather"],
        "province": "th-30",
        "district": None,
        "owner": None,
        "gateway": "gw-1",
        "status": "discovered",
        "name": None,
        "first_seen": "2026-01-15T11:00:00Z",
    }


async def test_a_device_of_two_kinds_is_found_under_both(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(_reading("t", "vehicle"))
    await hear(_reading("t", "cargo"), _reading("v", "vehicle"))
    assert (await client.get("/v1/devices/t")).json()["kinds"] == ["cargo", "vehicle"]
    for kind, found in (("vehicle", "tv"), ("cargo", "t")):
        answer = await client.get("/v1/devices", params={"kind": kind})
        assert "".join(row["device"] for row in answer.json()["devices"]) == found


async def test_an_unknown_device_is_a_404_that_names_it(client: httpx2.AsyncClient) -> None:
    for path in ("/v1/devices/nobody", "/v1/devices/nobody/latest"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "nobody" in answer.json()["detail"]


async def test_filters_select(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(_reading("a"), _reading("b", "rain"))
    await hear(_reading("c"), province="th-10")
    for query, found in [
        ("", "abc"),
        ("kind=weather", "ac"),
        ("province=th-10", "c"),
        ("kind=rain&province=th-10", ""),
    ]:
        answer = await client.get(f"/v1/devices?{query}")
        assert "".join(row["device"] for row in answer.json()["devices"]) == found


async def test_pages_visit_every_device_once(follow: Follow, hear: Say) -> None:
    names = [f"d-{number:02d}" for number in range(7)]
    await hear(*map(_reading, reversed(names)))
    for limit in (1, 3, 7, 8):
        pages = await follow("/v1/devices", limit=limit)
        assert [row["device"] for page in pages for row in page["devices"]] == names
        assert len(pages) == -(-7 // limit)


async def test_an_unknown_kind_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/devices?kind=teapot")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == "kind"
