"""CONTRIBUTING.md says what a new part touches; each row is tried on a clone: only those places change, and all holds.

`additions/<row>.toml` holds one small addition: `[[edit]]` puts `text` behind a line `after` of a file (the `nth` of its
kind), `[[new]]` makes a file, `made` are commands that print what is generated, `check` is what must pass then, both as
arguments of Python.
"""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from support.pages import ROOT

MAX_PLACES: Final = 3
ADDITIONS: Final = Path(__file__).parent / "additions"
ROW: Final = re.compile(r"^\| (?P<what>an? [^|]+?) \| (?P<places>[^|]+) \|(?P<made>[^|]*)\|$", re.MULTILINE)
TABLE: Final = {
    row["what"].strip(): (re.findall(r"`([^`]+)`", row["places"]), re.findall(r"`([^` ]+)`", row["made"]))
    for row in ROW.finditer((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
}


def case(what: str) -> dict[str, Any]:
    name = re.sub("^an? ", "", what).lower().replace(" ", "_")
    return tomllib.loads((ADDITIONS / f"{name}.toml").read_text("utf-8"))


def test_every_row_is_tried_and_nothing_else() -> None:
    assert len(TABLE) >= 9
    assert {case(what)["add"] for what in TABLE} == set(TABLE)
    assert len(list(ADDITIONS.iterdir())) == len(TABLE)


@pytest.mark.parametrize("what", TABLE)
def test_what_is_added_touches_only_the_places_of_its_row(what: str, tmp_path: Path) -> None:
    (places, generated), addition = TABLE[what], case(what)
    assert 0 < len(places) <= MAX_PLACES
    clone = tmp_path / "clone"
    copy(clone)
    before = contents(clone)
    for edit in addition.get("edit", []):
        insert(clone / edit["file"], edit["after"], edit["text"], edit.get("nth", 1))
    for new in addition.get("new", []):
        (clone / new["file"]).parent.mkdir(parents=True, exist_ok=True)
        (clone / new["file"]).write_text(new["text"].lstrip("\n"), "utf-8")
    for command in addition.get("made", []):
        (target,) = re.findall(r" > (\S+)$", command) or [None]
        made = python(clone, command.removesuffix(f" > {target}") if target else command)
        if target:
            (clone / target).write_text(made, "utf-8")
    after = contents(clone)
    touched = {file for file in before | after if before.get(file) != after.get(file)}
    patterns = [place + "*" if place.endswith("/") else place for place in (*places, *generated)]
    strays = {file for file in touched if not any(fnmatch.fnmatch(file, each) for each in patterns)}
    assert strays == set(), f"{what} also touches {sorted(strays)}"
    assert all(fnmatch.filter(touched, each) for each in patterns), f"{what} touches only {sorted(touched)}"
    for command in addition["check"]:
        python(clone, command)


def copy(clone: Path) -> None:
    """Copy what is in the checkout, committed or not, but for what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)


def contents(clone: Path) -> dict[str, bytes]:
    ours = (file for file in clone.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(clone)): file.read_bytes() for file in ours}


def insert(file: Path, after: str, text: str, nth: int) -> None:
    lines = file.read_text("utf-8").splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if line.rstrip("\n") == after][nth - 1]
    lines.insert(at + 1, text if text.endswith("\n") else text + "\n")
    file.write_text("".join(lines), "utf-8")


def python(clone: Path, command: str) -> str:
    words = [sys.executable, "-B", *shlex.split(command)]
    # its own code before the installed one, which is that of the checkout
    environment = os.environ | {"PYTHONPATH": str(clone)}
    done = subprocess.run(
        words, cwd=clone, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
