"""The guided shell on a pty, over a made-up session: what is seen, which keys do what, and the terminal given
back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from screen import Screen

FAKE = (sys.executable, str(Path(__file__).with_name("fake_guide.py")))


def guide(
    tmp_path: Path, *, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None
) -> Screen:
    state = {"XDG_STATE_HOME": str(tmp_path), "NO_COLOR": "", "PYTHONPATH": str(Path(__file__).parents[2])}
    return Screen(FAKE, columns=columns, rows=rows, env={**state, **(env or {})})


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    with guide(tmp_path, rows=50) as found:
        found.wait_for("F1 help")
        yield found


def prompts(screen: Screen) -> int:
    return len(re.findall(r"(?:^| )#(?: |$)", screen.transcript, re.MULTILINE))


def run(screen: Screen, line: str) -> str:
    """Type a line, and wait until the prompt stands there again."""
    screen.wait_for("F1 help")
    before = prompts(screen)
    screen.enter(line)
    screen.wait_for(lambda s: prompts(s) > before and "F1 help" in s.text)
    return screen.text


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_step_fits_the_screen(tmp_path: Path, columns: int) -> None:
    with guide(tmp_path, columns=columns) as screen:
        text = screen.wait_for("F1 help")
        for part in ("3 Process trees", "step 1 of 2", "Become PID 1", "Make one.", "host /lab #"):
            assert part in text
        run(screen, "unshare --pid --fork bash")
        assert "Done: Become PID 1" in screen.transcript and "/proc/42/ns/pid" in screen.transcript


def test_narrower_than_forty_columns_is_refused(tmp_path: Path) -> None:
    with guide(tmp_path, columns=39) as screen:
        assert screen.wait_end() == 2
        assert "39 columns" in screen.text


def test_right_takes_the_line_and_passing_never_rushes_on(screen: Screen) -> None:
    screen.type("\x1b[C")
    screen.wait_for(lambda s: s.cursor_line.endswith("bash"))
    screen.enter()
    screen.wait_for("container [pid] (host shell) /lab #")
    text = screen.text
    assert "4026531836 → 4026532281" in text and "✓ Done: Become PID 1" in text
    assert "step 2 of 2" not in text
    screen.type("\x0e")
    screen.wait_for("Whose child?")


def test_output_without_a_newline_does_not_swallow_the_prompt(screen: Screen) -> None:
    assert "hello\nNo namespace, process, " in run(screen, "hello")


def test_a_known_error_gets_its_diagnosis_and_is_short_when_made_again(screen: Screen) -> None:
    run(screen, "unshare --pid bash")
    text = run(screen, "ls")
    assert text.count("Way out") == 1 and "Exit status 254" in text
    text = run(screen, "unshare --pid bash")
    assert text.count("Way out") == 1 and "Again: No child was made." in text


def test_the_same_miss_is_named_once(screen: Screen) -> None:
    assert "Not yet" not in run(screen, "ls")
    assert run(screen, "mount a").count("Not yet: it is the host's") == 1
    assert run(screen, "mount b").count("Not yet") == 1


def test_after_the_step_is_passed_nothing_is_missed(screen: Screen) -> None:
    run(screen, "unshare --pid --fork bash")
    screen.type("\x04")
    screen.wait_for(lambda s: s.cursor_line.startswith("host /lab #"))
    assert "Not yet" not in run(screen, "mount a")


def test_a_step_that_watches_nothing_says_nothing_unasked(screen: Screen) -> None:
    run(screen, ":next")
    assert "Not yet" not in run(screen, "mount a")
    assert "not yet: a new pid namespace" in run(screen, ":check")


def test_the_end_of_a_shell_is_no_attempt(screen: Screen) -> None:
    assert "Not yet" not in run(screen, "exit")


def test_nothing_is_offered_within_a_line_that_the_solution_did_not_open(screen: Screen) -> None:
    assert "unshare --pid --fork bash" in screen.cursor_line
    screen.enter("cat <<E")
    screen.wait_for(lambda s: s.cursor_line.startswith(">") and "F1 help" in s.text)
    assert "unshare" not in screen.cursor_line
    assert "unshare --pid --fork bash" not in run(screen, "E").split("heredoc over")[0].split("cat <<E")[1]


def test_a_program_that_merely_runs_is_no_miss(screen: Screen) -> None:
    assert "Not yet" not in run(screen, "job")


def test_check_shows_expected_found_and_evidence(screen: Screen) -> None:
    text = run(screen, ":check")
    assert "not yet: a new pid namespace" in text and "found it is the host's" in text
    assert "/proc/10/ns/pid" in text


def test_hints_begin_with_what_is_missing(screen: Screen) -> None:
    screen.type("\x1bOQ")
    text = screen.wait_for(":hint again gives a hint")
    assert "found it is the host's" in text and "/proc/10/ns/pid" in text and "Which option" not in text
    text = run(screen, ":hint")
    assert "Which option makes a child?" in text and "last hint; :hint again" in text
    text = run(screen, ":hint")
    assert "One way to do it" in text
    assert "unshare\n    --pid  new pid namespace" in text and "--fork  start the program as a child" in text


def test_a_hint_tells_the_diagnosis_too(screen: Screen) -> None:
    run(screen, "unshare --pid bash")
    assert "Again: No child was made." in run(screen, ":hint")


def test_another_condition_is_told_before_the_next_hint(screen: Screen) -> None:
    run(screen, ":hint")
    run(screen, "unshare --pid --fork bash")
    assert "Nothing is missing" in run(screen, ":hint")


def test_help_is_offered_once(screen: Screen) -> None:
    for number in range(8):
        run(screen, f"word{number}")
    assert screen.transcript.count("If you like: F2") == 1


def test_a_key_keeps_the_line_that_is_being_typed(screen: Screen) -> None:
    screen.type("half a line")
    screen.wait_for(lambda s: s.cursor_line.endswith("half a line"))
    screen.type("\x1bOQ")
    screen.wait_for(lambda s: "gives a hint" in s.text and s.cursor_line.endswith("half a line"))
    assert screen.text.count("half a line") == 1


def test_calls_are_shown_and_hidden(screen: Screen) -> None:
    screen.type("\x1bOS")
    screen.wait_for("shown after each line")
    assert "unshare(CLONE_NEWPID) = 0" in run(screen, "ls")
    run(screen, ":calls")
    assert run(screen, "ls").count("CLONE_NEWPID") == 1


def test_a_line_that_is_not_finished_goes_on_at_a_prompt_of_its_own(screen: Screen) -> None:
    screen.enter("cat <<E")
    screen.wait_for(lambda s: s.cursor_line.startswith(">"))
    screen.enter(":hint")
    screen.wait_for(":hint\n")
    assert "heredoc over" in run(screen, "E") and "Which option" not in screen.text


def test_keys_reach_the_program_raw(screen: Screen) -> None:
    screen.enter("ask")
    screen.wait_for("name?")
    screen.type(b"a\x03\x1a\x04\x1d\xff\r")
    screen.wait_for(r"keys b'a\x03\x1a\x04\x1d\xff\r'")


def test_a_program_that_was_left_is_gone_back_to_with_enter(screen: Screen) -> None:
    screen.enter("vi")
    screen.wait_for("(vi runs; Enter goes back to it)")
    screen.enter("typed into the wrong place")
    screen.wait_for("Enter alone goes back")
    screen.enter()
    screen.wait_for(lambda s: "editor ends" in s.text and "F1 help" in s.text)
    assert screen.cursor_line.startswith("host /lab #")


def test_background_output_stands_above_the_prompt(screen: Screen) -> None:
    screen.enter("later")
    screen.wait_for("from behind")
    screen.type("ls")
    screen.wait_for(lambda s: s.cursor_line.endswith("# ls"))


def test_typing_while_something_chatters_in_the_background(screen: Screen) -> None:
    screen.enter("chatter")
    screen.wait_for("line ")
    typed = "echo " + "abcdefghij" * 5
    for letter in typed:
        screen.type(letter)
        screen.wait_for(lambda s, seen=screen.text: s.text != seen)
    screen.wait_for(lambda s: "line 299" in s.text and s.cursor_line.endswith(f"/lab # {typed}"))
    lines = screen.transcript.splitlines()
    chatter = [line for line in lines[lines.index("host /lab # chatter") + 2 : -2] if line]
    assert chatter == [f"line {number}" for number in range(300)]


def test_the_other_shell_is_one_key_away(screen: Screen) -> None:
    screen.type("\x1b[19~")
    screen.wait_for("host (container shell) /lab #")
    run(screen, ":host")
    assert screen.cursor_line.startswith("host /lab #")


def test_reset_says_what_it_does_and_asks(screen: Screen) -> None:
    run(screen, ":next")
    screen.enter(":reset")
    text = screen.wait_for("Go ahead?")
    assert "new lab" in text and "• Become PID 1" in text
    screen.enter()
    screen.wait_for("Nothing was changed.")
    screen.enter(":reset")
    screen.wait_for(lambda s: s.text.count("Go ahead?") == 2)
    screen.enter("y")
    screen.wait_for(lambda s: s.transcript.count("Whose child?") == 2)


def test_undo_shows_what_goes_and_one_key_answers(screen: Screen) -> None:
    assert "Nothing was typed in this step yet." in run(screen, ":undo")
    run(screen, "mount a")
    screen.type("half a line")
    screen.wait_for(lambda s: s.cursor_line.endswith("half a line"))
    screen.type("\x1bu")
    text = screen.wait_for("Take it back? [y/N]")
    assert "$ mount a" in text and "+ a thing that it made" in text
    screen.type("n")
    screen.wait_for(lambda s: "Nothing was changed." in s.text and s.cursor_line.endswith("half a line"))
    screen.type("\x1bu")
    screen.wait_for(lambda s: s.text.count("Take it back?") == 2)
    screen.type("y")
    screen.wait_for(lambda s: "Taken back: mount a" in s.text and s.cursor_line.endswith("half a line"))


def test_undo_of_an_unfinished_line_gives_it_up(screen: Screen) -> None:
    screen.enter("cat <<E")
    screen.wait_for(lambda s: s.cursor_line.startswith(">"))
    screen.type("\x1bu")
    screen.wait_for(lambda s: "given up" in s.text and s.cursor_line.startswith("host /lab #"))


def test_answers_goto_and_the_end_of_the_course(screen: Screen) -> None:
    run(screen, ":goto orphans")
    assert "? Whose child?" in screen.text
    assert "you said init" in run(screen, ":answer INIT")
    assert "last step" in run(screen, ":next")


def test_mistyped_commands_are_answered_and_colons_are_bashs(screen: Screen) -> None:
    assert "Did you mean :solution?" in run(screen, ":soluton")
    assert "This is the first step." in run(screen, ":back")
    assert ": > file\n: > file\nNo namespace, process" in run(screen, ": > file")


def test_map_and_help(screen: Screen) -> None:
    assert "▶ Become PID 1  you are here" in run(screen, ":map")
    run(screen, ":help")
    assert "search them" in screen.transcript


def test_ctrl_d_leaves_the_inner_shell_then_asks_to_quit(screen: Screen) -> None:
    run(screen, "unshare --pid --fork bash")
    screen.type("\x04")
    screen.wait_for(lambda s: s.cursor_line.startswith("host /lab #"))
    screen.type("\x04")
    screen.wait_for("End the workshop?")
    screen.enter("y")
    assert screen.wait_end() == 0


def test_ctrl_c_clears_the_line(screen: Screen) -> None:
    screen.type("wrong")
    screen.wait_for("wrong")
    screen.type("\x03")
    screen.wait_for(lambda s: s.cursor_line.startswith("host /lab #") and "wrong" not in s.cursor_line)


def test_history_outlives_the_session(tmp_path: Path) -> None:
    with guide(tmp_path) as screen:
        screen.wait_for("F1 help")
        run(screen, "a line to find")
        screen.enter(":quit")
        assert screen.wait_end() == 0
    with guide(tmp_path) as screen:
        screen.wait_for("F1 help")
        screen.type("\x12to find")
        screen.wait_for("a line to find")


def test_resizing_at_the_prompt(screen: Screen) -> None:
    screen.resize(50, 20)
    screen.wait_for(lambda s: len(s.lines[-1]) <= 50 and "F1 help" in s.text)
    assert "(20, 50)" in run(screen, "size")


def test_no_colour_means_no_colour(tmp_path: Path) -> None:
    with guide(tmp_path, env={"NO_COLOR": "1"}) as screen:
        screen.wait_for("F1 help")
        run(screen, "unshare --pid --fork bash")
        assert not re.search(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7])m", screen.raw)


def test_a_dumb_terminal_gets_text_and_nothing_else(tmp_path: Path) -> None:
    with guide(tmp_path, env={"TERM": "dumb"}) as screen:
        screen.wait_for("host /lab #")
        screen.enter("unshare --pid --fork bash")
        screen.wait_for("container [pid]")
        screen.enter(":quit")
        assert screen.wait_end() == 0
        assert b"\x1b" not in screen.raw


def test_on_a_dumb_terminal_the_offered_line_is_seen_before_it_runs(tmp_path: Path) -> None:
    with guide(tmp_path, env={"TERM": "dumb"}) as screen:
        screen.wait_for("host /lab #")
        screen.enter(":solution")
        screen.wait_for(lambda s: s.cursor_line == "host /lab # unshare --pid --fork bash")
        screen.enter()
        screen.wait_for("container [pid]")


def test_signs_in_a_locale_without_unicode(tmp_path: Path) -> None:
    with guide(
        tmp_path, env={"LC_ALL": "POSIX", "LANG": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ) as screen:
        screen.wait_for("F1 help")
        run(screen, "unshare --pid --fork bash")
        assert screen.raw.isascii() and b"+ Done" in screen.raw


@pytest.mark.parametrize("end", ["quit", "crash", signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back_as_it_was(tmp_path: Path, end: str | signal.Signals) -> None:
    with guide(tmp_path) as screen:
        found = screen.mode()
        screen.wait_for("F1 help")
        assert screen.mode() != found
        if isinstance(end, signal.Signals):
            os.kill(screen.pid, end)
        else:
            screen.enter(":quit" if end == "quit" else end)
        screen.wait_end()
        assert screen.mode() == found


def test_no_terminal_is_refused_with_the_way_out() -> None:
    done = subprocess.run(FAKE, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "workshop run" in done.stderr
