"""The page for authors is true: its example is a lesson, its tables have all the names there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workshop import fences, parse
from workshop.conditions import CAPABILITIES
from workshop.lesson import WATCHABLE
from workshop.lint import lint
from workshop.variables import VARIABLES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "authoring.md").read_text()


def test_the_example_is_a_lesson(tmp_path: Path) -> None:
    example = re.search(r"## A lesson in full\n\n````markdown\n(.*?)````\n", PAGE, re.DOTALL)
    assert example is not None
    path = tmp_path / "05-a-name.md"
    path.write_text(example[1])
    assert [str(problem) for problem in lint(path)] == []
    assert len(parse.load(path).lessons[0].steps) == 2


@pytest.mark.parametrize("name", [*CAPABILITIES, *parse.FACILITIES, *WATCHABLE])
def test_every_name_is_explained(name: str) -> None:
    assert re.search(rf'`"?{name}"?`', PAGE)


@pytest.mark.parametrize("role", fences.LANGUAGES)
def test_every_fence_is_explained(role: str) -> None:
    assert f"| ```` ```{fences.LANGUAGES[role]} {role}" in PAGE


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_explained(name: str) -> None:
    assert f"| `{{{{{name}}}}}` |" in PAGE
