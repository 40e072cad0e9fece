"""Readings over time."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from api.limits import BUCKETS, RAW
from api.times import rfc3339, spelled
from city.reading import Flag, Reading

Say = Callable[..., Awaitable[None]]
Follow = Callable[..., Awaitable[list[dict[str, Any]]]]

MINUTE = 60 * 10**9
NOON = 1_768_474_800 * 10**9


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({}, "device"),
    ({"device": "A b"}, "device.0"),
    ({"device": [f"d{n}" for n in range(101)]}, "device"),
    ({"device": "a", "quantity": "Pm"}, "quantity.0"),
    ({"device": "a", "start": "yesterday"}, "start"),
    ({"device": "a", "every": "5 minutes"}, "every"),
    ({"device": "a", "every": "5m", "aggregate": "guess"}, "aggregate"),
    ({"device": "a", "aggregate": "mean"}, "query"),
    ({"device": "a", "limit": "0"}, "limit"),
    ({"device": "a", "limit": "50001"}, "limit"),
]


async def _hour(hear: Say, *devices: str) -> None:
    await hear(
        *(
            Reading(device, "air_quality", NOON + n * MINUTE, {"pm2_5": float(n), "pm10": 2.0 * n})
            for device in devices
            for n in range(60)
        )
    )


def _range(minutes: int = 60) -> dict[str, str]:
    return {"start": rfc3339(NOON), "end": rfc3339(NOON + minutes * MINUTE)}


async def test_raw_series_carry_times_values_and_flags(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(
        Reading("a", "air_quality", NOON, {"pm2_5": 18.2, "own_x": 1.0}),
        Reading("a", "air_quality", NOON + MINUTE + 1, {"pm2_5": -5.0}, flags={"pm2_5": Flag.FAIL}),
    )
    answer = await client.get("/v1/readings", params={"device": "a", **_range(2)})
    own, pm = answer.json()["series"]
    assert own == {
        "device": "a",
        "quantity": "own_x",
        "kind": "air_quality",
        "unit": None,
        "points": [["2026-01-15T11:00:00Z", 1.0, 1]],
        "completeness": 0.5,
        "worst_flag": 1,
    }
    assert pm["unit"] == "ug/m3"
    assert pm["points"] == [["2026-01-15T11:00:00Z", 18.2, 1], ["2026-01-15T11:01:00.000000001Z", -5.0, 4]]
    assert (pm["completeness"], pm["worst_flag"]) == (0.5, 4)
    assert answer.json()["next"] is None


async def test_numbers_are_written_so_that_they_read_back_as_they_are_stored(
    client: httpx2.AsyncClient, hear: Say
) -> None:
    told = [0.1 + 0.2, 1 / 3, 2.0**53, 2.0**53 + 2, -(2.0**63), 1e22, 5e-324, 1.7976931348623157e308, -0.0, 7.0]
    rows = [Reading("a", "sensor", NOON + number * MINUTE, {"own_x": value}) for number, value in enumerate(told)]
    await hear(*rows, Reading("a", "sensor", NOON + 20 * MINUTE, {"own_x": 2.0**53}, flags={"own_x": Flag.SUSPECT}))
    answer = await client.get("/v1/readings", params={"device": "a", **_range()})
    (own,) = answer.json()["series"]
    values = [value for _, value, _ in own["points"]]
    assert values == [*told, 2.0**53]
    assert all(isinstance(value, float) for value in values), "an integer's digits would promise too much"
    assert own["points"][-1][2] == Flag.SUSPECT
    latest = (await client.get("/v1/devices/a/latest")).json()
    assert latest["properties"]["values"]["own_x"]["flag"] == Flag.SUSPECT


async def test_buckets_are_aggregated_and_aligned(client: httpx2.AsyncClient, hear: Say) -> None:
    await _hour(hear, "a")
    question = {"device": "a", "quantity": "pm2_5", **_range(), "every": "30m"}
    for aggregate, values in [
        ({}, [14.5, 44.5]),
        ({"aggregate": "max"}, [29.0, 59.0]),
        ({"aggregate": "count"}, [30.0, 30.0]),
    ]:
        (series,) = (await client.get("/v1/readings", params=question | aggregate)).json()["series"]
        assert series["points"] == [["2026-01-15T11:00:00Z", values[0], 1], ["2026-01-15T11:30:00Z", values[1], 1]]
        assert series["completeness"] == 1.0


async def test_several_devices_and_quantities(client: httpx2.AsyncClient, hear: Say) -> None:
    await _hour(hear, "a", "b")
    params = [("device", "b"), ("device", "a"), ("device", "b"), ("quantity", "pm2_5"), ("quantity", "co2")]
    answer = await client.get("/v1/readings", params=[*params, *_range().items()])
    series = answer.json()["series"]
    assert [(one["device"], one["quantity"]) for one in series] == [
        ("a", "co2"),
        ("a", "pm2_5"),
        ("b", "co2"),
        ("b", "pm2_5"),
    ]
    about = {"device": "a", "quantity": "co2", "kind": "air_quality", "unit": "[ppm]"}
    assert series[0] == about | {"points": [], "completeness": 0.0, "worst_flag": 9}


async def test_a_truck_with_probes_has_the_history_of_both_its_kinds(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(Reading("t", "vehicle", NOON, {"speed": 60.0, "battery": 90.0}))
    await hear(Reading("t", "cargo", NOON, {"temperature": -18.5, "battery": 50.0}))
    answer = await client.get("/v1/readings", params={"device": "t", **_range()})
    found = [(one["quantity"], one["kind"], one["points"][0][1]) for one in answer.json()["series"]]
    assert found == [
        ("battery", "cargo", 50.0),
        ("battery", "vehicle", 90.0),
        ("speed", "vehicle", 60.0),
        ("temperature", "cargo", -18.5),
    ]
    params = [("device", "t"), ("quantity", "battery"), ("quantity", "humidity"), ("kind", "cargo"), *_range().items()]
    battery, humidity = (await client.get("/v1/readings", params=params)).json()["series"]
    assert (battery["kind"], battery["points"][0][1]) == ("cargo", 50.0)
    assert (humidity["kind"], humidity["points"]) == ("cargo", [])


async def test_all_pages_have_the_same_series_of_a_device_of_two_kinds(follow: Follow, hear: Say) -> None:
    for minute in range(6):
        once = {} if minute else {"battery": 90.0}
        await hear(Reading("t", "vehicle", NOON + minute * MINUTE, {"speed": 60.0} | once))
    await hear(Reading("t", "cargo", NOON, {"temperature": -18.5}))
    quantities = ["battery", "speed", "temperature"]
    pages = await follow("/v1/readings", device="t", quantity=quantities, limit=3, **_range())
    named = [{(one["quantity"], one["kind"]) for one in page["series"]} for page in pages]  # type: ignore[attr-defined]
    assert len(pages) > 2
    assert set.union(*named) == {
        ("battery", "cargo"),
        ("battery", "vehicle"),
        ("speed", "vehicle"),
        ("temperature", "cargo"),
    }
    assert set.intersection(*named) == set.union(*named) - {("battery", "vehicle")}


async def test_a_track_is_asked_for_like_quantities(client: httpx2.AsyncClient, hear: Say) -> None:
    await hear(Reading("t", "vehicle", NOON, {"speed": 1.0}, 14.97, 102.1))
    params = [("device", "t"), ("quantity", "lat"), ("quantity", "lon"), *_range().items()]
    lat, lon = (await client.get("/v1/readings", params=params)).json()["series"]
    assert (lat["points"][0][1], lat["unit"], lon["points"][0][1]) == (14.97, "deg", 102.1)


@pytest.mark.parametrize("more", [{}, {"every": "5m"}, {"every": "7m", "aggregate": "sum"}])
async def test_pages_visit_every_point_once(
    client: httpx2.AsyncClient, follow: Follow, hear: Say, more: dict[str, str]
) -> None:
    await _hour(hear, "a", "b")
    question = {"device": ["a", "b"], **_range(20), **more}
    whole = (await client.get("/v1/readings", params=question)).json()["series"]
    for limit in (4, 7, 100):
        pages = await follow("/v1/readings", **question, limit=limit)
        seen: dict[tuple[str, str], list[Any]] = {}
        for page in pages:
            assert sum(len(one["points"]) for one in page["series"]) <= limit
            for one in page["series"]:
                seen.setdefault((one["device"], one["quantity"]), []).extend(one["points"])
        assert seen == {(one["device"], one["quantity"]): one["points"] for one in whole}


async def test_the_last_hour_is_what_nobody_asked_otherwise_and_stays_the_same_on_all_pages(
    client: httpx2.AsyncClient, follow: Follow, hear: Say
) -> None:
    now = time.time_ns()
    await hear(*(Reading("a", "noise", now - n * MINUTE, {"sound_level": 50.0}) for n in (1, 30, 59, 61)))
    (series,) = (await client.get("/v1/readings?device=a")).json()["series"]
    assert len(series["points"]) == 3
    pages = await follow("/v1/readings", device="a", limit=1)
    assert [len(page["series"][0]["points"]) for page in pages] == [1, 1, 1]


async def test_an_unknown_device_is_a_404_that_names_it(client: httpx2.AsyncClient, hear: Say) -> None:
    await _hour(hear, "a")
    answer = await client.get("/v1/readings?device=a&device=nobody")
    assert answer.status_code == 404
    assert "'nobody'" in answer.json()["detail"]


async def test_what_makes_no_sense_is_a_422_that_names_the_parameter(client: httpx2.AsyncClient) -> None:
    for params, name in NONSENSE:
        answer = await client.get("/v1/readings", params=params)
        assert answer.status_code == 422
        assert [error["name"] for error in answer.json()["errors"]] == [name]


async def test_a_reversed_range_is_refused(client: httpx2.AsyncClient, hear: Say) -> None:
    await _hour(hear, "a")
    answer = await client.get("/v1/readings", params={"device": "a", "start": rfc3339(NOON), "end": rfc3339(NOON)})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:korat:problem:refused")


@pytest.mark.parametrize("limit", [RAW, *BUCKETS[:-1]])
async def test_each_row_of_the_table_of_limits_holds(client: httpx2.AsyncClient, hear: Say, limit: Any) -> None:
    await _hour(hear, "a")
    every = {"every": spelled(limit.width_ns)} if limit.width_ns else {}
    for beyond, status in ((0, 200), (1, 422)):
        span = {"start": rfc3339(NOON), "end": rfc3339(NOON + limit.longest_ns + beyond)}
        answer = await client.get("/v1/readings", params={"device": "a", **span, **every})
        assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["type"] == "urn:korat:problem:too-large"
    assert spelled(limit.longest_ns) in problem["detail"]
    assert "every=" in problem["detail"]


async def test_an_instant_that_no_page_holds_is_refused_with_what_to_change(
    client: httpx2.AsyncClient, hear: Say
) -> None:
    await _hour(hear, "a", "b")
    answer = await client.get("/v1/readings", params={"device": ["a", "b"], **_range(), "limit": 3})
    assert answer.status_code == 422
    assert "fewer" in answer.json()["detail"]
