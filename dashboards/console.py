"""The printer for the built-in console: for each panel, what to ask the API and how to draw the answer.

Its shape is told in dashboards/README.md.
"""

from typing import Any, Final

from city.catalog import Aggregate
from dashboards.measure import Measure, aggregate_of, cadence_of, gap_of, measure_of
from dashboards.places import placed
from dashboards.province import Province
from dashboards.spec import (
    Account,
    AllOfDevice,
    Board,
    Heard,
    Kept,
    Panel,
    Readings,
    Scale,
    Source,
    Span,
    Text,
    Variable,
)
from dashboards.words import DEVICE, NOTHING, OPEN_DEVICE, VARIABLES

Json = dict[str, Any]

_VERSION: Final = 1
_API_NAMES: Final = {"missing": "gaps"}
"""Figures of the ledger that the API calls otherwise."""

_CHOICES: Final = {
    Variable.PROVINCE: "province",
    Variable.DISTRICT: "district",
    Variable.OWNER: "owner",
    Variable.DEVICE: "device",
}
"""Variable to the field of a device in `/v1/devices` that it chooses by."""


def print_console(boards: tuple[Board, ...], province: Province) -> Json:
    """Write all boards in both languages."""
    return {
        "version": _VERSION,
        "province": {
            "code": province.code,
            "name": {"en": province.en, "th": province.th},
            "zone": province.zone,
            "lat": province.lat,
            "lon": province.lon,
            "zoom": province.zoom,
        },
        "words": {"nothing": _both(NOTHING), "device": _both(DEVICE), "open_device": _both(OPEN_DEVICE)},
        "variables": {
            str(variable): {"label": _both(VARIABLES[variable]), "field": field} for variable, field in _CHOICES.items()
        },
        "boards": [_board(board) for board in boards],
    }


def _board(board: Board) -> Json:
    sections: list[Json] = []
    for spot in placed(board):
        if spot.panel is None:
            sections.append({"title": _both(spot.section.title), "panels": []})
        else:
            place = {"x": spot.x, "y": spot.y, "width": spot.width, "height": spot.height}
            sections[-1]["panels"].append(_panel(spot.panel) | place)
    return {
        "key": board.key,
        "title": _both(board.title),
        "description": _both(board.description),
        "hours": board.hours,
        "kinds": board.kinds,
        "variables": [str(variable) for variable in board.variables if variable in _CHOICES],
        "sections": sections,
    }


def _panel(panel: Panel) -> Json:
    return {
        "key": panel.key,
        "title": _both(panel.title),
        "description": _both(panel.description),
        "plot": str(panel.plot),
        "drill": panel.drill,
        "empty": None if panel.empty is None else _both(panel.empty),
        "asks": [_ask(source) | _shown(measure_of(source, panel)) for source in panel.sources],
    }


def _ask(source: Source) -> Json:
    match source:
        case Readings(span=Span.NEWEST, kind=kind, quantity=quantity):
            asked: Json = {"ask": "newest", "route": "/v1/latest", "params": {"kind": [kind]}, "quantity": quantity}
            return asked | _grouping(source)
        case Readings(kind=kind):
            asked = {"ask": str(source.span), "route": "/v1/readings", "kind": kind} | _aggregation(source)
            return asked | _grouping(source)
        case Account(figure=figure, by_gateway=by_gateway):
            by = "gateway" if by_gateway else "total"
            name = _API_NAMES.get(figure, figure)
            return {"ask": "account", "route": "/v1/ledger", "params": {"by": by}, "figure": name}
        case Heard(kinds=kinds):
            return {"ask": "heard", "route": "/v1/latest", "params": {"kind": list(kinds)}}
        case Kept(kind=kind, quantity=quantity):
            params = {"quantity": [quantity], "kind": [kind], "aggregate": str(Aggregate.COUNT), "every": "1h"}
            return {"ask": "kept", "route": "/v1/readings", "kind": kind, "params": params}
        case AllOfDevice():
            return {"ask": "all", "route": "/v1/readings", "params": {}}


def _aggregation(source: Readings) -> Json:
    params = {"quantity": [source.quantity], "kind": [source.kind], "aggregate": str(aggregate_of(source))}
    aggregation: Json = {"params": params}
    if source.span is Span.BUCKETS:
        aggregation |= {"every_s": source.every_s or None, "narrowest_s": cadence_of(source), "gap_s": gap_of(source)}
    return aggregation


def _grouping(source: Readings) -> Json:
    where = None if source.where is None else {"sign": source.where.sign, "value": source.where.value}
    return {"group": str(source.group), "across": str(source.across), "where": where}


def _shown(measure: Measure) -> Json:
    return {
        "key": measure.key,
        "label": _both(measure.label),
        "unit": measure.unit,
        "decimals": measure.decimals,
        "bounds": measure.bounds,
        "scale": _scale(measure.scale),
    }


def _scale(scale: Scale) -> list[Json]:
    return [{"from": band.start, "colour": band.colour, "means": _both(band.means)} for band in scale]


def _both(text: Text) -> dict[str, str]:
    return text._asdict()
