"""The same questions inside and outside → two columns; on a narrow screen, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from workshop.kernel.sides import Question, Row
from workshop.render.layout import indented
from workshop.render.theme import UNICODE, Signs

ROOMY = 70
"""From so many columns on there is room for two columns of answers."""


class Sides:
    """All questions, each with its answers; what differs is said in a word and with a sign."""

    def __init__(self, questions: Sequence[Question], name: str, signs: Signs = UNICODE) -> None:
        self.questions = tuple(questions)
        self.name = name
        """Who is inside: `bash (41)`."""
        self.signs = signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield (
            Text("Inside: ", style="label", overflow="fold")
            .append(self.name, "none")
            .append(". Outside: the host.", "none")
        )
        for question in self.questions:
            yield Text("")
            yield _title(question)
            show = _beside if options.max_width >= ROOMY else _stacked
            yield indented(show(_short(question), self.signs))


def sides(questions: Sequence[Question], name: str, signs: Signs = UNICODE) -> RenderableType:
    return Sides(questions, name, signs)


def _short(question: Question) -> Question:
    """Of answers that are all the same, the first is enough."""
    if not all(row.same for row in question.rows):
        return question
    left = question.left + len(question.rows[1:])
    return replace(question, rows=question.rows[:1], left=left)


def _title(question: Question) -> Text:
    shared = "one for both" if question.shared else "each has its own"
    text = Text(overflow="fold").append(question.title, "title").append(f"  {shared}  ")
    return (
        text.append(question.command, "command")
        .append("  (", "none")
        .append(question.source, "source")
        .append(")", "none")
    )


def _beside(question: Question, signs: Signs) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="none", expand=True)
    table.add_column("", overflow="fold", ratio=3)
    table.add_column("inside", overflow="fold", ratio=4)
    table.add_column("outside", overflow="fold", ratio=4)
    table.add_column("", no_wrap=True)
    for row in question.rows:
        table.add_row(row.what, row.inside, row.outside, _mark(row, signs))
    if question.left:
        table.add_row(_left(question, signs))
    return table


def _stacked(question: Question, signs: Signs) -> RenderableType:
    parts: list[RenderableType] = []
    for row in question.rows:
        parts.append(Text(f"{row.what}: ", overflow="fold").append_text(_mark(row, signs)))
        if row.same:
            parts.append(indented(Text(row.inside, overflow="fold")))
        else:
            parts.append(indented(Text(f"inside   {row.inside}", overflow="fold")))
            parts.append(indented(Text(f"outside  {row.outside}", overflow="fold")))
    if question.left:
        parts.append(_left(question, signs))
    return Group(*parts)


def _mark(row: Row, signs: Signs) -> Text:
    if row.same:
        return Text("= same")
    return Text(f"{'!=' if signs.ascii else '≠'} differs", style="changed")


def _left(question: Question, signs: Signs) -> Text:
    alike = ", all the same" if all(row.same for row in question.rows) else ""
    return Text(f"{signs.ellipsis} and {question.left} more{alike}")
