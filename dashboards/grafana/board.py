"""A board of the spec as Grafana's classic JSON."""

from typing import Final

from dashboards.grafana.names import Json, uid_of
from dashboards.grafana.panel import print_panel
from dashboards.grafana.variables import print_variables
from dashboards.grid import placed
from dashboards.messages import BOARDS
from dashboards.province import Province
from dashboards.spec import Board

__all__ = ["print_board", "uid_of"]

_SCHEMA_VERSION: Final = 39
"""Of Grafana 10 and 11; later ones read it as well."""


def print_board(board: Board, province: Province, language: str) -> Json:
    """Write a board in one language."""
    return {
        "id": None,
        "uid": uid_of(board.key, language),
        "title": board.title.of(language),
        "description": board.description.of(language),
        "tags": ["korat", language],
        "timezone": province.zone,
        "time": {"from": f"now-{board.hours}h", "to": "now"},
        "refresh": province.refresh,
        "schemaVersion": _SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "annotations": {"list": []},
        "links": [_menu(language)],
        "templating": {"list": print_variables(board, language)},
        "panels": _panels(board, province, language),
    }


def panel_ids(board: Board) -> dict[str, int]:
    """Number a board's panels as they are printed: key to id."""
    return {cell.panel.key: cell.id for cell in placed(board) if cell.panel is not None}


def _panels(board: Board, province: Province, language: str) -> list[Json]:
    panels = []
    for cell in placed(board):
        grid = {"x": cell.x, "y": cell.y, "w": cell.width, "h": cell.height}
        if cell.panel is None:
            title = cell.section.title.of(language)
            printed: Json = {"type": "row", "title": title, "collapsed": False, "panels": []}
        else:
            printed = print_panel(cell.panel, board, province, language)
        panels.append({"id": cell.id} | printed | {"gridPos": grid})
    return panels


def _menu(language: str) -> Json:
    title = BOARDS.of(language)
    return {
        "type": "dashboards",
        "title": title,
        "tags": ["korat", language],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": title,
        "url": "",
    }
