"""Newest values as GeoJSON."""

from collections.abc import Awaitable, Callable

import httpx2
import pytest

from city.reading import Flag, Reading

Say = Callable[..., Awaitable[None]]

NOON = 1_768_474_800 * 10**9


async def _found(client: httpx2.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/v1/latest?{query}")
    assert answer.status_code == 200, answer.text
    return [feature["id"] for feature in answer.json()["features"]]


async def test_a_feature_says_what_where_and_when(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(
        Reading("t-1", "vehicle", NOON, {"speed": 40.0, "x_own": 1.0}, 14.97, 102.1, {"speed": Flag.SUSPECT}),
        Reading("t-1", "vehicle", NOON + 500_000_000, {"x_own": 2.0}),
    )
    answer = await client.get("/v1/latest")
    assert answer.headers["content-type"] == "application/geo+json"
    feature = {
        "type": "Feature",
        "id": "t-1",
        "geometry": {"type": "Point", "coordinates": [102.1, 14.97]},
        "properties": {
            "device": "t-1",
            "kind": "vehicle",
            "values": {
                "speed": {"value": 40.0, "unit": "km/h", "time": "2026-01-15T11:00:00Z", "flag": 3},
                "x_own": {"value": 2.0, "unit": None, "time": "2026-01-15T11:00:00.5Z", "flag": 1},
            },
        },
    }
    assert answer.json() == {"type": "FeatureCollection", "features": [feature], "next": None}
    assert (await client.get("/v1/devices/t-1/latest")).json() == feature


async def test_a_device_without_position_has_no_geometry_and_lies_in_no_box(
    client: httpx2.AsyncClient, hear: Say
) -> None:
    await hear(Reading("a", "noise", NOON, {"sound_level": 55.0}))
    assert (await client.get("/v1/latest")).json()["features"][0]["geometry"] is None
    assert await _found(client, "bbox=-180,-90,180,90") == []


@pytest.mark.parametrize(
    ("bbox", "found"),
    [
        ("102,14,103,15", ["korat"]),
        ("102.1,14.97,102.1,14.97", ["korat"]),
        ("170,-30,-170,30", ["fiji-east", "fiji-west"]),
        ("-180,-90,180,90", ["fiji-east", "fiji-west", "korat"]),
        ("0,0,1,1", []),
    ],
)
async def test_a_box_holds_its_edges_and_may_cross_the_date_line(
    client: httpx2.AsyncClient, hear: Say, bbox: str, found: list[str]
) -> None:
    speed = {"speed": 1.0}
    await hear(
        Reading("korat", "vehicle", NOON, speed, 14.97, 102.1),
        Reading("fiji-west", "vehicle", NOON, speed, -17.0, 179.0),
        Reading("fiji-east", "vehicle", NOON, speed, -17.0, -179.0),
    )
    assert await _found(client, f"bbox={bbox}") == found


async def test_what_is_no_box_is_refused(client: httpx2.AsyncClient) -> None:
    for bbox in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0,10,1,5", "-181,0,0,1", "0,0,nan,1", "0,0,0,inf"):
        answer = await client.get(f"/v1/latest?bbox={bbox}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["name"] == "bbox"


async def test_kinds_may_be_several(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(*(Reading(kind, kind, NOON, {"battery": 1.0}) for kind in ("rain", "noise", "cargo")))
    assert await _found(client, "kind=rain&kind=cargo") == ["cargo", "rain"]


async def test_pages_visit_every_device_once(client: httpx2.AsyncClient, hear: Say) -> None:
    names = [f"d-{number:02d}" for number in range(7)]
    await hear(*(Reading(name, "noise", NOON, {"battery": 1.0}) for name in names))
    # set up anew as another kind: a row of each
    await hear(Reading("d-03", "rain", NOON, {"battery": 1.0}))
    for limit in (1, 2, 3, 8):
        seen, cursor = [], ""
        while True:
            page = (await client.get(f"/v1/latest?limit={limit}{cursor}")).json()
            seen += [(one["id"], one["properties"]["kind"]) for one in page["features"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == sorted([(name, "noise") for name in names] + [("d-03", "rain")])


async def test_a_device_that_became_another_kind_is_shown_as_that(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(Reading("a", "noise", NOON, {"battery": 1.0}))
    await hear(Reading("a", "rain", NOON + 1, {"battery": 2.0}))
    assert (await client.get("/v1/devices/a/latest")).json()["properties"]["kind"] == "rain"


async def test_what_a_truck_measures_under_both_its_kinds_is_shown_together(
    client: httpx2.AsyncClient, hear: Say
) -> None:
    await hear(Reading("t", "vehicle", NOON, {"speed": 60.0, "battery": 90.0}, 14.9, 102.1))
    await hear(Reading("t", "cargo", NOON, {"temperature": -18.5}))
    await hear(Reading("t", "cargo", NOON - 1, {"battery": 50.0}))
    shown = (await client.get("/v1/devices/t/latest")).json()
    assert shown["geometry"]["coordinates"] == [102.1, 14.9]
    assert shown["properties"]["kind"] == "vehicle"
    values = {key: one["value"] for key, one in shown["properties"]["values"].items()}
    assert values == {"battery": 90.0, "speed": 60.0, "temperature": -18.5}
