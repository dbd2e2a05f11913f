from __future__ import annotations

from io import StringIO

from workshop.render.theme import ASCII, UNICODE, Signs
from workshop.render.undo import plan
from workshop.trail import Did, Trail
from workshop.ui.console import console


def test_lines_and_what_they_changed() -> None:
    trail = Trail()
    trail.typed("host", "ls")
    trail.ended("prompt", 0)
    trail.typed("container", "hostname box")
    trail.changed(["~ name: lab → box"])
    assert trail.entries == [Did("host", "ls"), Did("container", "hostname box", ("~ name: lab → box",))]


def test_the_rest_of_a_line_belongs_to_it() -> None:
    trail = Trail()
    for line, state in (("cat <<E", "more"), ("text", "more"), ("E", "prompt"), ("ls", "prompt")):
        trail.typed("host", line)
        trail.ended(state, 0)
    assert [did.line for did in trail.entries] == ["cat <<E\ntext\nE", "ls"]
    assert list(trail.lines) == ["cat <<E", "text", "E", "ls"]


def test_a_line_that_was_given_up_is_none() -> None:
    trail = Trail([Did("host", "ls")])
    trail.typed("host", "cat <<E")
    trail.ended("more", None)
    trail.dropped()
    trail.typed("host", "pwd")
    assert [did.line for did in trail.entries] == ["ls", "pwd"]
    trail.dropped()
    assert len(trail.entries) == 2


def test_what_wanted_somebody_at_the_keys() -> None:
    trail = Trail()
    for line, state, status in (("vi", "away", None), ("yes", "timeout", None), ("cat", "prompt", 130)):
        trail.typed("host", line)
        trail.ended(state, status)
        assert trail.entries[-1].attended
    trail.typed("host", "false")
    trail.ended("prompt", 1)
    assert not trail.entries[-1].attended


def shown(*trail: Did, signs: Signs = UNICODE) -> str:
    screen = StringIO()
    console(screen, width=100).print(plan(trail, signs))
    return " ".join(screen.getvalue().split())


def test_an_undo_says_what_goes_and_what_is_typed_again() -> None:
    text = shown(
        Did("host", "cd /lab"),
        Did("host", "vi x", attended=True),
        Did("host", ":answer 1"),
        Did("host", "cat <<E\nx\nE", ("+ /lab/x",)),
    )
    assert "$ cat <<E …" in text and "+ /lab/x" in text and "1 line of yours" in text
    again, left_out = text.index("typed again"), text.index("left out")
    assert again < text.index("cd /lab") < left_out < text.index("vi x")
    assert ":answer" not in text


def test_an_answer_alone_is_only_forgotten() -> None:
    text = shown(Did("host", "ls"), Did("host", ":answer 1"))
    assert "$ :answer 1" in text and "stays as it is" in text and "ls" not in text


def test_in_a_terminal_without_unicode() -> None:
    long = [Did("host", f"line {number}\nmore", ("~ a: b → c",)) for number in range(9)]
    assert shown(*long, signs=ASCII).isascii()
