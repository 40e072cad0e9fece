"""Grafana, asking InfluxDB, and the console, asking the API, show the same numbers."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.times import rfc3339
from dashboards.boards import BOARDS
from dashboards.spec import AllOfDevice
from support.console_client import Console, Points
from support.grafana import filled, panels_of

Json = dict[str, Any]
_EVERY_S = 300
_TAGS = "device", "district", "owner"


@pytest.fixture
async def console(client: httpx2.AsyncClient, town: Any) -> Console:
    console = Console(client, rfc3339(town.start_ns), rfc3339(town.end_ns), _EVERY_S)
    await console.learn()
    return console


@pytest.mark.parametrize("board", [board for board in BOARDS if board.key != "device"], ids=lambda board: board.key)
async def test_both_show_the_same_numbers(board: Any, files: dict[Path, str], town: Any, console: Console) -> None:
    grafana = panels_of(json.loads(files[Path(f"generated/grafana/th/{board.key}.json")]))
    drawn = [panel for section in _console(files, board.key)["sections"] for panel in section["panels"]]
    for spec, printed, panel in zip(board.panels, grafana, drawn, strict=True):
        for target, ask in zip(printed["targets"], panel["asks"], strict=True):
            shown = await console.draw(ask)
            assert shown or spec.empty is not None, (panel["key"], ask)
            assert _asked(target["query"], ask, town) == pytest.approx(shown, rel=1e-9), (panel["key"], target["query"])


async def test_the_device_board_shows_every_quantity_alike(
    files: dict[Path, str], town: Any, client: httpx2.AsyncClient
) -> None:
    (panel,) = panels_of(json.loads(files[Path("generated/grafana/en/device.json")]))
    (ask,) = _console(files, "device")["sections"][0]["panels"][0]["asks"]
    assert ask["ask"] == "all"
    span = {"start": rfc3339(town.start_ns), "end": rfc3339(town.end_ns)}
    for device, kind in (("th-30-air-quality-0001", "air_quality"), ("th-30-cargo-0001", "cargo")):
        answer = await client.get(ask["route"], params=span | {"device": device, "every": "5m"})
        for series in answer.json()["series"]:
            chosen = {"device": [device], "kind": [kind], "quantity": [series["quantity"]]}
            query = filled(panel["targets"][0]["query"], town.start_ns, town.end_ns, interval_s=_EVERY_S, chosen=chosen)
            (found,) = town.influx.query(query, town.database)
            values = {rfc3339(at): value for at, value in found["values"] if value is not None}
            assert values == pytest.approx({at: value for at, value, _ in series["points"]})


def test_the_console_has_every_panel_of_every_board(files: dict[Path, str]) -> None:
    for board in BOARDS:
        printed = _console(files, board.key)
        keys = [panel["key"] for section in printed["sections"] for panel in section["panels"]]
        assert keys == [panel.key for panel in board.panels]
        for section in printed["sections"]:
            for panel in section["panels"]:
                assert panel["title"]["en"]
                assert panel["title"]["th"]
                assert all(ask["unit"] and ask["scale"] for ask in panel["asks"])


def test_only_the_device_board_shows_whatever_there_is() -> None:
    whatever = {
        board.key for board in BOARDS for panel in board.panels for one in panel.sources if isinstance(one, AllOfDevice)
    }
    assert whatever == {"device"}


def _console(files: dict[Path, str], key: str) -> Json:
    boards = json.loads(files[Path("generated/console.json")])["boards"]
    board: Json = next(board for board in boards if board["key"] == key)
    return board


def _asked(query: str, ask: Json, town: Any) -> Points:
    interval_s = max(_EVERY_S, ask.get("narrowest_s") or 0)
    statement = filled(query, town.start_ns, town.end_ns, interval_s=interval_s)
    points: Points = {}
    for series in town.influx.query(statement, town.database):
        tags = series.get("tags", {})
        group = next((tags[tag] for tag in _TAGS if tag in tags), "")
        for at_ns, value, *_ in series["values"]:
            if value is None:
                continue
            match ask["ask"]:
                case "buckets":
                    points[group, rfc3339(at_ns)] = value
                case "heard":
                    points[group, rfc3339(at_ns)] = 1.0
                case "kept":
                    points[group, ""] = min(100.0, value)
                case _:
                    points[group, ""] = value
    return points
