"""Score cards → renderables: one container in full, several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workshop.kernel.verdict import State
from workshop.render.layout import hanging
from workshop.render.markdown import inline
from workshop.render.theme import UNICODE, Signs, counted
from workshop.scorecard import Scored

_STYLES = {"passed": "good", "missed": "bad", "unsupported": "unknown"}
_WORDS = {"passed": "yes", "missed": "no", "unsupported": "?"}

MOST, WORDED = 6, 3
"""Containers in one table, in 80 columns; and how many of them with words beside the signs."""

Card = tuple[str, Sequence[Scored]]
"""What it is called, and its rows."""


def card(title: str, scored: Sequence[Scored], signs: Signs = UNICODE) -> RenderableType:
    """One container: each row with what was found, and where that was read."""
    lines: list[RenderableType] = [Text(title, "title")]
    for group, rows in groupby(scored, lambda each: each.row.group):
        lines.append(Text(group, "label"))
        lines += [hanging(_sign(each.verdict.state, signs), _line(each, signs)) for each in rows]
    return Group(*lines, Text(""), Text(_sum(scored)))


def beside(cards: Sequence[Card], signs: Signs = UNICODE) -> RenderableType:
    """Several containers: a row for each question, a column for each container; then where to look."""
    if signs.plain:
        return Group(*(card(title, scored, signs) for title, scored in cards), *_sources(cards, signs))
    tables = [_table(cards[at : at + MOST], signs) for at in range(0, len(cards), MOST)]
    return Group(*(part for table in tables for part in (table, Text(""))), *_sources(cards, signs))


def _table(cards: Sequence[Card], signs: Signs) -> Table:
    wide = len(cards) <= WORDED
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), pad_edge=False, header_style="label")
    table.add_column("", no_wrap=True)
    for title, _ in cards:
        table.add_column(title, overflow="fold")
    for place, first in enumerate(cards[0][1]):
        states = [scored[place].verdict.state for _, scored in cards]
        table.add_row(first.row.title, *((_answer if wide else _sign)(state, signs) for state in states))
    table.add_row("")
    table.add_row("met", *(Text(_count(scored)) for _, scored in cards))
    return table


def _sources(cards: Sequence[Card], signs: Signs) -> list[RenderableType]:
    """For each row in which they differ: what was found for each of them, and where in /proc."""
    lines: list[RenderableType] = []
    for place, first in enumerate(cards[0][1]):
        verdicts = [(title, scored[place]) for title, scored in cards]
        if len({each.verdict.state for _, each in verdicts}) == 1:
            continue
        lines.append(Text(first.row.title, "label"))
        lines += [
            hanging("  ", Text(f"{title}: ").append_text(_found(each, signs))) for title, each in verdicts
        ]
    return [Text("Where they differ", "title"), *lines] if lines else []


def _line(scored: Scored, signs: Signs) -> Text:
    return Text(f"{scored.row.title}: ", overflow="fold").append_text(_found(scored, signs))


def _found(scored: Scored, signs: Signs) -> Text:
    text = inline(scored.verdict.found, signs)
    sources = dict.fromkeys(evidence.source for evidence in scored.verdict.evidence if evidence.source)
    if sources:
        text.append("  (").append(next(iter(sources)), "source").append(")")
    return text


def _sign(state: State, signs: Signs) -> Text:
    sign = {"passed": signs.good, "missed": signs.bad, "unsupported": signs.unknown}[state]
    return Text(sign, _STYLES[state])


def _answer(state: State, signs: Signs) -> Text:
    return _sign(state, signs).append(f" {_WORDS[state]}", _STYLES[state])


def _count(scored: Sequence[Scored]) -> str:
    judged = [each for each in scored if each.verdict.state != "unsupported"]
    return f"{sum(each.verdict.passed for each in judged)} of {len(judged)}"


def _sum(scored: Sequence[Scored]) -> str:
    unsupported = sum(each.verdict.state == "unsupported" for each in scored)
    tail = f"; {counted(unsupported, 'row')} cannot be judged on this machine" if unsupported else ""
    return f"{_count(scored)} rows are met{tail}."
