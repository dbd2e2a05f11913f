"""What a learner takes away: the recap, the report, the map, and their honesty."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from fake_host import COURSE, FIRST, IMAGES, INSIDE

from workshop.lesson import Place, Track, TrackStep
from workshop.passed import Done, Told
from workshop.render import map as course_map
from workshop.render.recap import recap
from workshop.render.theme import ASCII
from workshop.report import Report, report
from workshop.report_html import html
from workshop.report_markdown import markdown
from workshop.ui.console import console

OWN = Done(
    "2025-03-01T12:00:00+00:00",
    (("host", "ls"), ("host", "zfs create -p tank/images")),
    0,
    Told(((), ("+ tank/images", "+ tank", "~ pool")), ("tank/images is there",)),
)
HELPED = Done(
    "2025-03-02T12:00:00+00:00",
    (("container", "go in"),),
    2,
    Told((("+ <b>",),), ("it is",), solution=True, rebuilt=(IMAGES.id, "first/gone")),
)


def made(steps: Mapping[str, Done]) -> Report:
    return report(COURSE, steps, lambda step: False)


def test_help_is_named() -> None:
    found = made({IMAGES.id: OWN, INSIDE.id: HELPED})
    own, helped = found.passed
    assert own.remarks == () and found.alone == (own,)
    assert helped.remarks == (
        "with 2 hints",
        "with the solution shown",
        "on a state rebuilt by model answers: Images",
        "by the very lines that the course offers",
    )


def test_the_offered_lines_are_known_with_their_variables_filled_in() -> None:
    for line, offered in (("cd /lab", True), ("cd /lab; pwd", False), ("cd", False)):
        done = replace(OWN, lines=(("host", line),))
        (passage,) = made({IMAGES.id: done}).passed
        assert bool(passage.remarks) is offered


def test_a_goal_that_was_changed_since_is_named() -> None:
    (passage,) = report(COURSE, {IMAGES.id: OWN}, lambda step: True).passed
    assert passage.remarks == ("when the step had another goal",)


def test_the_report_as_markdown() -> None:
    text = markdown(made({IMAGES.id: OWN, INSIDE.id: HELPED}))
    assert "2 of 4 steps passed, 1 of them" in text
    assert "host # zfs create -p tank/images\n    + tank/images\n" in text
    assert "- tank/images is there" in text
    assert "`first/inside`: passed on 2025-03-02, with 2 hints; with the solution shown" in text
    assert "Not passed: Count." in text and "### Count" not in text
    assert "Not begun." in markdown(made({}))


def test_backticks_in_a_line_do_not_end_the_fence() -> None:
    done = replace(OWN, lines=(("host", "echo ```"),), told=Told())
    assert "````text\nhost # echo ```\n````" in markdown(made({IMAGES.id: done}))


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [tag] if tag not in ("meta",) else []
        self.outside += [value or "" for name, value in attrs if name in ("src", "href")]
        assert tag != "script"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_as_html_is_one_page_and_escapes() -> None:
    text = html(made({INSIDE.id: HELPED}))
    reader = Reader()
    reader.feed(text)
    assert reader.open == [] and reader.outside == []
    assert "+ &lt;b&gt;" in text and "<b>" not in text


def shown(renderable: object) -> str:
    screen = StringIO()
    console(screen, width=78).print(renderable)
    return screen.getvalue()


def test_a_recap_is_made_of_ones_own_lines() -> None:
    text = shown(recap(replace(FIRST, steps=(replace(IMAGES, key="A key."), INSIDE)), {IMAGES.id: OWN}.get))
    assert "zfs create -p tank/images" in text and "+ tank/images" in text and "1 more change" in text
    assert "A key." in text and "Not passed yet: Inside" in text
    assert "\n  ls" not in text, "what changed nothing is left out"


def test_a_recap_in_a_terminal_without_unicode() -> None:
    done = replace(OWN, lines=(("host", "a\nb"),) * 9, told=Told((("~ a: b → c",) * 5,) * 9))
    assert shown(recap(FIRST, {IMAGES.id: done}.get, ASCII)).isascii()


def test_a_recap_of_old_progress_shows_the_lines_at_least() -> None:
    text = shown(recap(FIRST, {IMAGES.id: replace(OWN, told=Told())}.get))
    assert "\n  ls" in text


def test_the_map_says_how_and_what_can_be_skipped() -> None:
    track = Track("talk", "Talk", 5, "", (TrackStep(INSIDE.id, 2, optional=True),), Place("talk.toml", 1))
    standing = course_map.Standing({INSIDE.id: HELPED}.get, track)
    done = {INSIDE.id: HELPED}.__contains__
    text = shown(course_map.course([(FIRST, FIRST.steps)], IMAGES, done, lambda *_: "", standing=standing))
    assert "1 of 3 done" in text and "you are here" in text
    assert "Inside  done (2 hints, solution shown, on a rebuilt state, may be skipped)" in text
    assert "any of them can be skipped" in text


def test_files_are_never_overwritten(tmp_path: Path) -> None:
    from workshop.errors import UsageError
    from workshop.written import write

    write(tmp_path / "x", b"1", mode=0o755)
    assert (tmp_path / "x").stat().st_mode & 0o111
    with pytest.raises(UsageError, match="already"):
        write(tmp_path / "x", b"2")
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        write(tmp_path / "no/x", b"2")
    assert (tmp_path / "x").read_bytes() == b"1"


def test_what_cannot_be_written_whole_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workshop.errors import UsageError
    from workshop.written import write

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fchown", full)
    with pytest.raises(UsageError, match="No space left"):
        write(tmp_path / "x", b"1", owner=(0, 0))
    assert not (tmp_path / "x").exists()


def test_files_of_the_lab_are_read_within_it(tmp_path: Path) -> None:
    from workshop.carried import LARGEST, read
    from workshop.errors import UsageError

    lab = tmp_path / "7/root/lab"
    lab.mkdir(parents=True)
    (lab / "mydocker.sh").write_text("#!")
    (lab / "link").symlink_to("/etc/passwd")
    (lab / "etc").symlink_to("/etc")
    (lab / "large").write_bytes(b"x" * (LARGEST + 1))
    assert read(tmp_path, 7, "mydocker.sh") == read(tmp_path, 7, "/lab/mydocker.sh") == b"#!"
    with pytest.raises(UsageError, match="no file /lab/x"):
        read(tmp_path, 8, "x")
    for name in ("link", "etc/passwd", "none", "../lab/mydocker.sh", "large", "/lab"):
        with pytest.raises(UsageError):
            read(tmp_path, 7, name)
