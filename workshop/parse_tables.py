"""Tracks (`talk.toml`) and diagnoses (`diagnoses.toml`) → Track, Diagnosis."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from workshop import tomltext
from workshop.lesson import Diagnosis, Lesson, Place, Track, TrackStep
from workshop.problems import Report, suggest


def read_diagnoses(text: str, report: Report) -> dict[str, Diagnosis]:
    """`[forgot-fork]` with title, cause, remedy, and the message as a regular expression, if there is one."""
    root = tomltext.read(text, report, 1)
    found = {}
    for name, fields in root.children() if root is not None else ():
        found[name] = Diagnosis(
            id=name,
            title=fields.text("title", required=True),
            cause=fields.text("cause", required=True),
            remedy=fields.text("remedy", required=True),
            place=Place(report.path, fields.line()),
            message=_pattern(fields, "message"),
            line=_pattern(fields, "line"),
            unless=fields.texts("unless"),
        )
        if found[name].line and not found[name].message:
            fields.wrong("line", "a line without a message says nothing", "write the message as well")
        fields.close("a diagnosis")
    return found


def read_options(text: str, report: Report) -> dict[str, dict[str, str]]:
    """`[unshare]`, and in it `"--pid" = "…"`."""
    root = tomltext.read(text, report, 1)
    found = {}
    for command, fields in root.children() if root is not None else ():
        found[command] = {name: fields.text(name) for name in fields.names()}
        fields.close("a command's options")
    return found


def _pattern(fields: tomltext.Fields, key: str) -> str:
    pattern = fields.text(key)
    try:
        re.compile(pattern)
    except re.error as error:
        wrong = f"{key} is not a regular expression: {error}"
        fields.wrong(key, wrong, "put a \\ before what is meant literally")
        return ""
    return pattern


def read_track(
    text: str, name: str, report: Report, lessons: Sequence[Lesson], unread: Collection[str] = ()
) -> Track | None:
    """Steps one by one (`[[step]]`), or lesson by lesson (`[[lesson]]`), in the order as written. `unread`
    are lessons that could not be read, which was said already."""
    root = tomltext.read(text, report, 1)
    if root is None:
        return None
    title = root.text("title", required=True)
    planned = root.number("minutes")
    intro = root.text("text")
    parts = [("step", fields) for fields in root.tables("step")]
    parts += [("lesson", fields) for fields in root.tables("lesson")]
    root.close("a track")
    known_steps = tuple(step.id for lesson in lessons for step in lesson.steps)
    steps: list[TrackStep] = []
    for kind, fields in sorted(parts, key=lambda part: part[1].line()):
        part = fields.text("id", required=True)
        minutes = fields.number("minutes", required=kind == "step")
        optional = fields.flag("optional")
        fields.close(f"a {kind} of a track")
        if kind == "step":
            if part and part not in known_steps and part.partition("/")[0] not in unread:
                fields.wrong("id", f"there is no step {part!r}", suggest(part, known_steps))
            elif part in (step.step for step in steps):
                fields.wrong("id", f"the step {part!r} comes twice", "take one of them away")
            steps.append(TrackStep(part, float(minutes or 0), optional))
            continue
        lesson = next((lesson for lesson in lessons if lesson.id == part), None)
        if lesson is None and part and part not in unread:
            known = tuple(lesson.id for lesson in lessons)
            fields.wrong("id", f"there is no lesson {part!r}", suggest(part, known))
        elif lesson is not None and lesson.steps:
            share = float(minutes or lesson.minutes) / len(lesson.steps)
            steps += [TrackStep(step.id, share, optional) for step in lesson.steps]
    total = float(planned) if planned is not None else sum(step.minutes for step in steps)
    return Track(name, title, total, intro, tuple(steps), Place(report.path, root.line("minutes")))
