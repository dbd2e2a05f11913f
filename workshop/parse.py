"""A folder of lessons, a lesson, or a text → Course, Lesson, Step. Knows no kernel and no terminal.

Everything that cannot be understood is a `Problem` with its line, and the rest is read all the same, so that
an author sees all of it at once. What can be understood and makes no sense is for `lint` to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workshop import tomltext, variables
from workshop.errors import LessonError
from workshop.frozen import frozen
from workshop.lesson import (
    COURSE,
    SHELLS,
    WATCHABLE,
    CheckCall,
    Course,
    Diagnosis,
    Lesson,
    Mistake,
    Place,
    Script,
    Step,
    Track,
)
from workshop.markdown import Block, Section, sections
from workshop.parse_tables import read_diagnoses, read_options, read_track
from workshop.problems import Problem, Report, refuse, suggest
from workshop.variables import fill, fill_params

__all__ = ["COURSE", "Reading", "fill", "fill_params", "lesson_from", "load", "read", "slug"]

DIAGNOSES = "diagnoses.toml"
OPTIONS = "options.toml"
FACILITIES = ("image", "pool", "pool-if-any")

_NAME_IT = "Name a lesson NN-name.md, or a folder of them."
_NAME = re.compile(r"(\d+)-([a-z0-9]+(?:-[a-z0-9]+)*)\.md")
_FRONT = re.compile(r"\+\+\+[ \t]*\n(.*?\n)??\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)


@frozen
class Reading:
    """What could be read, and what is wrong with the rest."""

    course: Course
    problems: tuple[Problem, ...]


def load(path: Path = COURSE) -> Course:
    """The course in a folder, or the one lesson in a file; LessonError with all that is wrong."""
    reading = read(path)
    refuse(reading.problems)
    return reading.course


def read(path: Path = COURSE) -> Reading:
    """As `load`, but what is wrong is returned. A course knows the program's diagnoses besides its own."""
    try:
        folder = path if path.is_dir() else path.resolve(strict=True).parent
        there = sorted(folder.iterdir())
    except FileNotFoundError as error:
        raise LessonError(f"There is no {path}.", _NAME_IT) from error
    except OSError as error:
        raise LessonError(f"{path} cannot be read: {error.strerror}.", _NAME_IT) from error
    files = [file for file in there if file.suffix == ".md"] if path.is_dir() else [path]
    tables = [file for file in there if file.suffix == ".toml"]
    problems: list[Problem] = []
    unread: set[str] = set()
    lessons = []
    for file in files:
        report = Report(shown(file))
        text = _text(file, report)
        lesson = lesson_from(text, report.path, report) if text is not None else None
        lessons += [lesson] if lesson is not None else []
        unread |= {name[2]} if lesson is None and (name := _NAME.fullmatch(file.name)) else set()
        problems += report.problems
    diagnoses: dict[str, Diagnosis] = {}
    tracks: dict[str, Track] = {}
    base = [] if folder.resolve() == COURSE else [COURSE / DIAGNOSES]
    for file in [*base, folder / DIAGNOSES]:
        report = Report(shown(file))
        text = _text(file, report) if file.exists() else None
        diagnoses |= read_diagnoses(text, report) if text is not None else {}
        problems += report.problems if file.parent == folder else []
    ordered = tuple(sorted(lessons, key=lambda lesson: (lesson.number, lesson.id)))
    options: dict[str, Mapping[str, str]] = {}
    for file in [*([] if folder.resolve() == COURSE else [COURSE / OPTIONS]), folder / OPTIONS]:
        report = Report(shown(file))
        text = _text(file, report) if file.exists() else None
        for command, meanings in (read_options(text, report) if text is not None else {}).items():
            options[command] = {**options.get(command, {}), **meanings}
        problems += report.problems if file.parent == folder else []
    for file in tables if path.is_dir() else []:
        report = Report(shown(file))
        text = _text(file, report) if file.name not in (DIAGNOSES, OPTIONS) else None
        track = read_track(text, file.stem, report, ordered, unread) if text is not None else None
        tracks |= {track.id: track} if track is not None else {}
        problems += report.problems
    return Reading(Course(ordered, tracks, diagnoses, options), tuple(problems))


def shown(path: Path) -> str:
    """A path as it is shown in messages: from the current folder, where it is below it."""
    try:
        absolute, here = path.absolute(), Path.cwd()
    except FileNotFoundError:  # somebody has removed the current folder
        return str(path)
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _text(path: Path, report: Report) -> str | None:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            report.error(1, "this is no file", "make it a readable file", unread=True)
            return None
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        report.error(1, f"the file cannot be read: {error.strerror}", "make it a readable file", unread=True)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        report.error(line, "this is not UTF-8", "save the file as UTF-8", unread=True)
    return None


