"""Field configurations: units, digits, colours and links, from the catalog."""

from typing import Final

from city.catalog import QUANTITIES
from dashboards.grafana.names import Json, uid_of
from dashboards.messages import DEVICE, NOTHING, OPEN_DEVICE
from dashboards.panels import counts
from dashboards.spec import AllQuantities, LastSeen, Panel, Plot, Readings, Scale, Text
from dashboards.value_format import ValueFormat, format_of, gap_of

_BY_VALUE: Final = {Plot.STAT, Plot.BARS, Plot.MAP, Plot.STATES, Plot.TABLE}


def field_config(panel: Panel, language: str) -> Json:
    """Write units, digits, colours and links of a panel's values."""
    formats = [format_of(source, panel) for source in panel.sources]
    defaults = _field_options(formats[0]) | {
        "color": {"mode": "thresholds" if panel.plot in _BY_VALUE else "palette-classic"},
        "noValue": (panel.empty or NOTHING).of(language),
        "custom": _custom(panel, formats[0]),
        "links": [_link(panel, language)] if panel.drill else [],
    }
    if all(isinstance(source, Readings) and counts(source) for source in panel.sources):
        # InfluxQL counts nothing as no row
        defaults["noValue"] = "0"
    if panel.plot is Plot.STATES:
        defaults["mappings"] = mappings(formats[0].scale, language)
    return {"defaults": defaults, "overrides": _overrides(panel, formats, language)}


def thresholds(scale: Scale) -> Json:
    """Write a scale as Grafana's steps; the first has no value."""
    return {"mode": "absolute", "steps": [{"value": band.start, "color": band.colour} for band in scale]}


def mappings(scale: Scale, language: str) -> list[Json]:
    """Write the meaning of each band, for plots that name states."""
    ends = [band.start for band in scale[1:]] + [None]
    return [
        {
            "type": "range",
            "options": {
                "from": band.start,
                "to": end,
                "result": {"text": band.means.of(language), "color": band.colour, "index": index},
            },
        }
        for index, (band, end) in enumerate(zip(scale, ends, strict=True))
    ]


def _field_options(form: ValueFormat) -> Json:
    options: Json = {
        "unit": form.grafana,
        "decimals": form.decimals,
        "thresholds": thresholds(form.scale),
    }
    if form.bounds:
        options |= {"min": form.bounds[0], "max": form.bounds[1]}
    return options


def _custom(panel: Panel, form: ValueFormat) -> Json:
    gap_ms = max(map(gap_of, panel.sources)) * 1000
    match panel.plot:
        case Plot.TIMESERIES:
            style = "dashed" if len(form.scale) > 1 else "off"
            return {
                "drawStyle": "line",
                "lineWidth": 1,
                "fillOpacity": 0,
                "showPoints": "auto",
                "spanNulls": gap_ms,
                "thresholdsStyle": {"mode": style},
            }
        case Plot.COLUMNS:
            stacking = {"mode": "normal", "group": "A"}
            return {"drawStyle": "bars", "lineWidth": 0, "fillOpacity": 80, "showPoints": "never", "stacking": stacking}
        case Plot.STATES:
            return {"fillOpacity": 80, "lineWidth": 0, "spanNulls": gap_ms}
        case Plot.TABLE:
            return {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True}
        case _:
            return {}


def _overrides(panel: Panel, formats: list[ValueFormat], language: str) -> list[Json]:
    if isinstance(panel.sources[0], AllQuantities):
        rows = ((row.key, row.grafana, row.decimals, Text(row.en, row.th)) for row in QUANTITIES.values())
        return [
            _by_name(key, unit=unit, decimals=decimals, displayName=label.of(language))
            for key, unit, decimals, label in rows
        ]
    if panel.plot is Plot.TABLE:
        named = [_column(form, language) for form in formats]
        first = _by_name("device", displayName=DEVICE.of(language), unit="string")
        if isinstance(panel.sources[0], LastSeen):
            named = [_by_name("Time", displayName=formats[0].label.of(language), unit=formats[0].grafana)]
        return [first, *named]
    if len(formats) == 1:
        return []
    return [
        {
            "matcher": {"id": "byFrameRefID", "options": ref_id(number)},
            "properties": [{"id": key, "value": value} for key, value in _field_options(form).items()],
        }
        for number, form in enumerate(formats)
    ]


def _column(form: ValueFormat, language: str) -> Json:
    cell = {"type": "color-text"} if len(form.scale) > 1 else {"type": "auto"}
    options = _field_options(form) | {"displayName": form.label.of(language), "custom.cellOptions": cell}
    return _by_name(form.key, **options)


def _by_name(name: str, **properties: object) -> Json:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def _link(panel: Panel, language: str) -> Json:
    of_row = panel.plot in {Plot.TABLE, Plot.MAP}
    device = "${__data.fields.device}" if of_row else "${__field.labels.device}"
    url = f"/d/{uid_of('device', language)}?var-device={device}&${{province:queryparam}}&${{__url_time_range}}"
    return {"title": OPEN_DEVICE.of(language), "url": url, "targetBlank": False}


def ref_id(number: int) -> str:
    """Name a target: A, B and so on."""
    return chr(ord("A") + number)
