"""Printed boards are what Grafana takes, whole in themselves, and the same in both languages."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from city.catalog import KINDS, QUANTITIES
from dashboards.boards import BOARDS
from dashboards.grafana import uid_of
from dashboards.printing import check, print_all
from dashboards.spec import LANGUAGES, Board, Panel, Readings, Text
from support.grafana import panels_of

Json = dict[str, Any]
_HERE = Path(__file__).resolve().parents[2] / "dashboards"
_BUILT_IN = {"__interval", "__range_s", "timeFilter", "tag_device", "tag_district", "tag_owner", "col"}


def _boards(files: dict[Path, str]) -> dict[Path, Json]:
    return {path: json.loads(text) for path, text in files.items() if "grafana" in path.parts}


@pytest.fixture(scope="session")
def boards(files: dict[Path, str]) -> dict[Path, Json]:
    return _boards(files)


def test_the_committed_files_are_what_the_specs_say() -> None:
    assert check(_HERE) == []


def test_printing_anew_mends_what_differs(tmp_path: Path) -> None:
    assert len(print_all(tmp_path)) == len(BOARDS) * len(LANGUAGES) + 2
    assert check(tmp_path) == []
    (tmp_path / "generated" / "console.json").write_text("{}")
    (tmp_path / "generated" / "grafana" / "en" / "air.json").unlink()
    (tmp_path / "generated" / "grafana" / "en" / "gone.json").write_text("{}")
    assert [sentence.split()[0] for sentence in check(tmp_path)] == [
        "generated/grafana/en/air.json",
        "generated/console.json",
        "generated/grafana/en/gone.json",
    ]
    assert len(print_all(tmp_path)) == 3
    assert print_all(tmp_path) == []


def test_boards_keep_to_grafanas_schema(boards: dict[Path, Json], board_schema: Path) -> None:
    validator = jsonschema.Draft7Validator(json.loads(board_schema.read_text("utf-8")))
    found = {str(path): [error.message for error in validator.iter_errors(board)] for path, board in boards.items()}
    assert {path: errors for path, errors in found.items() if errors} == {}


def test_addresses_are_unique_and_short(boards: dict[Path, Json]) -> None:
    uids = [board["uid"] for board in boards.values()]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) <= 40 and board["id"] is None for uid, board in zip(uids, boards.values(), strict=True))


def test_no_two_panels_share_a_number_or_a_place(boards: dict[Path, Json]) -> None:
    for path, board in boards.items():
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(set(numbers)) == len(numbers), path
        for one, other in combinations([panel["gridPos"] for panel in board["panels"]], 2):
            apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert apart_x or apart_y, (path, one, other)
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])


def test_every_panel_says_what_it_shows_in_which_unit(boards: dict[Path, Json]) -> None:
    for path, board in boards.items():
        for panel in panels_of(board):
            defaults = panel["fieldConfig"]["defaults"]
            assert panel["title"], path
            assert len(panel["description"]) > 10, (path, panel["title"])
            assert defaults["unit"], (path, panel["title"])
            assert defaults["noValue"], (path, panel["title"])
            assert defaults["thresholds"]["steps"][0]["value"] is None


def test_every_variable_is_defined_before_it_is_used(boards: dict[Path, Json]) -> None:
    for path, board in boards.items():
        known = set(_BUILT_IN)
        for variable in board["templating"]["list"]:
            assert _used(variable["query"]) <= known, (path, variable["name"])
            known.add(variable["name"])
        queries = [f"{target['query']} {target['alias']}" for panel in panels_of(board) for target in panel["targets"]]
        assert set().union(*map(_used, queries)) <= known, path


def test_links_lead_to_boards_that_there_are(boards: dict[Path, Json]) -> None:
    uids = {board["uid"] for board in boards.values()}
    links = [
        link["url"]
        for board in boards.values()
        for panel in panels_of(board)
        for link in panel["fieldConfig"]["defaults"]["links"]
    ]
    assert links
    assert {re.match(r"/d/([\w-]+)\?", url)[1] for url in links} <= uids  # type: ignore[index] # None fails as well
    device = next(board for board in boards.values() if board["uid"] == uid_of("device", "en"))
    names = {variable["name"] for variable in device["templating"]["list"]}
    assert {name for url in links for name in re.findall(r"var-(\w+)=", url)} <= names


def test_thai_and_english_differ_in_words_alone(boards: dict[Path, Json]) -> None:
    for board in BOARDS:
        english, thai = (boards[Path("generated/grafana") / one / f"{board.key}.json"] for one in LANGUAGES)
        assert _shape(english) == _shape(thai)
        assert english["title"] != thai["title"]


def test_everything_said_is_said_in_thai_and_english() -> None:
    texts = [text for board in BOARDS for text in _texts(board)]
    assert all(any("\u0e00" <= letter <= "\u0e7f" for letter in text.th) or text.en == text.th for text in texts)
    assert not any("\u0e00" <= letter <= "\u0e7f" for text in texts for letter in text.en)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.key)
def test_a_board_names_known_quantities_that_the_kind_measures(board: Board) -> None:
    keys = [panel.key for panel in board.panels]
    assert len(set(keys)) == len(keys)
    for panel in board.panels:
        for source in panel.sources:
            if isinstance(source, Readings):
                assert source.quantity in QUANTITIES
                assert source.quantity in KINDS[source.kind].quantities or panel.empty is not None


def test_every_kind_is_on_a_board() -> None:
    shown = {kind for board in BOARDS for kind in board.kinds}
    assert set(KINDS) == shown


def _used(query: str) -> set[str]:
    return set(re.findall(r"\$\{?(\w+)", query))


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_shape(part) for part in value]
    return type(value).__name__ if isinstance(value, str) else value


def _texts(board: Board) -> Iterator[Text]:
    yield from (board.title, board.description)
    yield from (section.title for section in board.sections)
    for panel in board.panels:
        yield from _of_panel(panel)


def _of_panel(panel: Panel) -> Iterator[Text]:
    yield from (panel.title, panel.description)
    if panel.empty is not None:
        yield panel.empty
    yield from (band.means for band in panel.scale or ())
