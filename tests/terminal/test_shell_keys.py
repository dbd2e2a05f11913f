"""The shell with somebody at the keys: all is passed through, and one key always brings the guide back."""

from __future__ import annotations

import os
import random
import re
import select
import shutil
import signal
import sys
import threading
from collections.abc import Iterator

import pytest
from desk import desk

from workshop.passthrough import LULL
from workshop.shell import PtyShell, Result, Silent
from workshop.strangers import NOTICE, shell_kind

QUIET = {"HOME": "/nonexistent", "PATH": os.environ["PATH"], "TERM": "xterm-256color"}
GUIDE = b"\x1d"
SECONDS = 20.0
"""No test waits longer: the line is stopped then, and its state is another one."""


@pytest.fixture
def shell() -> Iterator[PtyShell]:
    made = PtyShell(env=QUIET)
    yield made
    made.close()


def test_reading_from_the_keyboard(shell: PtyShell) -> None:
    with desk((b"name? ", "Zoë\r".encode())) as terminal:
        result = shell.run("read -p 'name? ' name; echo hello $name", terminal, SECONDS)
    assert result.output.endswith("hello Zoë\r\n".encode())
    with desk((b"go\r\n", b"one\r"), (b"one\r\none\r\n", b"\x04")) as terminal:
        assert shell.run("echo go; cat; exit_status=$?; (exit 4)", terminal, SECONDS).status == 4


def test_the_interrupt_key(shell: PtyShell) -> None:
    with desk((b"go", b"\x03")) as terminal:
        assert shell.run("sh -c 'echo go; sleep 1000'", terminal, SECONDS).status == 130
    with desk((b"go", b"\x1c")) as terminal:
        assert shell.run("sh -c 'echo go; sleep 1000'", terminal, SECONDS).status == 131


def test_a_key_that_once_stopped_the_output_stops_nothing(shell: PtyShell) -> None:
    """Ctrl-S: nobody who presses it by mistake today knows that Ctrl-Q goes on."""
    with desk((b"go", b"\x13\r")) as terminal:
        result = shell.run("echo go; read -r x; echo and on", terminal, 5)
    assert result == Result("prompt", 0, result.output)
    assert result.output.endswith(b"and on\r\n")


def test_a_job_is_stopped_and_goes_on(shell: PtyShell) -> None:
    with desk((b"go\r\n", b"\x1a")) as terminal:
        stopped = shell.run("sh -c 'echo go; read x; exit $x'", terminal, SECONDS)
    assert stopped.status == 148
    assert b"Stopped" in stopped.output
    with desk((b"read x", b"5\r")) as terminal:
        assert shell.run("fg", terminal, SECONDS).status == 5


def test_the_guide_comes_back_and_the_program_stays(shell: PtyShell) -> None:
    with desk((b"go", b"more" + GUIDE)) as terminal:
        assert shell.run("sh -c 'echo go; read x; echo got $x; exit 6'", terminal, SECONDS).state == "away"
    assert shell.foreground() != shell.pid
    with desk((b"", b"")) as terminal:
        terminal.write(b"")
        os.write(terminal._write, b"over\r")
        result = shell.resume(terminal, SECONDS)
    assert (result.state, result.status) == ("prompt", 6)
    assert b"got moreover" in result.output
    assert shell.resume(Silent()).state == "prompt"


AHEAD = [
    b"x", b"\x1b[A", b"\x1b[24~", b"\t", b"\x1b", b"\x1b[", b"\x16", b"\x12", b"\x1b[200~never ended",
    b"\x1b[200~ended\x1b[201~", "é".encode(), b"one\x1b[D\x1b[D", b"true\r", b"\r\r",
]  # fmt: skip


@pytest.mark.parametrize("keys", AHEAD)
def test_keys_that_a_program_did_not_read_are_no_part_of_the_next_line(shell: PtyShell, keys: bytes) -> None:
    with desk((b"go", keys)) as terminal:
        shell.run("sh -c 'echo go; sleep 0.3'", terminal, SECONDS)
    result = shell.run("echo one", Silent(), SECONDS)
    assert (result.state, result.status, result.output) == ("prompt", 0, b"one\r\n")
    assert shell.run("exit 3", Silent(), SECONDS).state == "closed"


@pytest.mark.parametrize("other", ["busybox sh", "dash"])
@pytest.mark.parametrize("keys", [b"x", b"\x1b[24~", b"\t"])
def test_nor_in_a_shell_of_another_kind(shell: PtyShell, other: str, keys: bytes) -> None:
    if shutil.which(other.split()[0]) is None:
        pytest.skip(f"there is no {other}")
    shell.run(other, Silent(), SECONDS)
    with desk((b"go", keys)) as terminal:
        shell.run("sh -c 'echo go; sleep 0.3'", terminal, SECONDS)
    result = shell.run("echo one", Silent(), SECONDS)
    assert (result.state, result.status) == ("prompt", 0) and result.output.endswith(b"one\r\n")


