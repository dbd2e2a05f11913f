"""Lessons in another language: `lessons/de/01-no-such-thing.md` has the texts, and nothing but texts.

What is typed and what is checked comes from the original, so a translation can never teach anything else.
Each of its steps names the one it is of, and a digest of the texts it was made from: when these change,
lint says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from workshop import tomltext
from workshop.frozen import frozen
from workshop.lesson import Course, Lesson, Place, Step
from workshop.markdown import Section, sections
from workshop.problems import Problem, Report

_FRONT = re.compile(r"\+\+\+[ \t]*\n(.*?\n)??\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_FENCES = ("translation", "hint", "why", "docker", "note")
INTRO = "the lesson's beginning"


@frozen
class Words:
    """The texts of one step, or (`of` empty) of the lesson before its first one."""

    of: str
    original: str
    title: str
    text: str
    place: Place
    key: str = ""
    ask: str = ""
    hints: tuple[str, ...] = ()
    why: str = ""
    docker: str = ""
    notes: tuple[str, ...] = ()


def languages(folder: Path) -> tuple[Path, ...]:
    """The folders of translations in a folder of lessons: `de`, with lessons in it."""
    named = (path for path in sorted(folder.iterdir()) if _LANGUAGE.fullmatch(path.name))
    return tuple(path for path in named if any(path.glob("*.md")))


def digest(of: Lesson | Step) -> str:
    """Of the texts that are to be translated."""
    parts: Sequence[str] = (of.title, of.text)
    if isinstance(of, Step):
        parts = (*parts, of.key, of.ask or "", *of.hints, of.why, of.docker)
    return sha256("\0".join(parts).encode()).hexdigest()[:12]


def translated(course: Course, folder: Path, language: str) -> Course:
    """The course with the texts that there are in that language; the others stay as they are."""
    home = (folder if folder.is_dir() else folder.parent) / language
    if not language or not home.is_dir():
        return course
    lessons = []
    for lesson in course.lessons:
        path = home / Path(lesson.place.path).name
        words = read(path, Report(str(path))) if path.is_file() else {}
        lessons.append(_in_other_words(lesson, words))
    return replace(course, lessons=tuple(lessons))


def read(path: Path, report: Report) -> Mapping[str, Words]:
    """The words of a lesson by the step they are of; what cannot be understood goes to the report."""
    text = path.read_text(encoding="utf-8")
    front = _FRONT.match(text)
    if front is None:
        report.error(1, "the front matter is missing", "write +++, title = and original =, and +++ again")
        return {}
    fields = tomltext.read(front[1] or "", report, 2)
    if fields is None:
        return {}
    intro, *rest = sections(text[front.end() :], report, text.count("\n", 0, front.end()) + 1)
    title, original = fields.text("title", required=True), fields.text("original")
    fields.close("the front matter")
    found = {"": Words("", original, title, intro.text, Place(report.path, 1))}
    for section in rest:
        words = _words(section, report)
        if words.of in found:
            report.error(section.line, f"a second step of {words.of!r}", "take one of them away")
        found.setdefault(words.of, words)
    return found


def _words(section: Section, report: Report) -> Words:
    for block in section.blocks:
        if block.fence.role not in _FENCES:
            wrong = f"a {block.fence.role} in a translation"
            report.error(block.line, wrong, "take it away: what is typed and checked is the original's")
    heads = section.of("translation")
    head = tomltext.read(heads[0].content, report, heads[0].line + 1) if heads else None
    fields = head or tomltext.Fields({}, {}, report, section.line)
    words = Words(
        of=fields.text("of", required=True),
        original=fields.text("original"),
        title=section.title,
        text=section.text,
        place=Place(report.path, section.line),
        key=fields.text("key"),
        ask=fields.text("ask"),
        hints=_texts(section, "hint"),
        why=next(iter(_texts(section, "why")), ""),
        docker=next(iter(_texts(section, "docker")), ""),
        notes=_texts(section, "note"),
    )
    fields.close("a ```toml translation")
    return words


def _texts(section: Section, role: str) -> tuple[str, ...]:
    return tuple(block.content.strip() for block in section.of(role))


def _in_other_words(lesson: Lesson, words: Mapping[str, Words]) -> Lesson:
    top = words.get("")
    steps = tuple(_step(step, words.get(step.slug)) for step in lesson.steps)
    if top is None:
        return lesson
    return replace(lesson, title=top.title or lesson.title, text=top.text or lesson.text, steps=steps)


def _step(step: Step, words: Words | None) -> Step:
    """Also what is out of date is better than another language; only hints must be as many."""
    if words is None:
        return step
    return replace(
        step,
        title=words.title or step.title,
        text=words.text or step.text,
        key=words.key or step.key,
        ask=words.ask or step.ask if step.ask else None,
        hints=words.hints if len(words.hints) == len(step.hints) else step.hints,
        why=words.why or step.why,
        docker=words.docker or step.docker,
        notes=words.notes or step.notes,
    )


def problems(course: Course, folder: Path, shown: str) -> Iterator[Problem]:
    """What is wrong with the translations in one language's folder (`shown` in messages)."""
    lessons = {Path(lesson.place.path).name: lesson for lesson in course.lessons}
    for path in sorted(folder.iterdir()):
        report = Report(f"{shown}/{path.name}")
        if path.name not in lessons:
            report.error(
                1, "there is no lesson of that name to translate", "name it as the original is named"
            )
        else:
            _compare(lessons[path.name], read(path, report), report)
        yield from report.problems


def _compare(lesson: Lesson, words: Mapping[str, Words], report: Report) -> None:
    if "" not in words:
        return
    steps = {step.slug: step for step in lesson.steps}
    for slug, step in steps.items():
        if slug not in words:
            report.error(1, f"the step {step.title!r} is missing", f'write it, with of = "{slug}"')
    for slug, one in words.items():
        original = lesson if not slug else steps.get(slug)
        if original is None:
            report.error(one.place.line, f"the original has no step {slug!r}", f"one of {', '.join(steps)}")
            continue
        for what in ("text", "key", "ask", "hints", "why", "docker"):
            theirs, ours = getattr(original, what, None) or "", getattr(one, what)
            if bool(theirs) != bool(ours) or (what == "hints" and len(theirs) != len(ours)):
                count = f"{len(theirs)} of them" if what == "hints" else "a text" if theirs else "none"
                report.error(one.place.line, f"{what}: the original has {count}", "write as many")
        if one.original != digest(original):
            where = original.place
            wrong = (
                f"the original has changed since ({where})" if one.original else "no digest of the original"
            )
            report.error(one.place.line, wrong, f'look at both, then write original = "{digest(original)}"')
