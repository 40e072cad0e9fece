"""Grafana, asking InfluxDB, and the console's own JavaScript, asking the API, show the same numbers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright
from prometheus_client import CollectorRegistry

from api.run import run
from api.settings import ApiSettings
from api.times import rfc3339
from city.ledger import open_ledger
from city.registry import open_registry
from city.store import open_store
from dashboards.boards import BOARDS
from dashboards.spec import AllQuantities, Board, CadenceKept, LastSeen, Readings, Source, Span
from dashboards.value_format import format_of
from support.chromium import FLAGS, chromium
from support.grafana import filled, panels_of
from support.ports import free_port

Json = dict[str, Any]
Points = dict[tuple[str, str], float]
"""(group, RFC 3339 time or nothing) to value."""

pytestmark = pytest.mark.asyncio(loop_scope="module")

_TAGS = "device", "district", "owner"
_NAMES = {"Devices that publish themselves": "direct", "not told": ""}
"""Groups that the console calls otherwise than the store's tags do."""

_DRAW = """
async ([key, start, end]) => {
  const { all } = await import("/console/js/api.js");
  const { bandsOfSource, boards } = await import("/console/js/boards.js");
  const { BoardLoader } = await import("/console/js/sources.js");
  const format = await import("/console/js/panels/format.js");
  const registry = new Map((await all("/v1/devices", "devices")).map((row) => [row.device, row]));
  const loader = new BoardLoader({ start, end, fixed: true }, registry, new AbortController().signal);
  const board = boards.boards.find((one) => one.key === key);
  const panels = board.sections.flatMap((section) => section.panels);
  const draw = async (source, panel) => ({
    rows: await loader.rows(source),
    label: format.label(source),
    decimals: format.decimals(source),
    bounds: format.bounds(source),
    bands: bandsOfSource(source, panel).map((band) => [band.start, band.colour]),
  });
  return Promise.all(panels.map((panel) => Promise.all(panel.sources.map((source) => draw(source, panel)))));
}
"""
_SERIES = """
async ([device, kind, start, end, every]) => {
  const { readings } = await import("/console/js/series.js");
  return (await readings({ devices: [device], range: { start, end, fixed: true }, kind, every })).series;
}
"""
_EVERY_S = 300


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(town: Any) -> AsyncIterator[Page]:
    """Give the console in a browser, before an API over the town, with the newest values loaded."""
    store, ledger = await open_store(town.store_url), await open_ledger(town.ledger_url)
    registry = await open_registry(town.ledger_url)
    settings, stop = ApiSettings(port=free_port()), asyncio.Event()
    parts = {"store": store, "ledger": ledger, "registry": registry}
    serving = asyncio.create_task(run(settings, **parts, checks={}, metrics=CollectorRegistry(), stop=stop))
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page(locale="en-GB")
        await page.goto(f"http://127.0.0.1:{settings.port}/")
        await page.locator("#state[data-state=live]").wait_for()
        await page.locator("#nav a").first.wait_for()
        yield page
        await browser.close()
    stop.set()
    await serving
    for part in (registry, ledger, store):
        await part.aclose()


@pytest.mark.parametrize("board", [board for board in BOARDS if board.key != "device"], ids=lambda board: board.key)
async def test_both_show_the_same_numbers(board: Board, files: dict[Path, str], town: Any, console: Page) -> None:
    grafana = panels_of(json.loads(files[Path(f"generated/grafana/en/{board.key}.json")]))
    drawn = await console.evaluate(_DRAW, [board.key, town.start_ns / 1e9, town.end_ns / 1e9])
    for panel, printed, shown in zip(board.panels, grafana, drawn, strict=True):
        for source, target, one in zip(panel.sources, printed["targets"], shown, strict=True):
            there = _console_points(source, one["rows"])
            assert there or panel.empty is not None, (panel.key, source)
            here = _grafana_points(source, target["query"], _step(one["rows"]), town)
            if not here and printed["fieldConfig"]["defaults"]["noValue"] == "0":
                here = {("", ""): 0.0}
            assert there == pytest.approx(here, rel=1e-9), (panel.key, target["query"])


