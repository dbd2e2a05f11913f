"""How the steps before this one came about in a new lab → text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.events import Rebuilt
from workshop.render.layout import indented
from workshop.render.markdown import inline
from workshop.render.theme import UNICODE, Signs


def rebuilt(found: Sequence[Rebuilt], signs: Signs = UNICODE) -> RenderableType:
    """By whose lines the state was made, and which of the learner's own no longer do."""
    models = [each for each in found if not each.own]
    if not models:
        return Text("The steps before this one were done again, by your own lines.")
    if len(models) == len(found) and not any(each.why for each in models):
        return Text("The steps before this one were done for you, by the model answers.")
    parts: list[RenderableType] = [
        Text("The steps before this one were done again. Not by your own lines, but by the model answer:")
    ]
    for each in models:
        why = f"your lines do not lead there: {each.why}" if each.why else "not done by you yet"
        text = Text(f"{signs.bullet} {each.step.title}: ", overflow="fold").append_text(inline(why))
        parts.append(indented(text))
    return Group(*parts)
