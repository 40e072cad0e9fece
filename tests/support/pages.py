"""The project's pages: their code blocks, links and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

_SKIPPED: Final = frozenset({".venv", ".git", "node_modules", "vendor"})
_FENCE: Final = re.compile(r"^(`{3,})\s*(\w*)\s*$")
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.*?)\s*$")


@dataclass(frozen=True)
class Block:
    """A code block: the page, the number of its first line, its language, its lines."""

    page: Path
    line: int
    language: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def text(self) -> str:
        """Give it as a file."""
        return "\n".join(self.lines) + "\n"


def pages() -> list[Path]:
    """Find every page of the project."""
    return sorted(page for page in ROOT.rglob("*.md") if not _SKIPPED.intersection(page.relative_to(ROOT).parts))


@cache
def _split(page: Path) -> tuple[tuple[Block, ...], tuple[tuple[int, str], ...]]:
    """Part a page into its code blocks and its other lines, numbered from 1."""
    found: list[Block] = []
    prose: list[tuple[int, str]] = []
    fence, language, begin, held = "", "", 0, list[str]()
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        match = _FENCE.match(line)
        if fence and match is not None and match[1] == fence and not match[2]:
            found.append(Block(page, begin, language, tuple(held)))
            fence = ""
        elif fence:
            held.append(line)
        elif match is not None:
            fence, language, begin, held = match[1], match[2], number + 1, []
        else:
            prose.append((number, line))
    assert not fence, f"{page}: a code block that begins at line {begin} does not end"
    return tuple(found), tuple(prose)


def blocks(page: Path) -> tuple[Block, ...]:
    """Give the code blocks of a page."""
    return _split(page)[0]


def prose(page: Path) -> tuple[tuple[int, str], ...]:
    """Give all other lines, with their numbers."""
    return _split(page)[1]


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Give what a page leads to, with the number of the line."""
    numbers = [number for number, _ in prose(page)]
    text = "\n".join(line for _, line in prose(page))
    plain = re.sub(r"`[^`\n]*`", "", text)
    for match in _LINK.finditer(plain):
        yield numbers[plain.count("\n", 0, match.end())], match[1]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Give the names by which the headings of a page are reached."""
    names: list[str] = []
    for _, line in prose(page):
        match = _HEADING.match(line)
        if match is not None:
            slug = re.sub(r"[^\w\- ]", "", match[1].lower()).replace(" ", "-")
            seen = sum(name == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", name) is not None for name in names)
            names.append(f"{slug}-{seen}" if seen else slug)
    return frozenset(names)