@pytest.mark.parametrize("board", [board for board in BOARDS if board.key != "device"], ids=lambda board: board.key)
async def test_both_write_values_alike(board: Board, town: Any, console: Page) -> None:
    drawn = await console.evaluate(_DRAW, [board.key, town.start_ns / 1e9, town.end_ns / 1e9])
    for panel, shown in zip(board.panels, drawn, strict=True):
        for source, one in zip(panel.sources, shown, strict=True):
            wanted = format_of(source, panel)
            assert (one["label"], one["decimals"]) == (wanted.label.en, wanted.decimals), (panel.key, source)
            assert one["bounds"] == (None if wanted.bounds is None else list(wanted.bounds)), (panel.key, source)
            bands = [[band.start, band.colour] for band in wanted.scale]
            assert one["bands"] == bands or (len(bands) == 1 and len(one["bands"]) < 2), (panel.key, source)


@pytest.mark.parametrize(("device", "kind"), [("th-30-air-quality-0001", "air_quality"), ("th-30-cargo-0001", "cargo")])
async def test_the_device_board_shows_every_quantity_alike(
    device: str, kind: str, files: dict[Path, str], town: Any, console: Page
) -> None:
    (panel,) = panels_of(json.loads(files[Path("generated/grafana/en/device.json")]))
    every = [device, kind, town.start_ns / 1e9, town.end_ns / 1e9, _EVERY_S]
    found = await console.evaluate(_SERIES, every)
    assert found
    for series in found:
        chosen = {"device": [device], "kind": [kind], "quantity": [series["quantity"]]}
        query = filled(panel["targets"][0]["query"], town.start_ns, town.end_ns, interval_s=_EVERY_S, chosen=chosen)
        (grafana,) = town.influx.query(query, town.database)
        values = {rfc3339(at): value for at, value in grafana["values"] if value is not None}
        assert {_at(point["t"]): point["v"] for point in series["points"]} == pytest.approx(values)


async def test_only_the_device_board_shows_whatever_there_is() -> None:
    whatever = {board.key for board in BOARDS for panel in board.panels if isinstance(panel.sources[0], AllQuantities)}
    assert whatever == {"device"}


def _console_points(source: Source, rows: list[Json]) -> Points:
    points: Points = {}
    for row in rows:
        name = _NAMES.get(row["name"], row["name"])
        if isinstance(source, LastSeen):
            points[name, _at(row["value"] / 1000)] = 1.0
        elif "points" in row and isinstance(source, Readings) and source.span is Span.BUCKETS:
            points |= {(name, _at(point["t"])): point["v"] for point in row["points"]}
        else:
            points[name, ""] = row["value"]
    return points


def _grafana_points(source: Source, query: str, step_s: int, town: Any) -> Points:
    statement = filled(query, town.start_ns, town.end_ns, interval_s=step_s)
    points: Points = {}
    for series in town.influx.query(statement, town.database):
        tags = series.get("tags", {})
        group = next((tags[tag] for tag in _TAGS if tag in tags), "")
        for at_ns, value, *_ in series["values"]:
            if value is None:
                continue
            if isinstance(source, LastSeen):
                points[group, rfc3339(at_ns)] = 1.0
            elif isinstance(source, Readings) and source.span is Span.BUCKETS:
                points[group, rfc3339(at_ns)] = value
            else:
                points[group, ""] = min(100.0, value) if isinstance(source, CadenceKept) else value
    return points


def _step(rows: list[Json]) -> int:
    """Give the width of the console's buckets, which Grafana is asked for too."""
    return next((int(row["step"]) for row in rows if "step" in row), 60)


def _at(seconds: float) -> str:
    return rfc3339(round(seconds * 1000) * 10**6)
