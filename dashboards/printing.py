"""Writing what the boards become, and comparing it with what is there."""

import json
from pathlib import Path
from typing import Any, Final

from dashboards.alerts import alerts_of
from dashboards.boards import BOARDS
from dashboards.console import print_console
from dashboards.grafana import print_board
from dashboards.grafana.rules import print_rules
from dashboards.province import DEFAULT, load_province
from dashboards.spec import LANGUAGES

HOME: Final = Path(__file__).parent
"""The folder `dashboards`, where printed files lie in the project."""

GENERATED: Final = Path("generated")
RULES: Final = Path("provisioning/alerting/rules.yaml")


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
        GENERATED / "console.json": _json(print_console(BOARDS, where)),
        RULES: print_rules(alerts_of(where)),
    }


def console_json(province: str = DEFAULT) -> str:
    """Print the boards for the built-in console alone.

    Raises:
        ConfigurationError: The province's file is missing or wrong.
    """
    return _json(print_console(BOARDS, load_province(province)))


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
    for path in _strangers(folder, files):
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
    return found + [f"{path} belongs to no board: print the boards anew" for path in _strangers(folder, files)]


def _strangers(folder: Path, files: dict[Path, str]) -> list[Path]:
    there = (file.relative_to(folder) for file in sorted((folder / GENERATED).rglob("*.json")))
    return [path for path in there if path not in files]


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
