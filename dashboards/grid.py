"""Where panels lie: flowing from left to right on a grid of 24 columns, the same for every printer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dashboards.spec import Board, Panel, Section

COLUMNS: Final = 24


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a panel, or a section's heading (`panel` is None), lies.

    Attributes:
        id: Number on its board, from 1.
        section: The section it belongs to.
        panel: The panel.
        x: Column of its left edge.
        y: Grid row of its upper edge.
        width: In columns.
        height: In grid rows.
    """

    id: int
    section: Section
    panel: Panel | None
    x: int
    y: int
    width: int
    height: int


def placed(board: Board) -> Iterator[Cell]:
    """Give every heading and panel its place, in order; the panels of a line are as tall as its tallest."""
    number = y = 0
    for section in board.sections:
        number += 1
        yield Cell(number, section, None, 0, y, COLUMNS, 1)
        y += 1
        for line in _lines(section):
            x, height = 0, max(panel.height for panel in line)
            for panel in line:
                number += 1
                yield Cell(number, section, panel, x, y, panel.width, height)
                x += panel.width
            y += height


def _lines(section: Section) -> Iterator[list[Panel]]:
    line: list[Panel] = []
    for panel in section.panels:
        if sum(one.width for one in line) + panel.width > COLUMNS:
            yield line
            line = []
        line.append(panel)
    yield line
