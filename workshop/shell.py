"""A learner's shell: an ordinary bash on a pty, whose lines have exact ends and exit statuses.

While a command runs, the terminal that a front end lends is passed through both ways. `workshop.marks` says
how the shell tells where it is, `workshop.follow` how that is read.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from workshop.console import Silent
from workshop.errors import ShellError
from workshop.follow import Follower
from workshop.frozen import frozen
from workshop.keystrokes import Reader, clearing, keystrokes
from workshop.marks import Mark, environment, new_nonce
from workshop.passthrough import Passage
from workshop.pty_process import PtyProcess
from workshop.strangers import shell_kind

__all__ = ["PtyShell", "Result", "Shell", "Silent", "State", "Terminal"]

BASH = ("bash", "--norc", "--noprofile", "-i")
START_SECONDS = 60.0
"""How long a shell may take to its first prompt: more than any that will come to one."""
HEADLESS_SECONDS = 60.0
"""How long a line may take when nobody is at the keys, who could press Ctrl-C."""

State = Literal["prompt", "more", "away", "closed", "timeout"]


class Terminal(Protocol):
    """What a front end lends a shell while a line runs. If it is a context manager, it is entered for that
    time."""

    def write(self, data: bytes) -> None: ...

    def keys(self) -> int | None:
        """The file descriptor to read keys from (raw while a line runs); None: nobody is at the keys."""

    def size(self) -> tuple[int, int]:
        """Rows and columns."""


@frozen
class Result:
    state: State
    """`prompt`: the line has ended. `more`: the shell wants the rest of the line. `away`: the learner
    pressed the guide's key, the program stays. `closed`: the shell has ended. `timeout`: the line took too
    long and was stopped."""
    status: int | None
    """`$?` of the line; None when it entered another shell, or is not known."""
    output: bytes
    """The last 64 KiB of what was shown."""


class Shell(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def pid(self) -> int:
        """The top bash, as numbered where the program runs."""

    @property
    def fd(self) -> int:
        """Readable when something was printed, for an event loop."""

    @property
    def alive(self) -> bool: ...

    def run(self, line: str, terminal: Terminal, timeout: float | None = None) -> Result:
        """Type a line (or several) and pass through until the shell is at a prompt again."""

    def resume(self, terminal: Terminal, timeout: float | None = None) -> Result:
        """Pass through again, after "away"."""

    def send_eof(self, terminal: Terminal, timeout: float | None = None) -> Result:
        """Ctrl-D."""

    def interrupt(self) -> Result:
        """Stop what runs: Ctrl-C, and what else it takes."""

    def drain(self) -> bytes:
        """What was printed since, by jobs in the background. Does not wait."""

    def foreground(self) -> int | None:
        """The process that has the terminal, as numbered where the program runs."""

    def close(self) -> None: ...


class PtyShell:
    """bash behind `enter`, an argv prefix such as `("nsenter", "-t", "123", "-a")`; empty: on this machine.

    Starts at once and becomes ready in the background: the first question waits for it.
    """

    def __init__(
        self,
        enter: Sequence[str] = (),
        *,
        name: str = "host",
        size: tuple[int, int] = (24, 80),
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = HEADLESS_SECONDS,
    ) -> None:
        nonce = new_nonce()
        there = ("env", f"--chdir={cwd}") if cwd is not None else ()
        variables = {**_plain(os.environ if env is None else env), **environment(nonce)}
        self.name = name
        self._timeout = timeout
        self._process = PtyProcess((*enter, *there, *BASH), variables, size)
        self._follower = Follower(nonce)
        self._passage = Passage(self._process, self._follower, lambda pid: shell_kind(pid, nonce))
        self._shells: list[tuple[int, int]] = []
        """The shells inside each other: `$$`, which is 1 in every new pid namespace, and the process
        group."""
        self._pid = 0

    @property
    def pid(self) -> int:
        self._ready()
        return self._pid

    @property
    def fd(self) -> int:
        return self._process.fd

    @property
    def alive(self) -> bool:
        return not self._passage.closed and self._process.alive

    def run(self, line: str, terminal: Terminal, timeout: float | None = None) -> Result:
        self._ready()
        shown = b""
        result = Result("closed", None, b"")
        with _lent(terminal):
            self._passage.fit(terminal)
            for part in line.removesuffix("\n").split("\n"):
                if since := self._passage.sync():
                    terminal.write(since)
                self._type(part.encode(errors="surrogateescape"))
                result = self._pass(terminal, timeout)
                shown += result.output
                if result.state not in ("prompt", "more"):
                    break
        return Result(result.state, result.status, shown[-64 * 1024 :])

    def resume(self, terminal: Terminal, timeout: float | None = None) -> Result:
        self._ready()
        with _lent(terminal):
            self._passage.again(terminal)
            return self._pass(terminal, timeout)

    def send_eof(self, terminal: Terminal, timeout: float | None = None) -> Result:
        self._ready()
        self._passage.sync()
        if self._follower.phase == "idle":
            self._follower.typed(b"", echoed=False)
        self._passage.send(self._process.line_mode()[2])
        with _lent(terminal):
            return self._pass(terminal, timeout)

    def interrupt(self) -> Result:
        self._ready()
        self._passage.sync()
        if self._follower.phase == "idle":
            self._follower.typed(b"", echoed=False)
        result = self._pass(Silent(self._process.size), 0)
        if result.state == "timeout" and self._follower.phase == "idle":
            return Result("prompt", result.status, result.output)
        return result

    def drain(self) -> bytes:
        shown = self._passage.sync()
        background = bytes(self._follower.background)
        self._follower.background.clear()
        return shown + background

    def foreground(self) -> int | None:
        self._ready()
        return self._process.foreground()

    def close(self) -> None:
        self._passage.closed = True
        self._process.close()

    def _type(self, line: bytes) -> None:
        follower = self._follower
        pressed = self._passage.unread_keys()
        if follower.phase == "idle" and follower.prompt is not None:
            if pressed:
                self._passage.clear(clearing(self._reader(follower.prompt)))
            reader = self._reader(follower.prompt)
            _, echo, eof = self._process.line_mode()
            if reader == "ash":
                self._passage.asked()
            follower.typed(line, echoed=echo or reader != "tty")
            self._passage.send(*keystrokes(line, reader, eof))
        else:
            self._passage.send(line + b"\n")  # a program has the terminal: the line is for that

    def _reader(self, prompt: Mark) -> Reader:
        """Who reads what is typed at a prompt."""
        if self._process.line_mode()[0]:
            return "tty"
        return "paste" if self._follower.paste else "readline" if prompt.starts else "ash"

    def _pass(self, terminal: Terminal, timeout: float | None) -> Result:
        if timeout is None and terminal.keys() is None:
            timeout = self._timeout
        deadline = None if timeout is None else time.monotonic() + timeout
        how, output = self._passage.through(terminal, deadline)
        if how in ("away", "closed"):
            return Result(how, None, output)
        if self._follower.phase != "idle":
            return Result("timeout", None, output)
        status = self._arrived()
        more = self._follower.prompt is not None and self._follower.prompt.kind == "more"
        if how == "timeout":
            return Result("timeout", status, output)
        return Result("more", None, output) if more else Result("prompt", status, output)

    def _arrived(self) -> int | None:
        """At a prompt: of a shell that we know (its `$?` is the line's), or of one just entered?"""
        prompt = self._follower.prompt
        assert prompt is not None
        here = (prompt.pid, self._process.group())
        if here in self._shells:
            del self._shells[self._shells.index(here) + 1 :]
            return prompt.status
        self._shells.append(here)
        return None

    def _ready(self) -> None:
        """The shell has come to its first prompt."""
        if self._pid or self._passage.closed:
            return
        how = self._passage.first_prompt(time.monotonic() + START_SECONDS)
        if how != "prompt":
            said = self.drain().decode(errors="replace").strip()
            self.close()
            message = f"The {self.name} shell did not start: {said or how}"
            raise ShellError(message, "`workshop doctor` may know why.")
        self._arrived()
        self._pid = self._process.group()


def _lent(terminal: Terminal) -> contextlib.AbstractContextManager[object]:
    return terminal if isinstance(terminal, contextlib.AbstractContextManager) else contextlib.nullcontext()


def _plain(env: Mapping[str, str]) -> dict[str, str]:
    """The environment in which lessons are the same everywhere: English messages (which diagnoses are found
    by), UTF-8 also in a root without locales, and no history file of somebody else's."""
    dropped = ("LANGUAGE", "BASH_ENV", "ENV")
    kept = {k: v for k, v in env.items() if not k.startswith("LC_") and k not in dropped}
    return {"TERM": "xterm-256color", **kept, "LANG": "C.UTF-8", "HISTFILE": ""}
