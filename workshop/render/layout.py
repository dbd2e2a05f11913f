"""Small pieces of layout that several renderables share."""

from __future__ import annotations

from rich.console import RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workshop.render.theme import READABLE


def readable(renderable: RenderableType) -> RenderableType:
    """No wider than one can read."""
    return Constrain(renderable, READABLE)


def indented(renderable: RenderableType, by: int = 2) -> RenderableType:
    return Padding(renderable, (0, 0, 0, by))


def hanging(mark: Text | str, body: RenderableType) -> RenderableType:
    """A mark, and the text beside it: lines that go on do not go below the mark."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(mark, body)
    return grid
