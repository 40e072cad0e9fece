"""Every query of every panel, variable and alert runs on a real InfluxDB and finds something."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from city.store import layout
from dashboards.alerts import Alert, alerts_of
from dashboards.boards import BOARDS
from dashboards.grafana.rules import print_rules
from dashboards.printing import RULES
from dashboards.province import Province, load_province
from dashboards.spec import Board, Panel, Variable
from support.grafana import filled, panels_of
from support.influx import Influx

Json = dict[str, Any]
_CHOICES = {
    "everything": {},
    "several": {"province": ["th-30", "th-31"], "district": ["mueang", "pak-chong"]},
}
_DEVICE = {"device": ["th-30-air-quality-0001"], "kind": ["air_quality"], "quantity": ["pm2_5"]}
_ID = {board.key: board for board in BOARDS}


def _printed(files: dict[Path, str], board: Board) -> Json:
    printed: Json = json.loads(files[Path(f"generated/grafana/en/{board.key}.json")])
    return printed


def _values(series: list[Json]) -> list[float]:
    return [
        cell
        for one in series
        for row in one["values"]
        for column, cell in zip(one["columns"], row, strict=True)
        if column != "time" and cell is not None
    ]


@pytest.mark.parametrize("key", _ID)
def test_panels_find_something_or_say_why_not(key: str, files: dict[Path, str], town: Any) -> None:
    board = _ID[key]
    specs: list[Panel] = board.panels
    for spec, panel in zip(specs, panels_of(_printed(files, board)), strict=True):
        for target in panel["targets"]:
            chosen = _DEVICE if key == "device" else {}
            statement = filled(target["query"], town.start_ns, town.end_ns, chosen=chosen)
            found = _values(town.influx.query(statement, town.database))
            assert found or spec.empty is not None, (key, spec.key, statement)


@pytest.mark.parametrize("key", [key for key in _ID if key not in {"device", "promise", "platform"}])
def test_panels_keep_to_what_is_chosen(key: str, files: dict[Path, str], town: Any) -> None:
    for panel in panels_of(_printed(files, _ID[key])):
        for target in panel["targets"]:
            several = filled(target["query"], town.start_ns, town.end_ns, chosen=_CHOICES["several"])
            nothing = filled(target["query"], town.start_ns, town.end_ns, chosen={"district": ["nowhere"]})
            town.influx.query(several, town.database)
            assert _values(town.influx.query(nothing, town.database)) == [], nothing


@pytest.mark.parametrize("key", _ID)
def test_variables_are_filled(key: str, files: dict[Path, str], town: Any) -> None:
    board = _ID[key]
    for variable in _printed(files, board)["templating"]["list"]:
        chosen = _DEVICE if key == "device" else {}
        statement = filled(variable["query"], town.start_ns, town.end_ns, chosen=chosen)
        series = town.influx.query(statement, town.database)
        cells = {cell for one in series for row in one["values"] for cell in row}
        if variable["name"] in {Variable.OWNER, Variable.DISTRICT} and not cells:
            # of these kinds nobody is owned
            assert variable["name"] == Variable.OWNER, (key, statement)
            continue
        assert cells, (key, statement)


def test_a_gap_stays_a_gap(files: dict[Path, str], town: Any) -> None:
    board = _ID["cold-chain"]
    place = [panel.key for panel in board.panels].index("temperature")
    panel = panels_of(_printed(files, board))[place]
    query = filled(panel["targets"][0]["query"], town.start_ns, town.end_ns, chosen={"device": [town.cut]})
    (series,) = town.influx.query(query, town.database)
    empty = [row[1] is None for row in series["values"]]
    assert sum(empty) == 20
    assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] < 20 * 60 * 1000


def test_a_failed_value_is_in_no_mean(files: dict[Path, str], town: Any) -> None:
    panel = panels_of(_printed(files, _ID["air"]))[1]
    worst = town.influx.query(filled(panel["targets"][0]["query"], town.start_ns, town.end_ns), town.database)
    assert max(_values(worst)) < 500
    failed = layout.failed_field("pm2_5")
    assert town.influx.query(f'SELECT max("{failed}") FROM "air_quality"', town.database)


def test_alerts_are_what_is_committed_and_ask_what_is_there(files: dict[Path, str], town: Any) -> None:
    rules = _rules(files[RULES])
    assert len({rule["uid"] for rule in rules}) == len(rules)
    for rule in rules:
        for step in rule["data"]:
            if step["datasourceUid"] == "__expr__":
                assert step["model"]["datasource"]["uid"] == "__expr__"
                continue
            assert _asked(town.influx, step, town.database, town.end_ns), step["model"]["query"]


def test_each_alert_is_shown_by_a_panel_of_the_english_board(files: dict[Path, str]) -> None:
    boards = {board["uid"]: board for board in (_printed(files, board) for board in BOARDS)}
    for rule in _rules(files[RULES]):
        assert rule["panelId"] in {panel["id"] for panel in panels_of(boards[rule["dashboardUid"]])}
        steps = {step["refId"]: step for step in rule["data"]}
        assert rule["condition"] in steps
        assert steps[rule["condition"]]["model"]["type"] == "threshold"


def test_a_gauge_with_a_warning_level_has_a_rule_of_its_own(town: Any) -> None:
    gauge = "th-30-water-level-0001"
    province = Province(**{**_fields(load_province()), "warning_levels": {gauge: 180.5}})
    (alert,) = set(alerts_of(province)) - set(alerts_of(load_province()))
    (rule,) = _rules(print_rules((alert,)))
    assert rule["data"][-1]["model"]["conditions"][0]["evaluator"] == {"type": "gt", "params": [180.5]}
    assert _asked(town.influx, rule["data"][0], town.database, town.end_ns)


def test_alerts_name_no_variable_of_a_board() -> None:
    alerts: tuple[Alert, ...] = alerts_of(load_province())
    assert not [alert.key for alert in alerts if "${" in alert.query.statement]


def _rules(text: str) -> list[Json]:
    """Read the file as Grafana does: `$$` is a dollar."""
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    assert "$" not in body.replace("$$", "")
    rules: list[Json] = yaml.safe_load(text.replace("$$", "$"))["groups"][0]["rules"]
    return rules


def _asked(influx: Influx, step: Json, database: str, end_ns: int) -> list[float]:
    start_ns = end_ns - step["relativeTimeRange"]["from"] * 10**9
    return _values(influx.query(filled(step["model"]["query"], start_ns, end_ns), database))


def _fields(province: Province) -> Json:
    return {key: getattr(province, key) for key in Province.__struct_fields__}
