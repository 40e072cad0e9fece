"""What the project's pages lead to and tell to type exists."""

import re
import shlex
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin
from urllib.parse import unquote

import pytest
import typer.main

from korat.cli import app
from support.pages import ROOT, anchors, blocks, links, pages, prose

PAGES: Final = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
TREE: Final[Any] = typer.main.get_command(app)

_INLINE: Final = re.compile(r"`([^`]+)`")
_SAYS_KORAT: Final = re.compile(r"(?:\S*/)?korat(?:\s|$)")
_ASSIGNED: Final = re.compile(r"[A-Z][A-Z0-9_]*=")
_ENDS: Final = frozenset({"#", "|", "||", "&&", "&", ";", ">", ">>", "2>", "<"})


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: Path) -> None:
    for number, target in links(page):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.relative_to(ROOT)}, line {number}: there is no {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.relative_to(ROOT)}, line {number}: there is no heading {target}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    for where, words in commands(page):
        wrong = unknown(words)
        assert wrong is None, f"{where}: {' '.join(words)}: {wrong}"


def test_links_are_found_over_line_ends_and_not_in_code(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b`: C?\n`[no](link)` and [one\nmore](x.md#y).\n```\n[not](this)\n```\n## A b C\n")
    assert list(links(page)) == [(3, "x.md#y")]
    assert anchors(page) == {"a-b-c", "a-b-c-1"}


def test_what_does_not_exist_is_found() -> None:
    assert unknown(["replay", "a.csv", "--mapping", "x", "--speed=max", "--skip-bad"]) is None
    assert unknown(["--version"]) is None
    assert unknown(["replya", "a.csv"]) == "there is no command 'replya'"
    assert unknown(["replay", "a.csv", "--velocity", "2"]) == "replay has no option --velocity"
    assert unknown(["ledger", "--by", "month"]) == "--by does not take 'month'"
    assert unknown(["quarantine", "--reason", "no_idea"]) == "--reason does not take 'no_idea'"


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Give the arguments of every `korat` that stands in a code block, or as code in a sentence."""
    name = page.relative_to(ROOT)
    shown = [
        (block.line + at, line)
        for block in blocks(page)
        if block.language in {"", "sh", "bash", "shell", "console"}
        for at, line in enumerate(block.lines)
    ]
    shown += [(number, code) for number, line in prose(page) for code in _INLINE.findall(line)]
    for number, line in shown:
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:
            continue  # a picture, or a quotation that goes over several lines
        while words and (_ASSIGNED.match(words[0]) or words[0] in {"env", "exec"}):
            words.pop(0)
        if words and _SAYS_KORAT.fullmatch(words[0]):
            end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
            yield f"{name}, line {number}", words[1:end]


def unknown(words: list[str]) -> str | None:
    """Say what of a command line does not exist; None if all does."""
    command, options = TREE, list(words)
    if options and not options[0].startswith("-"):
        command = TREE.commands.get(options[0])
        if command is None:
            return f"there is no command {options[0]!r}"
        options.pop(0)
        if options and options[0] in getattr(command, "commands", {}):
            command = command.commands[options.pop(0)]
    known = {spelled: each for each in command.params for spelled in (*each.opts, *each.secondary_opts)}
    for at, word in enumerate(options):
        name, equals, value = word.partition("=")
        if not name.startswith("--") or name == "--help":
            continue
        if name not in known:
            return f"{command.name} has no option {name}"
        choices = offered(known[name].type_descriptor.annotation)
        given = value if equals else next(iter(options[at + 1 : at + 2]), "")
        if choices and given.islower() and given not in choices:
            return f"{name} does not take {given!r}"
    return None


def offered(annotation: Any) -> frozenset[str]:
    """Give the words that an option takes; none if it takes any."""
    if isinstance(annotation, type):
        return frozenset(map(str, annotation)) if issubclass(annotation, StrEnum) else frozenset()
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return frozenset(arguments)
    return frozenset().union(*map(offered, arguments))
