"""The tests that docs/threat-model.md names exist."""

import ast
import re
from pathlib import Path

from support.pages import ROOT

NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "threat-model.md").read_text())


def functions(file: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, kinds)}


def test_every_test_that_the_threat_model_names_exists() -> None:
    assert len(NAMED) > 10
    missing = [f"{file}::{name}" for file, name in NAMED if name not in functions(ROOT / file)]
    assert missing == []


def test_every_attack_is_in_the_threat_model() -> None:
    attacks = {name for name in functions(ROOT / "tests" / "attack" / "test_device.py") if name.startswith("test_")}
    assert attacks <= {name for _, name in NAMED}
