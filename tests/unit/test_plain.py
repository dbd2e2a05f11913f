"""For a screen reader: nothing redrawn, framed, or side by side; and no information that is only a place."""

from __future__ import annotations

import io

import pytest
from kernel_builders import MINE, own, process, snapshot
from rich.console import Console, RenderableType
from rich.theme import Theme

from workshop import cli
from workshop.kernel.model import NS_KINDS
from workshop.lesson import Diagnosis, Place
from workshop.render import verdicts, where
from workshop.render.layout import Rows
from workshop.render.theme import PLAIN, STYLES, UNICODE, Signs
from workshop.ui.console import signs_of

FRAMES = "─│┌┐└┘╭╮╰╯├┤"


def shown(renderable: RenderableType) -> str:
    screen = Console(file=io.StringIO(), width=100, theme=Theme(STYLES))
    screen.print(renderable)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_table_becomes_sentences() -> None:
    rows = [("tank", "3M", "its own"), ("tank/one", "", "")]
    plain = shown(Rows(("name", "used", ""), rows, PLAIN))
    assert plain.split("\n")[:2] == ["name tank, used 3M, its own", "name tank/one"]
    assert shown(Rows(("name", "used", ""), rows)) != plain


def test_a_diagnosis_has_no_frame() -> None:
    known = Diagnosis("x", "No fork", "Because.", "Fork.", Place("x", 1))
    plain = shown(verdicts.diagnosis(known, PLAIN))
    assert plain.startswith("Known error: No fork\n")
    assert not set(plain) & set(FRAMES)
    assert set(shown(verdicts.diagnosis(known, UNICODE))) & set(FRAMES)


def test_the_state_says_in_words_whose_namespaces_they_are() -> None:
    said = shown(where.state(snapshot(process(7, ns=own("uts"))), 7, PLAIN))
    assert "namespace uts, host " in said and f", here {MINE + list(NS_KINDS).index('uts')}, its own" in said
    assert not set(said) & set(FRAMES)


def test_a_child_is_called_one() -> None:
    said = shown(where.state(snapshot(process(7), process(8, ppid=7)), 7, PLAIN))
    assert "below: " in said


@pytest.mark.parametrize(("term", "signs"), [("dumb", PLAIN), ("xterm", UNICODE)])
def test_signs_go_by_the_terminal(monkeypatch: pytest.MonkeyPatch, term: str, signs: Signs) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR", raising=False)

    class Screen:
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    assert signs_of(Screen()) == signs  # type: ignore[arg-type]


def test_plain_is_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    options = cli.parser().parse_args(["learn", "--plain"])
    assert options.plain
