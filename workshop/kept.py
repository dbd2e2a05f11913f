"""The program's own course, kept as it was read until a file changes: in `__pycache__`, as Python's bytecode.

Reading Markdown and TOML takes most of the time between a start and the first prompt, and more with each
lesson. Whatever is the matter with what was kept, the course is read anew.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from workshop import language, lesson
from workshop.errors import LessonError
from workshop.lesson import COURSE, Course

FILE = Path(__file__).parent / "__pycache__" / "course.json"
_KINDS: dict[str, Any] = {name: kind for name, kind in vars(lesson).items() if is_dataclass(kind)}


def load(path: Path = COURSE, file: Path = FILE) -> Course:
    """As `parse.load`, in the chosen language."""
    course = _original(path, file)
    if not course.lessons:
        raise no_lessons(path)
    if not language.current():
        return course
    from workshop.translation import translated

    return translated(course, path, language.current())


def no_lessons(path: Path) -> LessonError:
    return LessonError(f"There are no lessons in {path}.", "`workshop new NAME --course FOLDER` begins one.")


def _original(path: Path, file: Path) -> Course:
    if path != COURSE:
        return _parsed(path)
    stamp = _stamp(path)
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(file.read_bytes())
        if kept["stamp"] == stamp:
            course: Course = _value(kept["course"])
            return course
    course = _parsed(path)
    if not sys.dont_write_bytecode:
        with suppress(OSError):
            _write(file, json.dumps({"stamp": stamp, "course": _plain(course)}))
    return course


def _parsed(path: Path) -> Course:
    from workshop import parse

    return parse.load(path)


def _stamp(path: Path) -> list[Any]:
    """What the result depends on: the lessons, the modules that read them, and the folder for messages."""
    try:
        here = str(Path.cwd())
    except FileNotFoundError:  # somebody has removed it
        here = ""
    return [here, sorted([*_files(path), *_files(Path(__file__).parent)])]


def _files(folder: Path) -> Iterator[list[Any]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                found = entry.stat()
                yield [entry.path, found.st_mtime_ns, found.st_size]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """A value of `lesson` as a list, its kind first; a tuple as one without a kind."""
    if is_dataclass(value):
        return [type(value).__name__, *(_plain(getattr(value, each.name)) for each in fields(value))]
    if isinstance(value, tuple):
        return ["", *map(_plain, value)]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        kind, *values = plain
        values = [_value(each) for each in values]
        return _KINDS[kind](*values) if kind else tuple(values)
    if isinstance(plain, dict):
        return {key: _value(item) for key, item in plain.items()}
    return plain
