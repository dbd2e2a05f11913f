"""What an undo is going to do, and what it has done → text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.render.layout import indented
from workshop.render.theme import UNICODE, Signs, counted, in_signs
from workshop.trail import Did

MOST = 6
"""More lines than this are counted."""


def plan(trail: Sequence[Did], signs: Signs = UNICODE) -> RenderableType:
    """The line that goes, what it changed, and what is typed again to get there."""
    last, before = trail[-1], trail[:-1]
    parts: list[RenderableType] = [
        Text("This takes back your last line:", style="label"),
        *_lines([last], signs),
    ]
    if last.is_answer:
        return Group(*parts, Text("Only the answer is forgotten; the lab stays as it is."))
    if last.changes:
        parts.append(Text("What it changed goes with it:"))
        parts += _listed([in_signs(change, signs) for change in last.changes], signs)
    again = [did for did in before if not did.attended and not did.is_answer]
    text = "The lab is made anew for that, with the steps before this one."
    if again:
        parts.append(Text(f"{text} Then {counted(len(again), 'line')} of yours will be typed again:"))
        parts += _lines(again, signs)
    else:
        parts.append(Text(text))
    left_out = [did for did in before if did.attended]
    if left_out:
        parts.append(Text("These had you at the keys, or were stopped, and are left out:"))
        parts += _lines(left_out, signs)
    return Group(*parts)


def _lines(trail: Sequence[Did], signs: Signs) -> list[RenderableType]:
    firsts = [did.line.partition("\n") for did in trail]
    texts = [f"$ {first}{f' {signs.ellipsis}' if more else ''}" for first, more, _ in firsts]
    return _listed(texts, signs, "command")


def _listed(texts: Sequence[str], signs: Signs, style: str = "") -> list[RenderableType]:
    parts: list[RenderableType] = [
        indented(Text(text, style=style, overflow="fold")) for text in texts[:MOST]
    ]
    if len(texts) > MOST:
        parts.append(indented(Text(f"{signs.ellipsis} and {len(texts) - MOST} more")))
    return parts
