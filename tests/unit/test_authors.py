"""What authors are given: a lesson to begin with, a preview, and a course of their own in any folder."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from workshop import parse, scaffold
from workshop.errors import UsageError
from workshop.lint import lint
from workshop.render.theme import UNICODE
from workshop.ui import lessons, new, preview
from workshop.variables import VARIABLES

SECOND = Path(__file__).parents[1] / "courses/second"


def test_a_new_lesson_is_a_lesson(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "course"
    assert new.main("Signals and nice", folder) == 0
    said = capsys.readouterr().out
    assert lint(folder) == ()
    [lesson] = parse.load(folder).lessons
    assert (lesson.id, lesson.number, lesson.title) == ("signals-and-nice", 1, "Signals and nice")
    assert f"run signals-and-nice --course {folder} --verify" in said


def test_new_lessons_take_the_next_number(tmp_path: Path) -> None:
    names = ("07-first", "second", "03-third")
    assert [scaffold.create(name, tmp_path).name for name in names] == [
        "07-first.md",
        "08-second.md",
        "03-third.md",
    ]


@pytest.mark.parametrize("name", ["", "a/b", "…"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        scaffold.create(name, tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "01-mine.md").write_text("mine")
    with pytest.raises(UsageError, match="lesson 1 already"):
        scaffold.create("01-mine", tmp_path)
    assert (tmp_path / "01-mine.md").read_text() == "mine"


def shown(path: Path, before: parse.Lesson | None = None) -> tuple[str, parse.Lesson | None]:
    screen = Console(file=io.StringIO(), width=80)
    lesson = preview.show(path, before, screen, UNICODE)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue(), lesson


def test_a_preview_has_all_that_a_learner_reads() -> None:
    path = next(parse.COURSE.glob("03-*.md"))
    said, lesson = shown(path)
    assert lesson is not None
    flat = " ".join(re.sub(r"[^\w]", " ", said).split())
    for step in lesson.steps:
        assert " ".join(re.sub(r"[^\w]", " ", step.title).split()) in flat
    assert "Hint" in said and "Why" in said and "Docker" in said and "{{lab}}" not in said
    assert said.rstrip().endswith(f"Nothing is wrong in {path}")


def test_after_a_save_only_the_changed_step_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "01-memory.md"
    text = (SECOND / "01-memory-as-a-folder.md").read_text()
    path.write_text(text)
    _, before = shown(path)
    path.write_text("\n" * 0 + text.replace("## A lock\n", "## A lock\n\nOne more line.\n"))
    said, _ = shown(path, before)
    assert "One more line." in said and "A lid" not in said and "A folder that forgets" not in said


def test_what_is_wrong_stands_below(tmp_path: Path) -> None:
    path = tmp_path / "01-memory.md"
    path.write_text((SECOND / "01-memory-as-a-folder.md").read_text().replace("check.masked", "check.maskd"))
    said, _ = shown(path)
    assert "there is no check 'maskd'" in said and "A lid" in said


def test_a_file_that_cannot_be_read_is_no_end(tmp_path: Path) -> None:
    path = tmp_path / "01-memory.md"
    path.write_text("+++\n")
    said, lesson = shown(path)
    assert lesson is None and "the front matter is not closed" in said


def test_every_variable_has_an_example() -> None:
    assert set(preview.EXAMPLES) == set(VARIABLES)


def test_the_second_course_is_right() -> None:
    assert lint(SECOND) == ()


def test_a_course_anywhere_has_its_own_tracks_and_diagnoses(capsys: pytest.CaptureFixture[str]) -> None:
    course = parse.load(SECOND)
    assert "too-small" in course.diagnoses and "no-new-namespace" in course.diagnoses
    lessons.main(SECOND, json=True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in rows] == ["memory-as-a-folder", "short"]