def slug(heading: str) -> str:
    """`Become PID 1` → `become-pid-1`."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain.replace("'", "")))


def lesson_from(text: str, path: str, report: Report) -> Lesson | None:
    """One lesson from its text; None when there is nothing to make a lesson of."""
    name = _NAME.fullmatch(Path(path).name)
    if name is None:
        report.error(1, f"{Path(path).name!r} is no name for a lesson", "name it NN-name.md", unread=True)
        return None
    number, word = int(name[1]), name[2]
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    front = _FRONT.match(text)
    if front is None:
        what = "is not closed" if text.startswith("+++") else "is missing"
        remedy = "write +++, title = and minutes =, and +++ again"
        report.error(1, f"the front matter {what}", remedy, unread=True)
        return None
    for line_number, line in enumerate(text.split("\n"), 1):
        for written, variable in variables.misspelt(line):
            known = tuple(f"{{{{{name}}}}}" for name in variables.VARIABLES)
            braced = suggest(f"{{{{{variable}}}}}", known)
            report.error(line_number, f"there is no variable {written}", braced)
    fields = tomltext.read(front[1] or "", report, 2)
    if fields is None:
        return None
    title = fields.text("title", required=True)
    minutes = fields.number("minutes", required=True, whole=True)
    requires = fields.conditions("requires")
    needs = fields.words("needs", FACILITIES)
    fields.close("the front matter")
    first = text.count("\n", 0, front.end()) + 1
    intro, *rest = sections(text[front.end() :], report, first)
    for block in intro.blocks:
        if block.fence.role != "setup":
            report.error(block.line, f"this {block.fence.role} is in no step", "put it below a ## heading")
    return Lesson(
        id=word,
        number=number,
        title=title,
        minutes=int(minutes or 0),
        text=intro.text,
        place=Place(path, 1),
        requires=requires,
        needs=needs,
        setup=tuple(_script(block, report) for block in intro.of("setup")),
        steps=tuple(_step(section, word, report) for section in rest),
    )


def _step(section: Section, lesson: str, report: Report) -> Step:
    for block in section.of("setup"):
        report.error(block.line, "a setup inside a step", "put it before the first ## heading")
    for block in section.of("translation"):
        report.error(block.line, "this is an original", "put translations into a folder of the language: de/")
    fields = _step_fields(section, report)
    shell = fields.text("shell") or "host"
    if shell not in SHELLS:
        fields.wrong("shell", f"there is no shell {shell!r}", "write host or container")
    step = Step(
        id=f"{lesson}/{slug(section.title)}",
        title=section.title,
        text=section.text,
        place=Place(report.path, section.line),
        shell="container" if shell == "container" else "host",
        watch=fields.words("watch", WATCHABLE),
        when=fields.conditions("when"),
        checks=_checks(fields, report),
        ask=fields.text("ask") or None,
        choices=fields.texts("choices"),
        key=fields.text("key"),
        scrolls=fields.text("scrolls"),
        passes_before=fields.text("passes_before"),
        solutions=tuple(_script(block, report) for block in section.of("solution")),
        mistakes=tuple(Mistake(b.fence.diagnosis, _script(b, report)) for b in section.of("mistake")),
        hints=_texts(section, "hint", report),
        notes=_texts(section, "note", report),
        why=_one_text(section, "why", report),
        docker=_one_text(section, "docker", report),
    )
    fields.close("a step")
    return step


def _step_fields(section: Section, report: Report) -> tomltext.Fields:
    first, more = next(iter(section.of("step")), None), section.of("step")[1:]
    for block in more:
        report.error(block.line, "a second ```toml step in one step", "write one, or another ## heading")
    read = tomltext.read(first.content, report, first.line + 1) if first is not None else None
    return read or tomltext.Fields({}, {}, report, section.line)


def _checks(fields: tomltext.Fields, report: Report) -> tuple[CheckCall, ...]:
    """`check.NAME = { … }`; a list of such tables calls the check several times."""
    calls = []
    for name, value in fields.table("check").items():
        place = Place(report.path, fields.line("check", name))
        for params in value if isinstance(value, list) else [value]:
            if isinstance(params, dict):
                calls.append(CheckCall(name, {key: _frozen(item) for key, item in params.items()}, place))
            else:
                report.error(place.line, f"check.{name} is not a table", f"write check.{name} = {{}}")
    return tuple(calls)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def _script(block: Block, report: Report) -> Script:
    lines = block.content.rstrip().split("\n") if block.content.strip() else []
    if not lines:
        report.error(block.line, f"an empty {block.fence.role}", "write the lines to be typed")
    return Script(tuple(lines), Place(report.path, block.line), block.fence.when)


def _texts(section: Section, role: str, report: Report) -> tuple[str, ...]:
    for block in section.of(role):
        if not block.content.strip():
            report.error(block.line, f"an empty {role}", "write its text, or take it away")
    return tuple(block.content.strip() for block in section.of(role))


def _one_text(section: Section, role: str, report: Report) -> str:
    for block in section.of(role)[1:]:
        report.error(block.line, f"a second ```text {role} in one step", "write one")
    return next(iter(_texts(section, role, report)), "")
