"""What the reader chooses, as Grafana's variables filled by InfluxQL."""

from typing import Final

from city.store import layout
from dashboards.grafana.names import SOURCE, Json
from dashboards.influxql import TAGS, conditions, measurements
from dashboards.messages import ALL, VARIABLES
from dashboards.spec import AllQuantities, Board, Variable

_ON_RANGE_CHANGE: Final = 2
_ALPHABETICAL: Final = 1
_OWN_FIELDS: Final = "|".join((layout.RX, *layout.POSITION))
_QUANTITIES: Final = f"/^(?!(?:{_OWN_FIELDS})$)(?!.*(?:{layout.qc_field('')}|{layout.failed_field('')})$).+$/"
"""Fields that hold good values of quantities."""


def print_variables(board: Board, language: str) -> list[Json]:
    """Write a board's variables; each is narrowed by those before it."""
    return [_printed(variable, board, language) for variable in board.variables]


def variable_query(variable: Variable, board: Board) -> str:
    """Write the statement that fills a variable."""
    before = board.variables[: board.variables.index(variable)]
    where = " AND ".join(conditions(before))
    match variable:
        case Variable.KIND:
            return f"SHOW MEASUREMENTS WHERE {where}"
        case Variable.QUANTITY:
            return 'SHOW FIELD KEYS FROM "${kind}"'
        case _:
            source = f" FROM {measurements(board.kinds)}" if board.kinds else ""
            held = f" WHERE {where}" if where else ""
            return f'SHOW TAG VALUES{source} WITH KEY = "{TAGS[variable]}"{held}'


def _printed(variable: Variable, board: Board, language: str) -> Json:
    single = any(isinstance(source, AllQuantities) for panel in board.panels for source in panel.sources)
    several = variable is Variable.QUANTITY or not (single and variable in {Variable.DEVICE, Variable.KIND})
    printed: Json = {
        "type": "query",
        "name": str(variable),
        "label": VARIABLES[variable].of(language),
        "datasource": SOURCE,
        "query": variable_query(variable, board),
        "refresh": _ON_RANGE_CHANGE,
        "sort": _ALPHABETICAL,
        "multi": several,
        "includeAll": several,
        "options": [],
        "regex": _QUANTITIES if variable is Variable.QUANTITY else "",
    }
    if several:
        printed["current"] = {"text": [ALL.of(language)], "value": ["$__all"]}
    if several and variable in TAGS:
        # matches devices without the tag, too
        printed["allValue"] = ".*"
    return printed
