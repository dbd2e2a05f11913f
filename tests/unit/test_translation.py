"""Another language: texts alone are taken from it, what is missing or out of date is an error."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from workshop import cli, kept, language, parse, sentences, translation
from workshop.language import code, preferred, tr
from workshop.lint import lint

FIRST = "01-no-such-thing.md"


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    language.use("en")


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course of one lesson and its translation."""
    folder = tmp_path / "course"
    (folder / "de").mkdir(parents=True)
    shutil.copy(parse.COURSE / FIRST, folder)
    shutil.copy(parse.COURSE / "de" / FIRST, folder / "de")
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def said(folder: Path) -> str:
    return "\n".join(map(str, lint(folder)))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "en_US.UTF-8"}, ""),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, ""),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:fr"}, "de"),
        ({"LANG": "fr_FR", "LC_MESSAGES": "de_DE"}, "de"),
        ({"LANG": "de_DE", "LC_ALL": "C"}, ""),
        ({}, ""),
    ],
)
def test_the_language_of_the_environment(environ: dict[str, str], expected: str) -> None:
    assert preferred(environ) == expected


def test_codes() -> None:
    assert [code(name) for name in ("de", "de_DE@euro", "en", "POSIX", "../de")] == ["de", "de", "", "", ""]


def test_the_option_may_stand_anywhere() -> None:
    words = ["learn", "--language", "de", "3"]
    assert cli._language(words) == "de"
    assert words == ["learn", "3"]
    assert cli._language(["--language=fr"]) == "fr"


def test_only_texts_are_taken_from_a_translation() -> None:
    english = kept.load()
    language.use("de")
    german = kept.load()
    assert german.lessons[0].title == "So etwas gibt es nicht"
    for ours, theirs in zip(german.lessons, english.lessons, strict=True):
        assert [step.id for step in ours.steps] == [step.id for step in theirs.steps]
        for one, other in zip(ours.steps, theirs.steps, strict=True):
            texts = ("title", "text", "key", "ask", "hints", "why", "docker", "notes")
            assert replace(one, **{name: getattr(other, name) for name in texts}) == other
    for lesson in german.lessons[:3]:
        original = english.lesson(lesson.id)
        assert original is not None
        for one, other in zip(lesson.steps, original.steps, strict=True):
            assert one.text != other.text and one.why != other.why and one.title != other.title


def test_variables_and_code_are_those_of_the_original() -> None:
    """What stands in backticks with a variable is typed: it must be the same in every language."""
    words = re.compile(r"`[^`]*\{\{[a-z]+\}\}[^`]*`")
    english = kept.load()
    language.use("de")
    german = kept.load()
    for number in range(3):
        for one, other in zip(german.lessons[number].steps, english.lessons[number].steps, strict=True):
            assert words.findall(one.hints[-1]) == words.findall(other.hints[-1])


def test_a_complete_translation_is_right(course: Path) -> None:
    assert said(course) == ""


def test_a_changed_original_is_reported(course: Path) -> None:
    change(course / FIRST, "You will see its pid", "You will see its number")
    assert re.search(r"de/01-no-such-thing.md:\d+: the original has changed since", said(course))


def test_a_missing_step_and_a_superfluous_one(course: Path) -> None:
    change(course / "de" / FIRST, 'of = "grouped-from-birth"', 'of = "grouped"')
    found = said(course)
    assert "the step 'Grouped from birth' is missing" in found
    assert "the original has no step 'grouped'" in found


def test_a_missing_hint(course: Path) -> None:
    change(course / "de" / FIRST, "```text hint\nKeine unterscheidet sich: `:answer 0`.\n```\n", "")
    assert "hints: the original has 3 of them" in said(course)


def test_nothing_but_texts(course: Path) -> None:
    change(course / "de" / FIRST, "```text hint\n", "```sh solution\ntrue\n```\n```text hint\n")
    assert "a solution in a translation" in said(course)


def test_a_lesson_that_is_not_there(course: Path) -> None:
    (course / "de/09-other.md").write_text("")
    assert "there is no lesson of that name to translate" in said(course)


def test_a_translation_is_no_original(course: Path) -> None:
    change(course / FIRST, "```toml step", "```toml translation\n```\n```toml step")
    assert "put translations into a folder of the language" in said(course)


def test_the_programs_own_sentences() -> None:
    assert list(sentences.problems()) == []
    assert "Go ahead?" in sentences.found()
    language.use("de")
    assert tr("Hint") == "Hinweis"
    assert tr("Nobody says this.") == "Nobody says this."
    language.use("xx")
    assert tr("Hint") == "Hint"


def test_a_sentence_without_a_translation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    found = dict(sentences.found())
    place = found.pop("Go ahead?")
    monkeypatch.setattr(sentences, "found", lambda: {**found, "A new one.": place})
    wrong = [problem.wrong for problem in sentences.problems()]
    assert wrong == ["de: 'A new one.' is not translated", "nothing says 'Go ahead?' any more"]


def test_the_digest_is_of_the_texts_alone() -> None:
    step = parse.load().lessons[0].steps[0]
    assert translation.digest(step) == translation.digest(replace(step, solutions=(), notes=()))
    assert translation.digest(step) != translation.digest(replace(step, why="Because."))