@pytest.mark.parametrize("key", [b"\x1d", b"\x1b[93;5u", b"\x1b[27;5;93~"])
def test_the_guides_key_as_terminals_send_it(shell: PtyShell, key: bytes) -> None:
    with desk((b"go", key)) as terminal:
        assert shell.run("sh -c 'echo go; sleep 1000'", terminal, SECONDS).state == "away"
    assert shell.interrupt().status == 130


def test_a_program_that_ends_while_the_guide_is_there(shell: PtyShell) -> None:
    with desk((b"go", GUIDE)) as terminal:
        assert shell.run("sh -c 'echo go; read x; echo late; exit 3'", terminal, SECONDS).state == "away"
    os.kill(shell.foreground() or 0, signal.SIGKILL)
    assert shell.resume(Silent()).status == 137
    assert shell.run("echo next", Silent()) == Result("prompt", 0, b"next\r\n")


def test_an_interrupt_at_the_prompt_shifts_nothing(shell: PtyShell) -> None:
    for number in range(5):
        assert shell.interrupt().state == "prompt"
        assert shell.run(f"echo {number}", Silent()).output == b"%d\r\n" % number
        assert shell.run("sleep 0.1", Silent(), 0.1).state in ("prompt", "timeout")
        assert shell.run("(exit 4)", Silent()).status == 4


def test_a_prompt_that_is_lost_with_a_ctrl_c_comes_again(shell: PtyShell) -> None:
    """A Ctrl-C that meets a bash just about to read may cost its prompt; here that is taken by hand."""

    def lose_the_prompt() -> None:
        os.write(shell.fd, b"\r")
        lost = b""
        while not re.search(rb"133;A;[^\x07]*\x07", lost):
            select.select([shell.fd], [], [], SECONDS)
            lost += os.read(shell.fd, 4096)

    line = "sh -c 'trap \"echo now; read y; exec bash --norc\" INT; echo go; read x'"
    with desk((b"go", b"\x03"), (b"now", lose_the_prompt)) as terminal:
        result = shell.run(line, terminal, SECONDS)
    assert (result.state, result.status) == ("prompt", None)
    assert shell.run("echo one", Silent(), SECONDS) == Result("prompt", 0, b"one\r\n")
    assert shell.run("exit 3", Silent(), SECONDS).status == 3


def test_a_ctrl_c_that_is_only_noted_costs_the_next_line_nothing(shell: PtyShell) -> None:
    """Four of a hundred that met a bash just beginning did: `cho: command not found`."""
    when = random.Random(1)
    for number in range(40):
        with desk() as terminal:
            key = threading.Timer(when.uniform(0, 0.008), os.write, (terminal._write, b"\x03"))
            key.start()
            shell.run("bash --norc", terminal, SECONDS)
            key.join()
        assert shell.run(f"echo {number}", Silent(), SECONDS) == Result("prompt", 0, b"%d\r\n" % number)
        while shell.foreground() != shell.pid:
            shell.run("exit", Silent(), SECONDS)


def test_a_ctrl_c_is_pressed_again_once_and_then_it_is_a_stranger(shell: PtyShell) -> None:
    line = "PS1='mine$ '; unset PROMPT_COMMAND; sh -c 'echo go; sleep 1000'"
    with desk((b"go", b"\x03"), (NOTICE, b"echo alive\r"), (b"alive\r\n", b"exit\r")) as terminal:
        assert shell.run(line, terminal, SECONDS).state == "closed"
    assert terminal.screen.count(b"^C") == 2


def test_nor_where_our_shell_waits_for_another_program(shell: PtyShell) -> None:
    program = (
        f"trap 'echo caught' INT; stty -icanon; echo go; for i in 1 2 3; do sleep {LULL / 2 + 0.1}; done"
    )
    with desk((b"go", b"\x03")) as terminal:
        assert shell.run(f'(sh -c "{program}"; stty sane; exit 4)', terminal, SECONDS).status == 4
    assert terminal.screen.count(b"caught") == 1


@pytest.mark.parametrize("inner", ["bash --rcfile /dev/null", "bash --norc -o vi"])
def test_a_shell_with_options_is_known(shell: PtyShell, inner: str) -> None:
    shell.run(inner, Silent(), SECONDS)
    assert shell_kind(shell.foreground() or 0, shell._follower._scanner._nonce.decode()) == "known"


def test_a_shell_without_marks_is_passed_through(shell: PtyShell) -> None:
    with desk((b"bare> ", b"echo in$((1+1))side\r"), (b"in2side\r\n", GUIDE)) as terminal:
        assert shell.run("env -i PS1='bare> ' bash --norc --noprofile", terminal, SECONDS).state == "away"
    with desk((b"typed\r\n", b"exit 9\r")) as terminal:
        # A line that is run while a program has the terminal is for that program.
        assert shell.run("echo typed", terminal, SECONDS).status == 9


def test_the_end_of_the_keyboard_is_like_the_guides_key(shell: PtyShell) -> None:
    read, write = os.pipe()
    os.close(write)

    class Gone(Silent):
        def keys(self) -> int:
            return read

    assert shell.run("sleep 1000", Gone()).state == "away"
    os.close(read)


