"""The shell, headless: exact ends and exit statuses in every shell that a learner gets into."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.errors import ShellError
from workshop.pty_process import processes
from workshop.shell import PtyShell, Result, Silent

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
QUIET = {"HOME": "/nonexistent", "PATH": os.environ["PATH"], "TERM": "xterm-256color"}


@pytest.fixture
def shell() -> Iterator[PtyShell]:
    made = PtyShell(env=QUIET, timeout=20)
    yield made
    made.close()


def run(shell: PtyShell, line: str, timeout: float | None = None) -> Result:
    silent = Silent()
    result = shell.run(line, silent, timeout)
    assert silent.output.startswith(result.output)  # more may follow: what puts the terminal back to normal
    return result


def ok(output: str, status: int = 0) -> Result:
    return Result("prompt", status, output.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("true", ok("")),
        ("false", ok("", 1)),
        ("", ok("")),
        ("echo hi; (exit 42)", ok("hi\n", 42)),
        ('echo "a   b"', ok("a   b\n")),
        ("echo äöü€🐧", ok("äöü€🐧\n")),
        ("printf 'no newline'", ok("no newline")),
        ("printf '%s' '\t\x01' | od -An -c", ok("  \\t 001\n")),
        ("if )", ok("bash: syntax error near unexpected token `)'\n", 2)),
        ("echo )", ok("bash: syntax error near unexpected token `)'\n", 2)),
        ("no-such-command", ok("bash: no-such-command: command not found\n", 127)),
        ("kill -9 $BASHPID; echo not here", Result("closed", None, b"")),
        ("sh -c 'kill -9 $$'", ok("Killed\n", 137)),
        ("yes | head -1", ok("y\n")),
        ("printf 'bash-5.2# $ \\n# '", ok("bash-5.2# $ \n# ")),
        ("cat <<E\none\n  two\nE", ok("one\n  two\n")),
        ("echo one\nfalse\necho two", ok("one\ntwo\n")),
        ("echo one; echo \\\ntwo", ok("one\ntwo\n")),
        ("exit 3", Result("closed", None, b"exit\r\n")),
    ],
)
def test_a_line_ends_exactly_with_its_status(shell: PtyShell, line: str, expected: Result) -> None:
    assert run(shell, line) == expected
    assert shell.alive == (expected.state != "closed")


def test_state_and_history_stay(shell: PtyShell) -> None:
    assert run(shell, "X=5; cd /usr").status == 0
    assert run(shell, "echo $X $PWD") == ok("5 /usr\n")
    assert run(shell, "!!") == ok("echo $X $PWD\n5 /usr\n")
    assert run(shell, "(exit 9)").status == 9
    assert run(shell, "echo $?") == ok("9\n")
    assert run(shell, "set -x; true").output == b"+ true\r\n"
    assert run(shell, "true") == ok("+ true\n")


def test_an_unfinished_line_wants_more(shell: PtyShell) -> None:
    assert run(shell, "cat <<E") == Result("more", None, b"")
    assert run(shell, "PS1 and $HOME") == Result("more", None, b"")
    assert run(shell, "E") == ok("PS1 and /nonexistent\n")
    assert run(shell, "for i in 1 2") == Result("more", None, b"")
    assert shell.interrupt().state == "prompt"
    assert run(shell, "echo whole") == ok("whole\n")


@pytest.mark.parametrize("inner", ["bash --norc", "dash", "bash --norc --noediting", "TERM=dumb bash --norc"])
def test_nested_shells(shell: PtyShell, inner: str) -> None:
    assert run(shell, inner) == Result("prompt", None, b"")
    assert run(shell, "echo hi; (exit 4)") == ok("hi\n", 4)
    assert run(shell, "cat <<E").state == "more"
    assert run(shell, "body").state == "more"
    assert run(shell, "E") == ok("body\n")
    long = "x" * 20_000
    assert run(shell, f"echo {long}") == ok(f"{long}\n")
    assert run(shell, f"echo é {'y' * 100}") == ok(f"é {'y' * 100}\n")
    assert run(shell, inner) == Result("prompt", None, b"")
    assert run(shell, "exit 5").status == 5
    assert run(shell, "exit 6").status == 6
    assert run(shell, "echo out") == ok("out\n")


def test_a_start_up_file_with_a_prompt_of_its_own(shell: PtyShell, tmp_path: Path) -> None:
    rc = tmp_path / "rc"
    rc.write_text("PS1='mine$ ' PS0='start ' PS2='go on> '\n")
    assert run(shell, f"bash --rcfile {rc}") == Result("prompt", None, b"")
    assert run(shell, "echo hi") == ok("hi\n")
    assert run(shell, "dash") == Result("prompt", None, b"")
    assert run(shell, "(exit 3)") == ok("", 3)


def test_marks_in_a_programs_output_move_nothing(shell: PtyShell) -> None:
    line = r"printf 'a\e]133;A\ab\e]133;D;9\e\\c\e]133;A;0000000000000000;1;1;;C\ad'; env; (exit 8)"
    result = run(shell, line)
    assert (result.state, result.status) == ("prompt", 8)
    assert result.output.startswith(b"abcd")
    assert b"\x1b]133" not in result.output
    assert run(shell, "echo next") == ok("next\n")


def test_a_resize_at_the_prompt_ends_no_line(shell: PtyShell) -> None:
    for columns in range(30, 60):
        silent = Silent((20, columns))
        assert shell.run("echo hi; stty size", silent) == ok(f"hi\n20 {columns}\n")
        assert shell.drain() == b""


def test_a_terminal_of_one_cell_ends_a_line(shell: PtyShell) -> None:
    silent = Silent((1, 1))
    for _ in range(2):
        assert shell.run("stty size", silent) == ok("2 1\n")


def test_bytes_that_are_no_utf8_and_a_flood(shell: PtyShell) -> None:
    assert run(shell, r"stty -opost; printf '\377\376\200\0\033x'; stty opost") == Result(
        "prompt", 0, b"\xff\xfe\x80\0\x1bx"
    )
    total = 0

    class Counting(Silent):
        def write(self, data: bytes) -> None:
            nonlocal total
            total += len(data)
            super().write(data)

    result = shell.run("head -c 10000000 /dev/zero | tr '\\0' x; (exit 6)", Counting())
    assert (result.status, total, result.output) == (6, 10_000_000, b"x" * 65536)


def test_jobs_are_heard_of_later(shell: PtyShell, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert run(shell, f"(read x < {fifo}; echo $x) &").status == 0
    assert shell.drain() == b""
    fifo.write_text("from a job\n")
    heard = b""
    while not heard.endswith(b"\n"):
        heard += shell.drain()
    assert heard == b"from a job\r\n"
    stopped = run(shell, "sleep 1000 & kill $!; wait $!")
    assert stopped.status == 143
    assert b"Terminated" in stopped.output


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("cat", 130),
        ("read x", 130),
        ("trap '' INT; sleep 1000", 131),
        ("(trap '' INT QUIT; sleep 1000)", 129),
        ("(trap '' INT QUIT HUP; sleep 1000)", 137),
        ("while :; do :; done", 130),
    ],
)
def test_what_waits_for_ever_is_stopped(shell: PtyShell, line: str, status: int) -> None:
    result = run(shell, line, 0.1)
    assert (result.state, result.status) == ("timeout", status)
    assert run(shell, "echo next") == ok("next\n")


def test_a_program_that_asks_the_terminal_is_answered(shell: PtyShell) -> None:
    line = r"""stty -icanon -echo; printf '\e[6n\e[c'; read -d c answer; stty sane; printf %q "$answer" """
    assert run(shell, line).output.endswith(rb"$'\E[1;1R\E[?1;2'")


def test_end_of_input_leaves_one_shell_after_the_other(shell: PtyShell) -> None:
    for inner in ("bash --norc", "dash"):
        run(shell, inner)
    assert shell.send_eof(Silent()).state == "prompt"
    assert shell.send_eof(Silent()) == Result("prompt", 0, b"exit\r\n")
    assert shell.alive
    assert shell.send_eof(Silent()).state == "closed"
    assert not shell.alive
    assert shell.run("true", Silent()).state == "closed"


def test_the_foreground_process(shell: PtyShell, tmp_path: Path) -> None:
    assert shell.foreground() == shell.pid
    inner = tmp_path / "pid"
    run(shell, f"bash --norc -c 'echo $$ > {inner}; exec bash --norc'")
    assert shell.foreground() == int(inner.read_text())
    run(shell, "exit")
    assert shell.foreground() == shell.pid


def test_a_shell_ends_although_a_job_of_its_own_holds_the_terminal(shell: PtyShell) -> None:
    run(shell, "setsid sh -c 'trap \"\" HUP; sleep 1000' &")
    assert run(shell, "exit").state == "closed"


def test_nothing_is_left_of_a_closed_shell() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    shell = PtyShell(env=QUIET)
    run(shell, "sleep 1000 & (trap '' HUP; sleep 1001) & (trap '' HUP; cat | cat) &")
    run(shell, "bash --norc")
    session = {p.pid for p in processes() if p.session == os.getsid(shell.pid)}
    assert len(session) >= 5
    shell.close()
    shell.close()
    assert not session & {p.pid for p in processes() if p.state != "Z"}
    assert not [p for p in processes() if p.pid == shell.pid]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_shell_that_cannot_start() -> None:
    with pytest.raises(ShellError, match="could not be started"):
        PtyShell(("/no/such/program",))
    with pytest.raises(ShellError, match="No such file"):
        _ = PtyShell(cwd="/no/such/folder").pid


def test_messages_are_english_and_the_folder_is_as_asked() -> None:
    shell = PtyShell(env={**QUIET, "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}, cwd="/usr/lib")
    assert run(shell, "pwd; echo ${LC_ALL-none} $LANG") == ok("/usr/lib\nnone C.UTF-8\n")
    shell.close()


# -- as root: namespaces, other roots, other users -----------------------------------------------------------


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root with busybox's ash and, where there is one, a static bash."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("needs busybox (busybox-static)")
    (tmp_path / "bin").mkdir()
    shutil.copy(busybox, tmp_path / "bin/busybox")
    for name in ("sh", "cat", "stty"):
        (tmp_path / "bin" / name).symlink_to("busybox")
    if (bash := shutil.which("bash-static")) is not None:
        shutil.copy(bash, tmp_path / "bin/bash")
    return tmp_path


@ROOT
@pytest.mark.root
def test_pid_namespaces_inside_each_other(shell: PtyShell) -> None:
    enter = "unshare --pid --fork --mount-proc bash --norc"
    assert run(shell, enter) == Result("prompt", None, b"")
    assert run(shell, "echo $$") == ok("1\n")
    first = shell.foreground()
    assert run(shell, enter) == Result("prompt", None, b"")
    assert shell.foreground() not in (first, shell.pid, 1)
    assert run(shell, "echo $$; false") == ok("1\n", 1)
    assert run(shell, "exit 7") == ok("exit\n", 7)
    assert run(shell, "exit 8") == ok("exit\n", 8)
    assert shell.foreground() == shell.pid


@ROOT
@pytest.mark.root
def test_a_shell_that_is_first_in_its_pid_namespace_is_stopped_too(shell: PtyShell) -> None:
    run(shell, "unshare --pid --fork --kill-child --mount-proc bash --norc")
    assert run(shell, "trap '' INT QUIT HUP; sleep 1000", 0.1).state == "timeout"


@ROOT
@pytest.mark.root
def test_busybox_in_a_chroot(shell: PtyShell, image: Path) -> None:
    run(shell, f"cd {image}")
    entered = run(shell, "chroot . /bin/sh")
    assert (entered.state, entered.status) == ("prompt", None)
    assert b"BusyBox" in entered.output
    for _ in range(20):
        assert run(shell, "echo hi") == ok("hi\n")
    assert run(shell, "(exit 3)") == ok("", 3)
    for length in (*range(60, 90), 500):
        assert run(shell, f"echo {'x' * length}") == ok(f"{'x' * length}\n")
    assert run(shell, "cat <<E\na b\nE") == ok("a b\n")
    assert run(shell, "cat <<E").state == "more"
    assert run(shell, "E") == ok("")
    assert run(shell, "echo äö") == ok("äö\n")
    assert run(shell, "nothing").status == 127
    assert run(shell, "echo )").output.startswith(b"/bin/sh: syntax error")
    assert run(shell, "exit 4") == ok("", 4)


@ROOT
@pytest.mark.root
@pytest.mark.parametrize("how", ["chroot . /bin/bash", "unshare --mount --pid --fork chroot . /bin/bash"])
def test_bash_in_a_chroot(shell: PtyShell, image: Path, how: str) -> None:
    if not (image / "bin/bash").exists():
        pytest.skip("needs bash-static")
    run(shell, f"cd {image}")
    assert run(shell, how) == Result("prompt", None, b"")
    assert run(shell, "echo äö; (exit 2)") == ok("äö\n", 2)
    # No locale here: the last byte of this letter alone would be the key Meta-?, which lists all commands.
    assert run(shell, "echo ÿ 😀; (exit 2)") == ok("ÿ 😀\n", 2)
    assert run(shell, "/bin/sh").status is None
    assert run(shell, "(exit 3)") == ok("", 3)
    assert run(shell, "exit").state == "prompt"
    assert run(shell, "exit 4") == ok("exit\n", 4)


@ROOT
@pytest.mark.root
def test_the_lab_is_entered_by_a_prefix() -> None:
    with_prefix = PtyShell(
        ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"), env=QUIET, cwd="/usr"
    )
    assert run(with_prefix, "echo $$; pwd") == ok("1\n/usr\n")
    assert with_prefix.foreground() == with_prefix.pid != 1
    outer = PtyShell(("nsenter", f"--target={with_prefix.pid}", "--pid", "--mount"), env=QUIET)
    assert run(outer, "readlink /proc/1/exe; false").status == 1
    assert run(outer, "nsenter --target=1 --pid --mount bash --norc").status is None
    assert run(outer, "exit 3") == ok("exit\n", 3)
    outer.close()
    pid = with_prefix.pid
    with_prefix.close()
    assert pid not in {p.pid for p in processes() if p.state != "Z"}


@ROOT
@pytest.mark.root
@pytest.mark.parametrize(
    "how", ["su --shell /bin/bash", "sudo --preserve-env=PROMPT_COMMAND,PS0,PS1,PS2 bash --norc"]
)
def test_other_users(shell: PtyShell, how: str) -> None:
    if shutil.which(how.split()[0]) is None:
        pytest.skip(f"needs {how.split()[0]}")
    assert run(shell, how).status is None
    assert run(shell, "echo hi; (exit 3)") == ok("hi\n", 3)
    assert run(shell, "exit 4") == ok("exit\n", 4)
