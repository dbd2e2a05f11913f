"""Small pieces of layout that several renderables share."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workshop.render.theme import READABLE, Signs


def readable(renderable: RenderableType) -> RenderableType:
    """No wider than one can read."""
    return Constrain(renderable, READABLE)


def indented(renderable: RenderableType, by: int = 2) -> RenderableType:
    return Padding(renderable, (0, 0, 0, by))


def tabular(table: Table, signs: Signs) -> RenderableType:
    """A table; for who reads line by line, a line for each row, in which each value has its heading."""
    if not signs.plain:
        return table
    columns = [(str(column.header), list(column.cells)) for column in table.columns]
    lines = []
    for row in zip(*(cells for _, cells in columns), strict=True):
        said = zip((header for header, _ in columns), map(str, row), strict=True)
        lines.append(", ".join(f"{header} {cell}".strip() for header, cell in said if cell))
    return Group(*(Text(line, overflow="fold") for line in lines))


def hanging(mark: Text | str, body: RenderableType) -> RenderableType:
    """A mark, and the text beside it: lines that go on do not go below the mark."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(mark, body)
    return grid
