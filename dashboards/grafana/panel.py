"""A panel of the spec as a panel of Grafana."""

from collections.abc import Iterable
from typing import Any, Final

from dashboards.grafana.fields import field_config, ref_id
from dashboards.grafana.names import SOURCE, Json
from dashboards.influxql import place_query, query
from dashboards.province import Province
from dashboards.spec import AllQuantities, Board, Group, LastSeen, Panel, Plot, Readings, Source, Variable
from dashboards.value_format import cadence_of, format_of

_TYPES: Final = {
    Plot.STAT: "stat",
    Plot.TIMESERIES: "timeseries",
    Plot.COLUMNS: "timeseries",
    Plot.BARS: "bargauge",
    Plot.TABLE: "table",
    Plot.MAP: "geomap",
    Plot.STATES: "state-timeline",
}
_ROWS: Final = {Plot.TABLE, Plot.MAP}
"""Plots that want rows of a table and no series."""

_ALIASES: Final = {Group.DEVICE: "$tag_device", Group.DISTRICT: "$tag_district", Group.OWNER: "$tag_owner"}
_REDUCE: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_LEGEND: Final = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": list[str]()}
_TOOLTIP: Final = {"mode": "multi", "sort": "desc"}


def print_panel(panel: Panel, board: Board, province: Province, language: str) -> Json:
    """Write a panel without its number and place."""
    description = panel.description.of(language)
    if panel.empty is not None:
        description = f"{description} {panel.empty.of(language)}"
    printed: Json = {
        "type": _TYPES[panel.plot],
        "title": panel.title.of(language),
        "description": description,
        "datasource": SOURCE,
        "targets": [
            _target(number, source, panel, board.variables, language) for number, source in enumerate(panel.sources)
        ],
        "fieldConfig": field_config(panel, language),
        "options": _options(panel, province, language),
        "transformations": _transformations(panel),
    }
    # a bucket narrower than the cadence would be empty now and then
    narrowest = max((cadence_of(source) for source in panel.sources), default=0)
    if narrowest:
        printed["interval"] = f"{narrowest}s"
    if isinstance(panel.sources[0], AllQuantities):
        printed |= {"title": "${quantity}", "repeat": "quantity", "repeatDirection": "h", "maxPerRow": 2}
    return printed


def _target(number: int, source: Source, panel: Panel, variables: Iterable[Variable], language: str) -> Json:
    on_map = panel.plot is Plot.MAP and isinstance(source, Readings)
    return {
        "refId": ref_id(number),
        "datasource": SOURCE,
        "rawQuery": True,
        "query": place_query(source, variables)
        if on_map and isinstance(source, Readings)
        else query(source, variables),
        "resultFormat": "table" if panel.plot in _ROWS else "time_series",
        "alias": _alias(source, panel, language),
    }


def _alias(source: Source, panel: Panel, language: str) -> str:
    if panel.plot in _ROWS:
        return ""
    label = format_of(source).label.of(language)
    match source:
        case AllQuantities():
            return "$col"
        case Readings(group=group):
            return _ALIASES.get(group, label)
        case _:
            return _ALIASES[Group.DEVICE] if panel.plot is Plot.BARS else label


def _options(panel: Panel, province: Province, language: str) -> Json:
    match panel.plot:
        case Plot.STAT:
            several = "value_and_name" if len(panel.sources) > 1 else "value"
            return {
                "reduceOptions": _REDUCE,
                "colorMode": "value",
                "graphMode": "none",
                "textMode": several,
                "justifyMode": "auto",
                "orientation": "auto",
            }
        case Plot.BARS:
            return {
                "reduceOptions": _REDUCE,
                "orientation": "horizontal",
                "displayMode": "basic",
                "valueMode": "color",
                "showUnfilled": True,
            }
        case Plot.TABLE:
            oldest_first = [{"displayName": format_of(panel.sources[0]).label.of(language), "desc": False}]
            return {
                "showHeader": True,
                "cellHeight": "sm",
                "sortBy": oldest_first if isinstance(panel.sources[0], LastSeen) else [],
            }
        case Plot.MAP:
            return _map(panel, province, language)
        case Plot.STATES:
            return {"mergeValues": True, "showValue": "auto", "rowHeight": 0.9, "legend": _LEGEND, "tooltip": _TOOLTIP}
        case _:
            return {"legend": _LEGEND, "tooltip": _TOOLTIP}


def _map(panel: Panel, province: Province, language: str) -> Json:
    return {
        "view": {"id": "coords", "lat": province.lat, "lon": province.lon, "zoom": province.zoom},
        "controls": {"showZoom": True, "mouseWheelZoom": True, "showAttribution": True},
        "basemap": {"type": "default", "name": "Layer 0"},
        "tooltip": {"mode": "details"},
        "layers": [_layer(number, source, language) for number, source in enumerate(panel.sources)],
    }


def _layer(number: int, source: Source, language: str) -> Json:
    form = format_of(source)
    return {
        "type": "markers",
        "name": form.label.of(language),
        "filterData": {"id": "byRefId", "options": ref_id(number)},
        "location": {"mode": "coords", "latitude": "lat", "longitude": "lon"},
        "config": {
            "showLegend": False,
            "style": {
                "color": {"field": form.key, "fixed": form.scale[0].colour},
                "size": {"fixed": 7, "min": 4, "max": 12},
                "opacity": 0.85,
            },
        },
        "tooltip": True,
    }


def _transformations(panel: Panel) -> list[dict[str, Any]]:
    """Make one row a device, without the times that each column has of its own."""
    if panel.plot is not Plot.TABLE:
        return []
    if isinstance(panel.sources[0], LastSeen):
        return [{"id": "merge", "options": {}}, {"id": "organize", "options": {"excludeByName": {"last_seen": True}}}]
    times = {"Time": True} | {f"Time {number + 1}": True for number in range(len(panel.sources))}
    join = {"id": "joinByField", "options": {"byField": "device", "mode": "outer"}}
    return [join, {"id": "organize", "options": {"excludeByName": times}}]
