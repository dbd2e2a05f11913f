"""docs/ is true: the pages are what the lessons and the checks say, and links lead somewhere."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from workshop.lesson import SHELLS, Course
from workshop.pages import CHECKS, INDEX, pages
from workshop.parse import load
from workshop.registry import checks

DOCS = Path(__file__).parents[2] / "docs"
WRITTEN = sorted(str(path.relative_to(DOCS)) for path in (*DOCS.glob("lessons/*.md"), DOCS / CHECKS))


@pytest.fixture(scope="module")
def course() -> Course:
    return load()


@pytest.fixture(scope="module")
def made(course: Course) -> dict[str, str]:
    return pages(course)


def test_they_are_up_to_date(made: dict[str, str]) -> None:
    stale = [name for name, text in made.items() if not _is(DOCS / name, text)]
    assert not stale, f"run script/docs: {', '.join(stale)}"
    assert sorted(made) == WRITTEN


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def test_a_page_for_every_lesson_with_every_step(course: Course, made: dict[str, str]) -> None:
    for lesson in course.lessons:
        page = made[f"lessons/{lesson.number:02}-{lesson.id}.md"]
        assert re.findall(r"^# (.*)", page, re.M)[0] == f"{lesson.number}. {lesson.title}"
        for step in lesson.steps:
            assert f"\n## {step.title}\n" in page
        assert page.count("\n### What Docker does\n") == sum(bool(step.docker) for step in lesson.steps)


def test_nothing_in_them_is_for_the_program(made: dict[str, str]) -> None:
    for name, page in made.items():
        assert not re.search(r"\{\{[a-z]+[0-9]?\}\}", page), name
        for block in _fences(page):
            assert not any(line.startswith((":answer ", *(f":{s}" for s in SHELLS))) for line in block), name
            comments = [line.startswith("# in the ") for line in block]
            assert not any(a and b for a, b in zip(comments, [*comments[1:], True], strict=True)), name


def _fences(page: str) -> list[list[str]]:
    tokens = MarkdownIt("commonmark").parse(page)
    return [token.content.splitlines() for token in tokens if token.type == "fence"]


def test_headings_go_down_one_at_a_time(made: dict[str, str]) -> None:
    for name, page in made.items():
        levels = [int(t.tag[1]) for t in MarkdownIt("commonmark").parse(page) if t.type == "heading_open"]
        assert levels[0] == 1 and levels.count(1) == 1, name
        assert all(after - before <= 1 for before, after in pairwise(levels)), name


def test_links_lead_somewhere(made: dict[str, str]) -> None:
    for name, page in made.items():
        for target in _links(page):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            file = (DOCS / name).parent / path if path else DOCS / name
            assert file.is_file(), (name, target)
            if anchor:
                assert anchor in _anchors(file.read_text(encoding="utf-8")), (name, target)


def _links(page: str) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inside = [child for token in tokens for child in token.children or ()]
    return [str(child.attrs["href"]) for child in inside if child.type == "link_open"]


def _anchors(page: str) -> set[str]:
    """As GitHub makes them; the second of a name gets a number."""
    found: set[str] = set()
    for title in re.findall(r"^#+ (.*)", page, re.M):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found


def test_links_to_checks_go_to_the_check(made: dict[str, str]) -> None:
    """No module is called as a check, and none twice: GitHub would number the anchors."""
    titles = re.findall(r"^##+ (.*)", made[CHECKS], re.M)
    assert len(titles) == len(set(titles))
    assert INDEX in made


SOURCE = re.compile(r"/proc/|/sys/|/run/|\w\(\d\w?\)")
"""A path of the kernel's, or a page of the manual."""


@pytest.mark.parametrize("name", sorted(checks()))
def test_a_check_says_where_its_evidence_is_read(name: str) -> None:
    _, _, evidence = checks()[name].doc.partition("Evidence:")
    assert SOURCE.search(evidence), f"{name}: name the file below /proc or /sys, or the page of the manual"
