"""Small pieces of layout that several renderables share."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workshop.render.theme import READABLE, UNICODE, Signs

ROOMY = 76
"""From so many columns on, the cells of a row stand side by side, folded where they must be."""


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


class Rows:
    """A table; on a narrow screen that it does not fit, each row is its first cell with the others below.

    For who reads line by line, a line for each row, in which each value has its heading."""

    def __init__(
        self, headers: Sequence[str], rows: Sequence[Sequence[str | Text]], signs: Signs = UNICODE
    ) -> None:
        self.headers = tuple(headers)
        self.rows = tuple(rows)
        self.plain = signs.plain

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.plain:
            for row in self.rows:
                yield self._sentence(row)
            return
        table = self._table()
        wide = Measurement.get(console, options.update(max_width=1000), table).maximum
        if options.max_width >= ROOMY or wide <= options.max_width:
            yield table
        else:
            for row in self.rows:
                yield from self._stacked(row)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="none")
        for header in self.headers:
            table.add_column(header, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def _sentence(self, row: Sequence[str | Text]) -> Text:
        cells = zip(self.headers, map(str, row), strict=False)
        said = ", ".join(f"{header} {cell}".strip() for header, cell in cells if cell)
        return Text(said, overflow="fold")

    def _stacked(self, row: Sequence[str | Text]) -> RenderResult:
        yield Text("", overflow="fold").append_text(_text(row[0]))
        cells = [
            Text(f"{header} " if header else "").append_text(_text(cell))
            for header, cell in zip(self.headers[1:], row[1:], strict=False)
        ]
        if cells:
            yield indented(Text(", ", overflow="fold").join(cells))


def _text(cell: str | Text) -> Text:
    return Text(cell) if isinstance(cell, str) else cell
