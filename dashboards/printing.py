"""Writing what the boards become, and comparing it with what is there."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from dashboards.alerts import alerts_of
from dashboards.boards import BOARDS
from dashboards.grafana import print_board
from dashboards.grafana.rules import print_rules
from dashboards.messages import NOTHING, VARIABLES
from dashboards.province import DEFAULT, load_province
from dashboards.scales import SCALES
from dashboards.spec import LANGUAGES, Board, Scale, Text, Variable

HOME: Final = Path(__file__).parent
"""The folder `dashboards`, where printed files lie in the project."""

GENERATED: Final = Path("generated")
RULES: Final = Path("provisioning/alerting/rules.yaml")


class Console(msgspec.Struct, frozen=True):
    """What `console.json` holds: the boards' spec as it is, and what several boards share.

    Attributes:
        boards: All boards, in the order of the menu.
        scales: Quantity to its colours by value, where a panel has none of its own.
        variables: Names of what the reader chooses.
        nothing: What a panel says that is empty.
    """

    boards: tuple[Board, ...]
    scales: dict[str, Scale]
    variables: dict[Variable, Text]
    nothing: Text


def printed(province: str = DEFAULT) -> dict[Path, str]:
    """Print everything: path below the folder `dashboards` to its text.

    Raises:
        ConfigurationError: The province's file is missing or wrong.
    """
    where = load_province(province)
    files = {
        GENERATED / "grafana" / language / f"{board.key}.json": _json(print_board(board, where, language))
        for language in LANGUAGES
        for board in BOARDS
    }
    return files | {
        GENERATED / "console.json": _indented(msgspec.json.encode(Console(BOARDS, SCALES, VARIABLES, NOTHING))),
        RULES: print_rules(alerts_of(where)),
    }


def print_all(folder: Path, province: str = DEFAULT) -> list[Path]:
    """Write all printed files below a folder, and remove printed boards that no spec makes any more.

    Returns:
        The files that changed, as paths below the folder.
    """
    files = printed(province)
    changed = []
    for path, text in files.items():
        file = folder / path
        if not file.is_file() or file.read_text("utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            changed.append(path)
    for path in _orphans(folder, files):
        (folder / path).unlink()
        changed.append(path)
    return changed


def check(folder: Path, province: str = DEFAULT) -> list[str]:
    """Compare the files below a folder with what would be printed now; a sentence for each that differs."""
    files = printed(province)
    found = []
    for path, text in files.items():
        file = folder / path
        if not file.is_file():
            found.append(f"{path} is missing: print the boards anew")
        elif file.read_text("utf-8") != text:
            found.append(f"{path} is not what its spec says: print the boards anew")
    return found + [f"{path} belongs to no board: print the boards anew" for path in _orphans(folder, files)]


def _orphans(folder: Path, files: dict[Path, str]) -> list[Path]:
    there = (file.relative_to(folder) for file in sorted((folder / GENERATED).rglob("*.json")))
    return [path for path in there if path not in files]


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _indented(text: bytes) -> str:
    return msgspec.json.format(text, indent=1).decode() + "\n"
