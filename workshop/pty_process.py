"""The process side of a shell: started on a pty of its own, asked who is in the foreground, ended with all
it began.

pty(7), tcgetpgrp(3), setsid(2), pidfd_open(2), proc_pid_stat(5).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
import tty
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pexpect

from workshop.errors import ShellError
from workshop.frozen import frozen

TIOCGPTPEER = 0x5441
"""Opens the pty's other side, whatever /dev is mounted here: ioctl_tty(2)."""
_BUSY = re.compile(r"^(?:State:\t[RD]|(?:SigPnd|ShdPnd):\t0*[1-9a-f])", re.MULTILINE)
GRACE = {signal.SIGHUP: 0.5, signal.SIGKILL: 10.0}
"""Seconds that processes have to end after a signal. SIGKILL is obeyed as soon as they get to run."""
FEWEST_ROWS = 2
"""In a single row readline scrolls sideways, and where that is narrow as well it draws no prompt."""


@frozen
class Stat:
    """A few fields of /proc/PID/stat."""

    pid: int
    state: str
    group: int
    session: int


class PtyProcess:
    """A program on a pty, started by pexpect. `fd` is the pty's master side, non-blocking."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], size: tuple[int, int]) -> None:
        try:
            child: Any = pexpect.spawn(
                argv[0],
                list(argv[1:]),
                env=dict(env),
                dimensions=_least(size),
                timeout=None,
                preexec_fn=_prepare,
            )
        except (pexpect.ExceptionPexpect, OSError) as error:
            message = f"The shell could not be started: {error}"
            raise ShellError(message, "`workshop doctor` may know why.") from error
        child.delaybeforesend = None
        child.delayafterclose = child.ptyproc.delayafterclose = (
            0  # `close` waits by itself, and no longer than needed
        )
        self.fd: int = child.child_fd
        self.pid: int = child.pid
        self.end = os.pidfd_open(child.pid)
        """Readable once the shell has ended: what it left in the background may hold its terminal open."""
        self._child = child
        self.size = _least(size)
        os.set_inheritable(self.fd, False)
        os.set_blocking(self.fd, False)

    @property
    def alive(self) -> bool:
        return not self._child.closed and bool(self._child.isalive())

    def resize(self, size: tuple[int, int], *, again: bool = False) -> None:
        """TIOCSWINSZ: the kernel sends SIGWINCH to the foreground when the size differs, or is to be told
        again."""
        size = _least(size)
        if again:
            self._set_size((size[0] + (1 if size[0] == FEWEST_ROWS else -1), size[1]))
        if again or size != self.size:
            self._set_size(size)

    def _set_size(self, size: tuple[int, int]) -> None:
        self.size = size
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def group(self) -> int:
        """The foreground process group, tcgetpgrp(3), in our pid namespace; 0 when there is none."""
        try:
            return os.tcgetpgrp(self.fd)
        except OSError:
            return 0

    def foreground(self) -> int | None:
        """The leader of the foreground group, or a living member of it when the leader has ended."""
        group = self.group()
        if group <= 0:
            return None
        if (leader := stat(group)) is not None and leader.state not in "ZX":
            return group
        return min((p.pid for p in processes() if p.group == group and p.state not in "ZX"), default=None)

    def signal_foreground(self, number: signal.Signals) -> None:
        group = self.group()
        if group > 1 and group != os.getpgrp():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)

    def busy(self) -> bool:
        """Is the process in the foreground on its way to a processor, or a signal on its way to it?
        proc_pid_status(5): State, SigPnd, ShdPnd."""
        pid = self.foreground()
        try:
            text = Path(f"/proc/{pid}/status").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return _BUSY.search(text) is not None

    def line_mode(self) -> tuple[bool, bool, bytes]:
        """ICANON and ECHO of the terminal, and its end-of-file character: termios(3)."""
        mode = self._mode()
        if mode is None:
            return False, False, b"\x04"
        flags, characters = mode
        return bool(flags & termios.ICANON), bool(flags & termios.ECHO), characters[termios.VEOF]

    def interruptible(self) -> bool:
        """Does a program edit lines by itself on the terminal, alone in its process group, with Ctrl-C as a
        signal? One that waits for another is not alone. termios(3): ICANON, ISIG, VINTR."""
        mode = self._mode()
        if mode is None:
            return False
        flags, characters = mode
        signals = flags & termios.ISIG and not flags & termios.ICANON and characters[termios.VINTR] == b"\x03"
        group = self.group()
        return bool(signals) and sum(p.group == group and p.state not in "ZX" for p in processes()) == 1

    def _mode(self) -> tuple[int, list[Any]] | None:
        """The terminal's local flags and its control characters; None where it has gone."""
        try:
            attributes = termios.tcgetattr(self.fd)
        except (OSError, termios.error):
            return None
        return attributes[tty.LFLAG], attributes[tty.CC]

    def unread(self) -> int:
        """How many typed bytes nobody has read yet: FIONREAD on the terminal's other side."""
        try:
            other = fcntl.ioctl(self.fd, TIOCGPTPEER, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return 0
        try:
            return int(struct.unpack("i", fcntl.ioctl(other, termios.FIONREAD, b"\0\0\0\0"))[0])
        except OSError:
            return 0
        finally:
            os.close(other)

    def close(self) -> None:
        """Hang up: SIGHUP to all of the session, SIGKILL to what stays; nothing is left of it here."""
        if self._child.closed:
            return
        # The leader last: `nsenter` has to reap the shell; a zombie keeps a pid namespace from ending.
        for number in (signal.SIGHUP, signal.SIGKILL):
            others = [p.pid for p in processes() if p.session == self.pid != p.pid and p.state != "Z"]
            if not others:
                break
            _end(others, number)
        for number in (signal.SIGHUP, signal.SIGKILL):
            _end((self.pid,), number)
        with contextlib.suppress(pexpect.ExceptionPexpect):
            self._child.close(force=True)
        os.close(self.end)
        self.fd = self.end = -1


def _least(size: tuple[int, int]) -> tuple[int, int]:
    return max(FEWEST_ROWS, size[0]), size[1]


def stat(pid: int) -> Stat | None:
    """proc_pid_stat(5); the name in it may hold blanks and parentheses."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(pid, fields[0], int(fields[2]), int(fields[3]))


def processes() -> Iterator[Stat]:
    """All of them, /proc/*/stat."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := stat(int(entry.name))) is not None:
            yield found


def _prepare() -> None:
    """Python ignores SIGPIPE and SIGXFSZ, the guide SIGTSTP; a shell that starts so could not change it. And
    Ctrl-S does not stop the output for ever: who presses it by mistake would have to know of Ctrl-Q."""
    mode = termios.tcgetattr(0)
    mode[tty.IFLAG] &= ~termios.IXON
    termios.tcsetattr(0, termios.TCSANOW, mode)
    for number in (
        signal.SIGPIPE,
        signal.SIGXFSZ,
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTSTP,
    ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


@contextlib.contextmanager
def _watched(pids: Iterable[int]) -> Iterator[list[int]]:
    """pidfds of the processes: a number that is used again cannot be hit by mistake."""
    handles: list[int] = []
    try:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                handles.append(os.pidfd_open(pid))
        yield handles
    finally:
        for handle in handles:
            os.close(handle)


def _end(pids: Iterable[int], number: signal.Signals) -> None:
    """Send the signal, also to those that are stopped, and wait until they have ended."""
    with _watched(pids) as handles:
        _send(handles, number)
        _send(handles, signal.SIGCONT)
        _wait(handles, GRACE[number])


def _send(handles: Iterable[int], number: signal.Signals) -> None:
    for handle in handles:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(handle, number)


def _wait(handles: Iterable[int], seconds: float) -> None:
    """Until all have ended (a pidfd is readable then), or the time is over."""
    poll = select.poll()
    waiting = set(handles)
    for handle in waiting:
        poll.register(handle, select.POLLIN)
    deadline = time.monotonic() + seconds
    while waiting and (left := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(left * 1000):
            poll.unregister(handle)
            waiting.discard(handle)
