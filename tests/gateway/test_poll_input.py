"""The poll link against a server of our own: the document of Thailand's air quality stations, made up for this."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError
from rig import until
from stand_ins import FakeSpool, context

from city.errors import SpoolFull
from gateway.config import load_config
from gateway.inputs.input import InputCounters
from gateway.inputs.poll import PollInput, PollTable
from gateway.naming import Decoding

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "air4thai.toml"


def station(name: str, hour: int, **values: str) -> dict[str, object]:
    last = {key: {"color_id": "2", "aqi": "31", "value": value} for key, value in values.items()}
    return {
        "stationID": name,
        "nameTH": "สถานีทดสอบ",
        "lat": "14.9799",
        "long": "102.0977",
        "AQILast": {"date": "2026-11-22", "time": f"{hour:02d}:00", **last},
    }


def document(hour: int) -> dict[str, object]:
    return {
        "stations": [
            station("x1t", hour, PM25="23.4", PM10="41.0", O3="-", CO="0.42", NO2="-1", SO2="N/A"),
            station("x2t", hour - 1, PM25="-1", PM10="-1", O3="-1"),
            station("x3t", 9, PM25="7"),
        ]
    }


class Api:
    """A server that says what a test wants."""

    def __init__(self) -> None:
        self.body = json.dumps(document(10)).encode()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[web.Request] = []
        self.slow_s = 0.0
        self.knows_tags = False

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        await asyncio.sleep(self.slow_s)
        tag = f'"{hash(self.body)}"'
        if self.knows_tags and request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        headers = self.headers | ({"ETag": tag} if self.knows_tags else {})
        return web.Response(status=self.status, body=self.body, headers=headers)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    app = web.Application()
    app.router.add_get("/", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"  # type: ignore[attr-defined]
    yield api
    await runner.cleanup()


@asynccontextmanager
async def polling(api: Api, spool: FakeSpool, **keys: object) -> AsyncIterator[InputCounters]:
    config = load_config(EXAMPLE)
    (table,) = config.inputs
    changed = table.model_copy(update={"url": api.url, "interval_s": 0.05, "timeout_s": 1.0} | keys)  # type: ignore[attr-defined]
    given = context(spool, "air4thai", decoding=Decoding(config.naming))
    link = PollInput(changed, given)
    task = asyncio.create_task(link.run())
    try:
        yield given.counters
    finally:
        task.cancel()
        done, _ = await asyncio.wait((task,), timeout=1)
        assert done


def at(hour: int) -> int:
    return int(datetime(2026, 11, 22, hour, tzinfo=timezone(timedelta(hours=7))).timestamp()) * 10**9


async def test_stations_become_readings_and_what_is_absent_stays_absent(api: Api) -> None:
    spool = FakeSpool()
    async with polling(api, spool):
        await until(lambda: len(api.asked) >= 3)
    first, other = spool.readings
    assert (first.device, first.kind, first.time_ns) == ("air4thai-x1t", "air_quality", at(10))
    assert first.values == {"pm2_5": 23.4, "pm10": 41.0, "co": 0.42}
    assert (first.lat, first.lon) == (14.9799, 102.0977)
    assert (other.device, other.time_ns, other.values) == ("air4thai-x3t", at(9), {"pm2_5": 7.0})
    assert api.asked[0].headers["User-Agent"] == "korat-gateway"


async def test_only_what_is_new_is_handed_on(api: Api) -> None:
    spool = FakeSpool()
    async with polling(api, spool) as counters:
        await until(lambda: len(api.asked) >= 5)
        assert len(spool.readings) == 2
        api.body = json.dumps(document(11)).encode()
        await until(lambda: len(spool.readings) == 3)
        revised = document(11)
        revised["stations"][0]["AQILast"]["PM25"]["value"] = "24.1"  # type: ignore[index]
        api.body = json.dumps(revised).encode()
        await until(lambda: len(spool.readings) == 4)
        await asyncio.sleep(0.2)
    assert [(got.time_ns, got.values["pm2_5"]) for got in spool.readings[2:]] == [(at(11), 23.4), (at(11), 24.1)]
    assert counters.readings == 4


async def test_of_two_that_a_document_has_of_one_instant_the_last_counts(api: Api) -> None:
    spool = FakeSpool()
    twice = document(11)
    twice["stations"].append(json.loads(json.dumps(twice["stations"][0])))  # type: ignore[attr-defined]
    twice["stations"][-1]["AQILast"]["PM25"]["value"] = "24.1"  # type: ignore[index]
    api.body = json.dumps(twice).encode()
    async with polling(api, spool):
        await until(lambda: len(api.asked) >= 4)
    assert [got.values["pm2_5"] for got in spool.readings if got.device == "air4thai-x1t"] == [24.1]


async def test_a_place_that_is_corrected_is_handed_on(api: Api) -> None:
    spool = FakeSpool()
    async with polling(api, spool):
        await until(lambda: len(spool.readings) == 2)
        moved = document(10)
        moved["stations"][0]["lat"] = "15.0"  # type: ignore[index]
        api.body = json.dumps(moved).encode()
        await until(lambda: len(spool.readings) == 3)
    assert spool.readings[2].lat == 15.0


async def test_a_server_with_tags_is_asked_conditionally(api: Api) -> None:
    spool = FakeSpool()
    api.knows_tags = True
    async with polling(api, spool):
        await until(lambda: len(api.asked) >= 4)
        assert ["If-None-Match" in request.headers for request in api.asked[:4]] == [False, True, True, True]
        api.body = json.dumps(document(11)).encode()
        await until(lambda: len(spool.readings) == 3)


async def test_what_the_spool_did_not_take_is_not_forgotten(api: Api) -> None:
    spool = FakeSpool()
    spool.error = SpoolFull("the disk is full")
    api.knows_tags = True
    async with polling(api, spool) as counters:
        await until(lambda: counters.failed["spool"] >= 1)
        spool.error = None
        await until(lambda: len(spool.readings) == 2)


async def test_a_document_that_is_none_is_kept_once(api: Api) -> None:
    spool = FakeSpool()
    api.body = b"<html>come back later</html>"
    async with polling(api, spool):
        await until(lambda: len(api.asked) >= 4)
        assert [kept.payload for kept in spool.undecoded] == [api.body]
        assert spool.undecoded[0].origin == "poll:mapped?poll=air4thai&mapping=air4thai"
        api.body = json.dumps(document(10)).encode()
        await until(lambda: len(spool.readings) == 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": 500}, "refused"),
        ({"status": 429, "headers": {"Retry-After": "1"}}, "refused"),
        ({"slow_s": 2.0}, "no_answer"),
        ({"body": bytes(20_000)}, "too_large"),
    ],
)
async def test_trouble_is_counted_and_asked_again_later(api: Api, change: dict[str, object], reason: str) -> None:
    spool, good = FakeSpool(), vars(api).copy()
    vars(api).update(change)
    async with polling(api, spool, timeout_s=0.2, max_bytes=10_000) as counters:
        await until(lambda: counters.failed[reason] >= 1)
        asked = len(api.asked)
        vars(api).update({key: good[key] for key in change})
        await until(lambda: len(spool.readings) == 2)
    assert set(counters.failed) - {"partly_read"} == {reason}
    assert asked < 20


async def test_a_server_that_is_not_there_is_asked_less_and_less(api: Api) -> None:
    spool = FakeSpool()
    async with polling(api, spool, url="http://127.0.0.1:1/") as counters:
        await asyncio.sleep(0.5)
    assert 1 <= counters.failed["no_answer"] <= 10


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="begin with http"):
        PollTable(name="a", url="ftp://example.org")
