"""The course → its map: done, here, open, and what this machine cannot play, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.frozen import frozen
from workshop.language import tr
from workshop.lesson import Lesson, Step, Track
from workshop.passed import Done
from workshop.render.layout import hanging, indented
from workshop.render.theme import UNICODE, Signs

SKIPPING = (
    "Each lesson begins with a lab of its own: any of them can be skipped, or played alone. A step that you "
    "skip is done for you when a later one needs it."
)


@frozen
class Standing:
    """What the map says of a step besides: how it was passed, and whether the track can do without it."""

    how: Callable[[str], Done | None]
    track: Track | None = None

    def of(self, step: Step) -> str:
        words = []
        done = self.how(step.id)
        if done is not None:
            words += [f"{done.hints} hint{'s' if done.hints > 1 else ''}"] if done.hints else []
            words += ["solution shown"] if done.told.solution else []
            words += ["on a rebuilt state"] if done.told.rebuilt else []
        optional = self.track is not None and any(e.step == step.id and e.optional for e in self.track.steps)
        words += ["may be skipped"] if optional else []
        return f" ({', '.join(words)})" if words else ""


def course(
    lessons: Sequence[tuple[Lesson, Sequence[Step]]],
    here: Step | None,
    done: Callable[[str], bool],
    cannot: Callable[[Lesson, Step], str],
    signs: Signs = UNICODE,
    standing: Standing | None = None,
    whole: bool = True,
) -> RenderableType:
    """`cannot` gives the reason why a step cannot be played on this machine, or nothing. Not the `whole` map
    has the steps of one lesson only, the one you are in: so it fits a small terminal."""
    parts: list[RenderableType] = []
    for lesson, steps in lessons:
        count = sum(done(step.id) for step in steps)
        head = Text(f"{lesson.number} {lesson.title}", style="title", overflow="fold")
        parts.append(head.append(f"  ~{lesson.minutes} min, {count} of {len(steps)} done", "none"))
        if not (whole or (here is not None and here in steps)):
            reasons = [cannot(lesson, step) for step in steps]
            if all(reasons):
                head.append(f", {tr('not on this machine')}: {reasons[0]}", "none")
            continue
        for step in steps:
            more = standing.of(step) if standing is not None else ""
            parts.append(indented(_step(step, here, done(step.id), cannot(lesson, step), signs, more)))
    if standing is not None:
        parts.append(Text(SKIPPING, overflow="fold"))
    ways = Text.assemble((":goto STEP", "command"), tr(" goes to a step: "), (_example(lessons), "command"))
    parts.append(
        ways
        if whole
        else ways.append_text(Text.assemble((". ", ""), (":map all", "command"), tr(" shows all steps.")))
    )
    return Group(*parts)


def _step(step: Step, here: Step | None, done: bool, reason: str, signs: Signs, more: str) -> RenderableType:
    text = Text(step.title, overflow="fold")
    if here is not None and step.id == here.id:
        text.stylize("title")
        said = f", {tr('done')}" if done else ""
        text.append(f"  {tr('you are here')}", "label").append(f"{said}{more}", "none")
        return hanging(Text(signs.here, style="label"), text)
    if done:
        return hanging(Text(signs.good, style="good"), text.append(f"  {tr('done')}{more}"))
    if reason:
        return hanging(signs.unknown, text.append(f"  {tr('not on this machine')}: {reason}{more}"))
    return hanging(signs.todo, text.append(more))


def _example(lessons: Sequence[tuple[Lesson, Sequence[Step]]]) -> str:
    return next((f":goto {step.id}" for _, steps in lessons for step in steps), ":goto LESSON/STEP")
