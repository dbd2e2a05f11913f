"""Lessons and steps → renderables: the heading, the text, the task, hints and solutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from workshop.language import tr
from workshop.lesson import Lesson, Step, Track
from workshop.options import Explained
from workshop.render.layout import indented, readable
from workshop.render.markdown import inline, markdown
from workshop.render.theme import READABLE, UNICODE, Signs


class Heading:
    """`── 3 Process trees · step 2 of 6 · Become PID 1 · ~2 min ──`; on a narrow screen, in lines."""

    def __init__(self, parts: Sequence[str], signs: Signs = UNICODE) -> None:
        self.parts = tuple(part for part in parts if part)
        self.signs = signs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line, width = self.signs.line, min(options.max_width, READABLE)
        title = f" {self.signs.dot} ".join(self.parts)
        if len(title) + 6 <= width:
            head = Text(f"{line * 2} ").append(title, "title")
            yield head.append(f" {line * (width - len(title) - 4)}")
            return
        yield Text(line * width)
        for packed in self._packed(width):
            yield Text(packed, style="title", overflow="fold")
        yield Text(line * width)

    def _packed(self, width: int) -> Iterator[str]:
        """As many parts on a line as fit."""
        dot, packed = f" {self.signs.dot} ", ""
        for part in self.parts:
            if packed and len(packed) + len(dot) + len(part) > width:
                yield packed
                packed = part
            else:
                packed = f"{packed}{dot}{part}" if packed else part
        yield packed


def minutes(lesson: Lesson) -> int:
    """About how long one step of a lesson takes."""
    return max(1, round(lesson.minutes / max(1, len(lesson.steps))))


def heading(lesson: Lesson, step: Step, signs: Signs = UNICODE, track: Track | None = None) -> Heading:
    """Steps are counted, and minutes given, by the track that is played, if it is one."""
    at = next((i for i, other in enumerate(lesson.steps, 1) if other.id == step.id), 1)
    total, about = len(lesson.steps), float(minutes(lesson))
    for number, entry in enumerate(track.steps if track else (), 1):
        if track is not None and entry.step == step.id:
            at, total, about = number, len(track.steps), entry.minutes
    return Heading(
        (
            f"{lesson.number} {lesson.title}",
            tr("step {} of {}").format(at, total),
            step.title,
            f"~{about:g} min",
        ),
        signs,
    )


def step(
    lesson: Lesson,
    step: Step,
    text: str,
    signs: Signs = UNICODE,
    *,
    intro: str = "",
    track: Track | None = None,
) -> RenderableType:
    """A step as it is entered: heading, the lesson's own text before its first step, the text, the
    question."""
    parts: list[RenderableType] = [heading(lesson, step, signs, track)]
    for source in (intro, text):
        if source:
            parts += [Text(""), readable(markdown(source, signs))]
    if step.ask:
        parts += [Text(""), readable(question(step, signs))]
    return Group(*parts)


def question(step: Step, signs: Signs = UNICODE) -> RenderableType:
    parts: list[RenderableType] = [Text("? ", style="label").append_text(inline(step.ask or "", signs))]
    parts += [indented(Text(f"{signs.bullet} {choice}", overflow="fold")) for choice in step.choices]
    parts.append(Text.assemble(tr("  Answer with "), (":answer TEXT", "command"), "."))
    return Group(*parts)


def hint(text: str, signs: Signs = UNICODE, last: bool = False) -> RenderableType:
    parts: list[RenderableType] = [Text(tr("Hint"), style="label"), indented(markdown(text, signs))]
    if last:
        again = tr(" again shows a way to do it.")
        parts.append(Text.assemble(tr("That was the last hint; "), (":hint", "command"), again))
    return readable(Group(*parts))


def solutions(scripts: Sequence[Sequence[str]], signs: Signs = UNICODE) -> RenderableType:
    """The lines of every way to do it. `:host` and `:container` in them say where a line is typed."""
    if not scripts:
        return Text(tr("This step has no solution that fits this machine."))
    parts: list[RenderableType] = []
    for number, lines in enumerate(scripts, 1):
        if len(scripts) > 1:
            parts.append(Text(f"{tr('Way')} {number}", style="label"))
        else:
            parts.append(Text(tr("One way to do it"), style="label"))
        parts += [indented(Text(line, style="command", overflow="fold"), 4) for line in lines]
    return Group(*parts)


def options(explained: Sequence[Explained]) -> RenderableType:
    """What each option of a solution does, command by command."""
    parts: list[RenderableType] = [Text("What the options do", style="label")]
    command = ""
    for each in explained:
        if each.command != command:
            command = each.command
            parts.append(indented(Text(command, style="command")))
        text = Text(f"{each.option}  ", style="command", overflow="fold").append(each.meaning, "none")
        parts.append(indented(text, 4))
    return Group(*parts)
