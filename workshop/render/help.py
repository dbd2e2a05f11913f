"""Keys and control commands → the help."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workshop.language import tr
from workshop.render.layout import ROOMY, indented

EDITING = (
    ("Right, Ctrl-E, Tab", "take over the step's next line, shown in grey"),
    ("Tab", "complete a command or a path, as it is where you are"),
    ("Up, Down, Ctrl-R", "lines typed before; search them"),
    ("Ctrl-C", "clear the line; in a program: interrupt it"),
    ("Ctrl-D", "leave the inner shell; in the outermost: end"),
    ("Ctrl-]", "in the middle of a program: back to the guide"),
)
Row = tuple[str, str, tuple[str, ...], str]
"""Name, argument, keys, what it does."""


def guide(rows: Sequence[Row], width: int = 80) -> RenderableType:
    """All commands with their keys, and the keys of the line editor, for a screen of `width` columns."""
    commands = [
        (f":{name}{f' {argument}' if argument else ''}", ", ".join(keys), about)
        for name, argument, keys, about in rows
    ]
    return Group(
        Text(
            tr("All that you type goes to the shell, but for these. A beginning is enough: :n"),
            overflow="fold",
        ),
        Text(""),
        _listed(commands, width),
        Text(""),
        _listed([(key, "", tr(about)) for key, about in EDITING], width),
    )


def keys(rows: Sequence[tuple[str, tuple[str, ...]]], file: str) -> RenderableType:
    """Which keys hold, a line each, and the file that changes them."""
    lines = [
        Text(f"{name}: ", style="command").append(", ".join(held) or tr("no key"), "key")
        for name, held in rows
    ]
    head = Text(tr('Keys of the guide. A line `next = "F12"` in this file changes one:'), overflow="fold")
    return Group(head, indented(Text(file, style="code", overflow="fold")), Text(""), *lines)


def _listed(rows: Sequence[tuple[str, str, str]], width: int) -> RenderableType:
    if width < ROOMY:
        return Group(*(part for row in rows for part in _stacked(*row)))
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, keys, about in rows:
        table.add_row(Text(name, style="command"), Text(keys, style="key"), about)
    return table


def _stacked(name: str, keys: str, about: str) -> tuple[RenderableType, RenderableType]:
    head = Text(name, style="command", overflow="fold").append(f"  {keys}" if keys else "", "key")
    return head, indented(Text(about, overflow="fold"), 4)
