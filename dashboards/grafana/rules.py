"""Alert rules as Grafana's provisioning file: data A (and B), reduced to a number, compared."""

import json
from typing import Final

from dashboards.alerts import Alert, AlertQuery
from dashboards.boards import BOARDS
from dashboards.grafana.board import panel_ids
from dashboards.grafana.names import DATASOURCE_UID, SOURCE, Json, folder_of, uid_of
from dashboards.messages import ALERTS
from dashboards.spec import Text

_EXPRESSION: Final = "__expr__"
_LANGUAGE: Final = "en"
"""A rule links to one board; its words are in both languages."""

_HEAD: Final = (
    "# Printed from dashboards/alerts.py; $$ is one $, because Grafana fills $NAME from its environment here.\n"
)


def print_rules(alerts: tuple[Alert, ...]) -> str:
    """Write the file; JSON is YAML."""
    group = {
        "orgId": 1,
        "name": "korat",
        "folder": ALERTS,
        "interval": "1m",
        "rules": [_rule(alert) for alert in alerts],
    }
    text = json.dumps({"apiVersion": 1, "groups": [group]}, ensure_ascii=False, indent=2)
    return f"{_HEAD}{text.replace('$', '$$')}\n"


def _rule(alert: Alert) -> Json:
    board = next(board for board in BOARDS if board.key == alert.board)
    return {
        "uid": f"{folder_of('alert')}-{alert.key}"[:40],
        "title": _both(alert.title),
        "condition": "T",
        "data": _steps(alert),
        "dashboardUid": uid_of(alert.board, _LANGUAGE),
        "panelId": panel_ids(board)[alert.panel],
        "for": alert.pending,
        "noDataState": str(alert.no_data),
        # a store that can't be asked is a trouble of its own
        "execErrState": "Error",
        "labels": {"severity": str(alert.severity), "team": "operator"},
        "annotations": {
            "summary": _both(alert.title) + " {{ $labels.device }}",
            "description": _both(alert.advice),
        },
    }


def _steps(alert: Alert) -> list[Json]:
    if alert.baseline is None:
        return [_query("A", alert.query), _reduce("C", "A"), _threshold(alert, "C")]
    return [
        _query("A", alert.query),
        _query("B", alert.baseline),
        _reduce("C", "A"),
        _reduce("D", "B"),
        _step("E", {"type": "math", "expression": "$C - $D"}),
        _threshold(alert, "E"),
    ]


def _query(ref: str, query: AlertQuery) -> Json:
    model = {
        "refId": ref,
        "datasource": SOURCE,
        "rawQuery": True,
        "query": query.statement,
        "resultFormat": "time_series",
    }
    return {
        "refId": ref,
        "relativeTimeRange": {"from": query.seconds, "to": 0},
        "datasourceUid": DATASOURCE_UID,
        "model": model,
    }


def _reduce(ref: str, of: str) -> Json:
    return _step(ref, {"type": "reduce", "expression": of, "reducer": "last", "settings": {"mode": "dropNN"}})


def _threshold(alert: Alert, of: str) -> Json:
    params = [-alert.limit, alert.limit] if alert.condition == "outside_range" else [alert.limit]
    evaluator = {"type": alert.condition, "params": params}
    return _step("T", {"type": "threshold", "expression": of, "conditions": [{"evaluator": evaluator}]})


def _step(ref: str, model: Json) -> Json:
    source = {"type": _EXPRESSION, "uid": _EXPRESSION}
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": _EXPRESSION,
        "model": {"refId": ref, "datasource": source} | model,
    }


def _both(text: Text) -> str:
    return f"{text.en} / {text.th}"