SIZE_WATCHER = """
import os, select, signal
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b"%d %d\\n" % os.get_terminal_size()[::-1]))
print("ready", flush=True)
next(filter(None, iter(lambda: select.select([0], [], [], 0.05)[0], 0)))
input()
""".strip().replace("\n", "; ")


def test_the_size_follows_the_terminal(shell: PtyShell) -> None:
    def grow() -> None:
        terminal.rows_columns = (40, 100)
        os.kill(os.getpid(), signal.SIGWINCH)

    with desk((b"ready", grow), (b"40 100", b"\r"), size=(20, 60)) as terminal:
        result = shell.run(f"stty size; {sys.executable} -c '{SIZE_WATCHER}'", terminal, SECONDS)
    assert (result.state, result.status) == ("prompt", 0)
    assert terminal.screen.startswith(b"20 60\r\n")
    assert signal.getsignal(signal.SIGWINCH) == signal.SIG_DFL


def test_what_a_killed_program_left_on_is_switched_off(shell: PtyShell) -> None:
    with desk() as terminal:
        result = shell.run(
            r"sh -c 'printf \"\033[?1049h\033[?25l\033[?2004h\"; kill -9 $$'".replace('\\"', '"'),
            terminal,
            SECONDS,
        )
    assert result.status == 137
    assert terminal.screen.endswith(b"\x1b[?2004l\x1b[?25h\x1b[?1049l")
    assert b"\x1b[?2004l" not in result.output


def test_a_full_screen_program_is_left_and_drawn_again(shell: PtyShell) -> None:
    with desk((b"ready", GUIDE)) as terminal:
        left = shell.run(f"printf '\\e[?1049h'; {sys.executable} -c '{SIZE_WATCHER}'", terminal, SECONDS)
    assert left.state == "away"
    assert terminal.screen.endswith(b"\x1b[?1049l")
    with desk((b"\x1b[?1049h", b""), (b"24 80", b"\r")) as terminal:
        assert shell.resume(terminal, SECONDS).state == "prompt"
    assert terminal.screen.endswith(b"\x1b[?1049l")


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("vi -u NONE -N", ((b"~", b"ione\x1b:q!\r"),)),
        ("vi -u NONE -N; echo out", ((b"~", b":!echo sub\r"), (b"sub", b"\r"), (b"~", b":q\r"))),
        ("top", ((b"load average", b"q"),)),
        ("less /etc/passwd", ((b"root", b"q"),)),
    ],
)
def test_full_screen_programs(shell: PtyShell, line: str, script: tuple[tuple[bytes, bytes], ...]) -> None:
    if shutil.which(line.split()[0]) is None:
        pytest.skip(f"needs {line.split()[0]}")
    with desk(*script) as terminal:
        assert shell.run(line, terminal, SECONDS).state == "prompt"
    assert shell.run("echo next", Silent()) == Result("prompt", 0, b"next\r\n")


@pytest.mark.parametrize("line", ["vi -u NONE -N", "top", "less /etc/passwd"])
def test_full_screen_programs_with_nobody_at_the_keys_are_stopped(shell: PtyShell, line: str) -> None:
    if shutil.which(line.split()[0]) is None:
        pytest.skip(f"needs {line.split()[0]}")
    assert shell.run(line, Silent(), 0.2).state == "timeout"
    assert shell.run("echo next", Silent()) == Result("prompt", 0, b"next\r\n")


def test_the_shell_ends_under_the_learner(shell: PtyShell) -> None:
    with desk((b"go", lambda: os.kill(shell.pid, signal.SIGKILL))) as terminal:
        assert shell.run("sh -c 'echo go; sleep 1000'", terminal, SECONDS).state == "closed"
    assert not shell.alive


@pytest.mark.parametrize("line", ["env -i bash --norc", "env -i sh"])
def test_a_shell_without_marks_is_told_of_once(shell: PtyShell, line: str) -> None:
    end = NOTICE.splitlines()[-1]
    with desk((end, b"echo $((6*7))\r"), (b"42", b"exit\r")) as terminal:
        result = shell.run(line, terminal, SECONDS)
        assert result.state == "prompt" and terminal.screen.count(end) == 1


def test_a_shell_that_lost_its_marks_is_told_of(shell: PtyShell) -> None:
    shell.run("bash --norc", Silent())
    with desk((NOTICE.splitlines()[-1], b"exit\r")) as terminal:
        assert shell.run("exec env -i bash --norc", terminal, SECONDS).state == "prompt"
    assert shell.foreground() == shell.pid


def test_a_shell_that_asks_is_none_without_marks(shell: PtyShell) -> None:
    """`read` waits in the shell itself, a script in one of its own."""
    for line in ("read -p 'name? '", "env -i sh -c 'printf name?; read x'"):
        with desk() as terminal:
            answer = threading.Timer(LULL + 0.5, lambda to=terminal: os.write(to._write, b"x\r"))
            answer.start()
            assert shell.run(line, terminal, SECONDS).status == 0
            assert NOTICE.splitlines()[0] not in terminal.screen
