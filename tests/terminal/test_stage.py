"""The audience's terminal on a pty, over a made-up host: clicker and keys, at right and at wrong moments."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from screen import Screen

from workshop.ui.clicker import REPEAT

FAKE = (sys.executable, str(Path(__file__).with_name("fake_stage.py")))
NEXT, BACK, PANIC = "\x1b[6~", "\x1b[5~", "\x1b[20~"
READY, TAKEN = "Enter runs it", "PageDown too"
AT_PROMPT = (READY, "PageDown next")


def stage(
    tmp_path: Path,
    *words: str,
    columns: int = 80,
    rows: int = 25,
    env: Mapping[str, str] | None = None,
) -> Screen:
    state = {
        "XDG_STATE_HOME": str(tmp_path), "NO_COLOR": "", "TERM": "xterm-256color",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    return Screen((*FAKE, *words), columns=columns, rows=rows, env={**state, **(env or {})})


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    with stage(tmp_path) as found:
        found.wait_for(READY)
        yield found


def prompt(screen: Screen) -> str:
    return screen.lines[-2]


def settled(screen: Screen, wanted: str) -> str:
    """Wait until this is to be seen, and the shell is at its prompt. The bar is drawn last: as long as it
    offers to run what was taken or typed, it is the one of before."""
    return screen.wait_for(
        lambda s: (
            wanted in s.text and TAKEN not in s.lines[-1] and any(word in s.lines[-1] for word in AT_PROMPT)
        )
    )


def run(screen: Screen, line: str) -> str:
    """Type a line freely, and wait until it has ended."""
    screen.type(line)
    screen.wait_for(lambda s: prompt(s) == f"# {line}")
    press(screen, "\r")
    screen.wait_for(lambda s: prompt(s) != f"# {line}")
    return settled(screen, f"host # {line}")


def press(screen: Screen, key: str = NEXT) -> None:
    """As a thumb does: not faster than a key that is held down."""
    time.sleep(REPEAT)
    screen.type(key)


def running(screen: Screen) -> bool:
    return prompt(screen).startswith("running")


def leave(screen: Screen) -> int:
    screen.type("\x11")
    screen.wait_for("Once more")
    screen.type("\x11")
    return screen.wait_end()


def test_two_steps_by_nothing_but_a_clicker(screen: Screen) -> None:
    assert "1 of 4" in screen.lines[0] and screen.lines[0].startswith(" Images")
    for line, after in (("cd /lab", "ls"), ("ls", "create images"), ("create images", "ls"), ("ls", "")):
        assert prompt(screen) == f"# {line}"
        press(screen)
        screen.wait_for(TAKEN)
        press(screen)
        screen.wait_for(lambda s, line=line: f"host # {line}" in s.text)
        screen.wait_for(lambda s, after=after: prompt(s) == f"# {after}".rstrip())
        settled(screen, "1 of 4")
    screen.wait_for("PageDown next")
    press(screen)
    screen.wait_for(lambda s: prompt(s) == "# go in" and READY in s.lines[-1])
    press(screen)
    screen.wait_for(TAKEN)
    press(screen)
    screen.wait_for("container # go in")
    screen.wait_for("container: pid")
    assert "✓ " in screen.text
    press(screen, BACK)
    screen.wait_for("1 of 4")


def test_ten_keys_at_once_run_one_line(screen: Screen) -> None:
    screen.type(NEXT * 10)
    screen.wait_for(TAKEN)
    assert "['prepare']" in run(screen, "typed")
    screen.type(NEXT)
    screen.wait_for(TAKEN)
    screen.type(NEXT * 10)
    screen.wait_for(lambda s: prompt(s) == "# ls")
    settled(screen, "host # cd /lab")
    run(screen, "typed")
    screen.wait_for("['prepare', 'cd /lab']")


def test_ten_enters_at_once_run_one_line(screen: Screen) -> None:
    screen.type("\r" * 10)
    screen.wait_for(lambda s: prompt(s) == "# ls")
    settled(screen, "host # cd /lab")
    run(screen, "typed")
    screen.wait_for("['prepare', 'cd /lab']")


def test_keys_while_a_line_runs_are_its_own_but_for_the_clickers(screen: Screen) -> None:
    screen.type("ask")
    press(screen, "\r")
    screen.wait_for(running)
    screen.wait_for("name?")
    screen.type(NEXT + BACK + NEXT)
    screen.type("b.x")
    press(screen, "\r")
    text = screen.wait_for("b'b.x\\r'")
    assert "1 of 4" in text
    screen.wait_for(lambda s: prompt(s) == "# cd /lab")


def test_a_panic_works_also_then(screen: Screen) -> None:
    screen.type("ask")
    press(screen, "\r")
    screen.wait_for("name?")
    screen.type(PANIC)
    screen.wait_for("Everything was reset")
    assert "ask" not in screen.text and prompt(screen) == "# cd /lab"


def test_an_editor_has_the_whole_screen_and_gives_it_back(screen: Screen) -> None:
    screen.type("vi")
    press(screen, "\r")
    screen.wait_for("the editor")
    assert "1 of 4" not in screen.text
    screen.type(NEXT)
    screen.type("q")
    screen.wait_for(READY)
    assert "1 of 4" in screen.text and "the editor" not in screen.text and "host # vi" in screen.text
    assert b"\x1b[?1049l" not in screen.raw  # what is behind the stage was never seen


def test_a_letter_on_the_offered_line_begins_another_one(screen: Screen) -> None:
    screen.type("bash -c x")
    screen.wait_for(lambda s: prompt(s) == "# bash -c x")
    screen.type(NEXT)
    screen.wait_for("The line was changed")
    screen.type("\x03")
    screen.wait_for(lambda s: prompt(s) == "# cd /lab")


def test_an_arrow_edits_it(screen: Screen) -> None:
    screen.type("\x1b[D" * 3 + "x")
    screen.wait_for(lambda s: prompt(s) == "# cd /xlab")
    press(screen, "\r")
    screen.wait_for("host # cd /xlab")
    screen.wait_for(lambda s: prompt(s) == "# cd /lab")


def test_tab_completes_what_was_begun_and_leaves_the_offered_line_alone(screen: Screen) -> None:
    screen.type("\t")
    screen.type(":")
    screen.wait_for(lambda s: prompt(s) == "# :")
    screen.type("\t")
    screen.wait_for(":host  :container  :answer")
    screen.type("con\t")
    screen.wait_for(lambda s: prompt(s) == "# :container")
    press(screen, "\r")
    screen.wait_for(lambda s: prompt(s) == "# cd /lab" and "(container shell)" in s.lines[-3])


@pytest.mark.parametrize("key", ["b", "."])
def test_a_clickers_black_and_back(screen: Screen, key: str) -> None:
    screen.type(key)
    screen.wait_for(lambda s: not s.text.strip())
    screen.type(key)
    screen.wait_for(READY)
    assert prompt(screen) == "# cd /lab"


def test_in_the_dark_a_clickers_key_brings_the_stage_back_and_does_no_more(screen: Screen) -> None:
    screen.type("b")
    screen.wait_for(lambda s: not s.text.strip())
    screen.type(NEXT)
    screen.wait_for(READY)
    assert "host # cd" not in screen.text and "1 of 4" in screen.text


def test_a_slow_hand_loses_no_letter_to_the_dark(screen: Screen) -> None:
    screen.type("b")
    screen.wait_for(lambda s: not s.text.strip())
    screen.type("ash")
    screen.wait_for(lambda s: prompt(s) == "# bash")


def test_keys_that_clickers_send_besides_do_nothing(screen: Screen) -> None:
    screen.type("\x1b[15~")
    screen.type("\x1b")
    screen.type(NEXT)
    screen.wait_for(TAKEN)
    screen.type(NEXT)
    screen.wait_for("host # cd /lab")


def test_the_map_jumps(screen: Screen) -> None:
    screen.type("\x1bOR")
    screen.wait_for("optional")
    screen.type("3")
    press(screen, "\r")
    settled(screen, "3 of 4")
    assert "? How many?" in screen.text
    screen.type("\x1bOR")
    screen.wait_for("optional")
    press(screen, "\x1b[A")
    press(screen, "\r")
    screen.wait_for("2 of 4")


def test_a_theme_can_be_switched_live(screen: Screen) -> None:
    assert b"48;5;233" in screen.raw and b"48;5;231" not in screen.raw
    screen.type("\x1bl")
    screen.wait_for(lambda s: b"48;5;231" in s.raw)


def test_resizing_at_any_moment(screen: Screen) -> None:
    for columns, rows in ((120, 40), (80, 25), (60, 15), (30, 8), (1, 1), (80, 25)):
        screen.resize(columns, rows)
        if columns >= 80:
            screen.wait_for(lambda s: s.lines[-1].startswith(" Enter runs it") and "1 of 4" in s.lines[0])
        elif columns == 60:
            screen.wait_for("80x25 at least")
    assert "(25, 80)" in run(screen, "size")
    screen.type("ask")
    press(screen, "\r")
    screen.wait_for("name?")
    screen.resize(100, 30)
    screen.wait_for(lambda s: len(s.lines) == 30 and "running" in s.lines[-2])
    screen.enter("x")
    screen.wait_for(READY)


@pytest.mark.parametrize("rows", [25, 50])
def test_it_fits(tmp_path: Path, rows: int) -> None:
    with stage(tmp_path, rows=rows) as screen:
        screen.wait_for(READY)
        assert screen.lines[-1].startswith(" Enter runs it") and screen.lines[-4].startswith("─")
        assert screen.lines[-3].startswith("host  /")


def test_without_colours(tmp_path: Path) -> None:
    with stage(tmp_path, env={"NO_COLOR": "1"}) as screen:
        screen.wait_for(READY)
        screen.type(NEXT)
        screen.wait_for(TAKEN)
        screen.type(NEXT)
        screen.wait_for("host # cd /lab")
        assert not re.search(rb"\x1b\[[0-9;]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;[0-9;]*)?m", screen.raw)


def test_sixteen_colours_are_left_to_the_terminal(tmp_path: Path) -> None:
    with stage(tmp_path, env={"TERM": "xterm"}) as screen:
        screen.wait_for(READY)
        assert not re.search(rb"\x1b\[[0-9;]*[34]8;", screen.raw)


@pytest.mark.parametrize(
    ("term", "the_map"),
    [("linux", "\x1b[[C"), ("screen", "\x1bOR"), ("screen-256color", "\x1bOR"), ("tmux-256color", "\x1bOR")],
)
def test_the_console_screen_and_tmux(tmp_path: Path, term: str, the_map: str) -> None:
    """What they send for F3 and PageDown, and what they can show: on the console few letters and colours."""
    with stage(tmp_path, env={"TERM": term, "COLORTERM": ""}) as screen:
        screen.wait_for(READY)
        assert screen.lines[-4].startswith("---" if term == "linux" else "───")
        assert bool(re.search(rb"\x1b\[[0-9;]*[34]8;", screen.raw)) == ("256" in term)
        screen.type(the_map)
        screen.wait_for("optional")
        screen.type(the_map)
        screen.wait_for(READY)
        press(screen)
        screen.wait_for(TAKEN)
        press(screen)
        settled(screen, "host # cd /lab")
        assert leave(screen) == 0


def test_an_unknown_prompt_gets_no_clickers_keys(screen: Screen) -> None:
    """A program that asks in its own way (`python3`) keeps the terminal, and PageDown runs nothing."""
    screen.type("ask")
    press(screen, "\r")
    screen.wait_for("name?")
    screen.type(NEXT * 3)
    screen.type("\x1d")
    screen.wait_for("A program has the shell")
    press(screen)
    screen.wait_for("Enter goes back to it")
    assert "host # cd" not in screen.text


def test_typed_out_is_what_runs(tmp_path: Path) -> None:
    with stage(tmp_path, "--type") as screen:
        screen.wait_for(READY)
        assert prompt(screen) == "#"
        screen.type(NEXT)
        screen.wait_for(lambda s: prompt(s) in ("# c", "# cd", "# cd ", "# cd /"))
        screen.wait_for(lambda s: prompt(s) == "# cd /lab")
        screen.type(NEXT)
        screen.wait_for("host # cd /lab")


@pytest.mark.parametrize("way", ["quit", "SIGTERM", "SIGHUP", "crash", "hung"])
def test_the_terminal_is_given_back(tmp_path: Path, way: str) -> None:
    with stage(tmp_path, env={"TERM": "xterm-256color"}) as screen:
        before = screen.mode()
        screen.wait_for(READY)
        assert screen.mode() != before
        if way == "quit":
            assert leave(screen) == 0
        elif way == "crash":
            screen.enter("crash")
            assert screen.wait_end() == 1
        else:
            if way == "hung":
                screen.enter("ask")
                screen.wait_for("name?")
            os.kill(screen.pid, signal.SIGHUP if way == "SIGHUP" else signal.SIGTERM)
            assert screen.wait_end() in (128 + signal.SIGTERM, 128 + signal.SIGHUP)
        assert screen.mode() == before
        for switch in (b"?1049", b"?2004"):
            last = [m[1] for m in re.finditer(rb"\x1b\[" + re.escape(switch) + rb"([hl])", screen.raw)][-1]
            assert last == b"l"
        assert screen.raw.rindex(b"\x1b[?25h") > screen.raw.rfind(b"\x1b[?25l")
    left = [path for path in tmp_path.rglob("*") if path.name == "door"]
    assert left == []


def test_a_terminal_that_cannot_draw_is_refused(tmp_path: Path) -> None:
    with stage(tmp_path, env={"TERM": "dumb"}) as screen:
        assert screen.wait_end() == 2
        assert "cannot" in screen.text
