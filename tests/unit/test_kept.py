"""The course that was kept is the course that would be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workshop import kept, parse
from workshop.lesson import COURSE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "course.json"


@pytest.fixture(autouse=True)
def writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever PYTHONDONTWRITEBYTECODE says here."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were parsed."""
    found: list[Path] = []
    load = parse.load

    def noted(path: Path) -> object:
        found.append(path)
        return load(path)

    monkeypatch.setattr(parse, "load", noted)
    return found


def test_is_the_same_course(file: Path, parsed: list[Path]) -> None:
    first = kept.load(file=file)
    assert kept.load(file=file) == first == parse.load(COURSE)
    assert parsed == [COURSE, COURSE]


@pytest.mark.parametrize("broken", ["", "[]", "{}", '{"stamp": 1}', "\0"])
def test_what_is_broken_is_read_anew(file: Path, broken: str) -> None:
    file.parent.mkdir()
    file.write_text(broken)
    assert kept.load(file=file) == parse.load(COURSE)
    assert "stamp" in json.loads(file.read_text())


@pytest.mark.parametrize("course", [["Lesson"], ["Unknown"], []])
def test_a_course_of_another_shape_is_read_anew(file: Path, course: list[str]) -> None:
    kept.load(file=file)
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, "course": course}))
    assert kept.load(file=file) == parse.load(COURSE)


def test_a_lesson_that_changed_is_read_anew(
    file: Path, parsed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = tmp_path / "lessons"
    lessons.mkdir()
    for path in COURSE.iterdir():
        if path.is_file():
            (lessons / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(kept, "COURSE", lessons)
    before = kept.load(lessons, file)
    lesson = next(lessons.glob("01-*.md"))
    lesson.write_text(lesson.read_text().replace("title = ", "title = 'Anew' # ", 1))
    assert kept.load(lessons, file).lessons[0].title == "Anew" != before.lessons[0].title
    assert parsed == [lessons, lessons]


def test_another_course_is_never_kept(file: Path) -> None:
    folder = Path(__file__).parent / "course"
    assert kept.load(folder, file) == parse.load(folder)
    assert not file.exists()


def test_nothing_is_written_where_python_writes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert kept.load(file=file) == parse.load(COURSE)
    assert not file.exists()


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert kept.load(file=tmp_path / "file" / "course.json") == parse.load(COURSE)
