"""What InfluxDB's adapter makes of a real server's answers, and of its absence."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from city.batch import Batch
from city.errors import ConfigurationError, StoreUnavailable
from city.reading import Flag
from city.store import Store, layout, open_store
from city.store.influx.address import Address
from city.store.influx.lines import Prefixes, lines_of
from city.store.port import ALL, LatestQuery, SeriesQuery
from support.influx import Influx
from support.ports import free_port

T = 1_764_900_000_000_000_000
S = 1_000_000_000


def batch(n: int = 1, first: int = 0, **columns: list[float]) -> Batch:
    values = {key: np.array(column) for key, column in columns.items()} or {"temperature": np.arange(n) + 0.5}
    return Batch("weather", ["d"], np.zeros(n, np.int32), T + (first + np.arange(n)) * S, values, rx_ns=T)


async def stored(store: Store, quantity: str = "temperature") -> list[float]:
    answer = await store.series(SeriesQuery({"d": ("weather",)}, ALL, 0, 2 * T))
    return [point.value for series in answer.series if series.quantity == quantity for point in series.points]


async def test_only_the_rows_that_the_server_refuses_are_rejected(influx: Influx, influx_database: str) -> None:
    day = 86_400
    influx.write(f"weather,device=x humidity=5i {T}", influx_database)  # an integer: our floats conflict in this week
    store = await open_store(influx.store_url(influx_database))
    rows = [1.0, np.nan, 3.0, np.nan, np.nan]
    mixed = batch(5, temperature=[1.0, 2.0, 3.0, 4.0, 5.0], humidity=rows)
    outcome = await store.write(mixed)
    assert set(outcome.rejected) == {0, 2}
    assert all("conflict" in reason for reason in outcome.rejected.values())
    assert await stored(store) == [2.0, 4.0, 5.0]
    other_week = batch(2, first=30 * day, temperature=[6.0, 7.0], humidity=[8.0, 9.0])
    assert (await store.write(other_week)).rejected == {}
    assert await stored(store) == [2.0, 4.0, 5.0, 6.0, 7.0]
    await store.aclose()


async def test_both_rows_of_a_refused_instant_are_rejected(influx: Influx, influx_database: str) -> None:
    influx.write(f"weather,device=x humidity=5i {T}", influx_database)
    store = await open_store(influx.store_url(influx_database))
    twice = batch(3, temperature=[1.0, 2.0, 3.0], humidity=[np.nan, 5.0, np.nan])
    twice.time_ns[:] = [T, T, T + S]
    assert set((await store.write(twice)).rejected) == {0, 1}
    await store.aclose()


async def test_a_long_batch_goes_in_several_bodies(influx: Influx, influx_database: str) -> None:
    store = await open_store(influx.store_url(influx_database))
    n = 60_000
    long = batch(n, **{f"quantity_with_a_long_name_{i}": [0.1] * n for i in range(4)})
    lines = lines_of(long, T, None, Prefixes())
    assert lines is not None
    bodies = list(lines.bodies())
    assert len(bodies) > 1
    assert [start for start, _ in bodies[1:]] == [stop for _, stop in bodies[:-1]]
    assert (bodies[0][0], bodies[-1][1]) == (0, n)
    assert all(lines.ends[stop] - lines.ends[start] < 5_000_000 for start, stop in bodies)
    assert (await store.write(long)).rejected == {}
    (series, *_) = influx.query('SELECT count("quantity_with_a_long_name_3") FROM weather', influx_database)
    assert series["values"][0][1] == n
    await store.aclose()


async def test_what_was_confirmed_outlives_kill_9(tmp_path: Path) -> None:
    with Influx(tmp_path / "influx") as server:
        store = await open_store(server.store_url("korat"))
        for second in range(20):
            await store.write(batch(first=second))
        server.kill()
        with pytest.raises(StoreUnavailable):
            await store.write(batch(first=20))
        with pytest.raises(StoreUnavailable):
            await store.latest(LatestQuery())
        with pytest.raises(StoreUnavailable):
            await store.ping()
        with pytest.raises(StoreUnavailable):
            await open_store(server.store_url("korat"))
        server.start()
        await store.ping()
        await store.write(batch(first=20))
        assert len(await stored(store)) == 21
        await store.aclose()


async def test_a_database_that_went_missing_is_made_again(influx: Influx, influx_database: str) -> None:
    name = f"{influx_database}_new"
    store = await open_store(influx.store_url(name))
    await store.write(batch())
    influx.drop_database(name)
    assert await store.latest(LatestQuery()) == []
    influx.drop_database(name)
    await store.write(batch())
    assert await stored(store) == [0.5]
    influx.drop_database(name)
    await store.aclose()


async def test_foreign_measurements_and_fields_are_passed_over(influx: Influx, influx_database: str) -> None:
    store = await open_store(influx.store_url(influx_database))
    await store.write(batch())
    influx.write(f'cpu,device=d load=1 {T}\nweather,device=d note="hot",level=3i {T + 1}', influx_database)
    (latest,) = await store.latest(LatestQuery())
    assert set(latest.values) == {"temperature"}
    assert await stored(store, "level") == []
    await store.aclose()


async def test_a_retention_is_told(influx: Influx, influx_database: str) -> None:
    store = await open_store(influx.store_url(influx_database))
    assert await store.kept_ns() == 0
    influx.query(f'CREATE RETENTION POLICY "other" ON "{influx_database}" DURATION 2h REPLICATION 1')
    influx.query(f'CREATE RETENTION POLICY "days" ON "{influx_database}" DURATION 30d REPLICATION 1 DEFAULT')
    assert await store.kept_ns() == 30 * 86_400 * 10**9
    await store.aclose()


async def test_a_mean_in_any_tool_is_right(influx: Influx, influx_database: str) -> None:
    store = await open_store(influx.store_url(influx_database))
    mixed = batch(3, temperature=[10.0, 999.0, 20.0])
    mixed.flags["temperature"] = np.array([Flag.GOOD, Flag.FAIL, Flag.SUSPECT], np.uint8)
    await store.write(mixed)
    (series,) = influx.query("SELECT mean(temperature) FROM weather", influx_database)
    assert series["values"][0][1] == 15.0
    (series,) = influx.query("SELECT temperature, temperature_failed, temperature_qc, rx FROM weather", influx_database)
    ms = T / 1e6
    assert [row[1:] for row in series["values"]] == [[10, None, None, ms], [None, 999, 4, ms], [20, None, 3, ms]]
    await store.aclose()


@pytest.fixture
async def server() -> AsyncIterator[Callable[..., str]]:
    """Give a server that answers every write as told, confirms a DELETE as 2.x does, and its address."""
    told = {"status": 204, "body": "", "query_error": ""}

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        if request.path == "/query":
            if "DELETE" in (await request.post())["q"] and not told["query_error"]:
                return web.json_response({})
            result = {"statement_id": 0} | ({"error": told["query_error"]} if told["query_error"] else {})
            return web.json_response({"results": [result]})
        return web.Response(status=told["status"], text=told["body"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()

    def tell(status: int, body: str, query_error: str = "") -> str:
        told.update(status=status, body=body, query_error=query_error)
        return f"influxdb://127.0.0.1:{port}/korat?token=secret"

    yield tell
    await runner.cleanup()


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 301])
async def test_all_but_a_refusal_keeps_the_batch(server: Callable[..., str], status: int) -> None:
    store = await open_store(server(status, '{"error": "no"}'))
    with pytest.raises(StoreUnavailable) as caught:
        await store.write(batch(4))
    assert caught.value.retry_after_s > 0
    assert "secret" not in str(caught.value)
    await store.aclose()


@pytest.mark.parametrize("status", [400, 422])
async def test_when_everything_is_refused_every_row_is_rejected(server: Callable[..., str], status: int) -> None:
    store = await open_store(server(status, '{"error": "beyond retention"}'))
    assert (await store.write(batch(5))).rejected == dict.fromkeys(range(5), "beyond retention")
    await store.aclose()


async def test_what_2_x_deletes_is_deleted_though_its_answer_is_empty(server: Callable[..., str]) -> None:
    store = await open_store(server(204, ""))
    await store.forget("d", 0, T)
    await store.aclose()


async def test_a_server_that_refuses_queries_still_takes_readings(server: Callable[..., str]) -> None:
    store = await open_store(server(204, "", "query would exceed a limit"))
    assert (await store.write(batch())).rejected == {}
    with pytest.raises(StoreUnavailable, match="exceed a limit"):
        await store.latest(LatestQuery())
    with pytest.raises(StoreUnavailable, match="exceed a limit"):
        await store.forget("d", 0, T)
    await store.aclose()


def test_the_address_is_read_from_the_url() -> None:
    address = Address.parse("influxdbs://me:p%40ss@[::1]:9000/city_1?token=abc%3D")
    assert address == Address("https://[::1]:9000", "city_1", "me", "p@ss", "abc=")
    assert "p@ss" not in repr(address)
    assert "abc" not in repr(address)
    assert Address.parse("influxdb://host/db").base == "http://host:8086"


@pytest.mark.parametrize(
    "url", ["influxdb://", "influxdb://host", "influxdb://host/a/b", "influxdb://host/d?x=1", "influxdb://h:port/d"]
)
async def test_a_url_that_names_no_database_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="store_url"):
        await open_store(url)


def test_the_layout_reserves_what_it_uses() -> None:
    assert layout.quantity_of("pm10") == layout.quantity_of("pm10_failed") == "pm10"
    assert layout.quantity_of("pm10_qc") is None
    assert layout.quantity_of("rx") is None
