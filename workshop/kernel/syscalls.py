"""The system calls behind a line, as they were really made: strace(1), attached from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from workshop.frozen import frozen
from workshop.kernel import meanings, strace
from workshop.kernel.procfs import read_nspids, read_status

ATTACHING = 10.0
"""Seconds that strace may take to attach."""
ANSWERING = 5.0
"""Seconds that the reading thread may take to catch up."""
_MARK = b"\n\0mark\n"
_END = b"\n\0end\n"


@frozen
class Call:
    """One system call that was made. `pid` is the caller's number in the lab; `args` the arguments as
    strace prints them; `error` the errno's name (`EPERM`) when it failed, then `result` is -1; `result` None:
    the call did not return (yet). `meaning` is one plain sentence."""

    pid: int
    name: str
    args: str
    result: int | None
    error: str | None
    meaning: str


class Decoder:
    """Lines of strace to calls: halves are joined, noise is dropped, order is that in which calls began."""

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._begun: dict[int, tuple[int, strace.Line]] = {}
        self._done: list[tuple[int, Call]] = []
        self._count = 0
        self._inner: dict[int, int] = {}

    def feed(self, text: str) -> None:
        try:
            line = strace.parse_line(text)
        except ValueError:
            return  # a signal, an end, a complaint
        self._count += 1
        number = self._count
        if line.half == "begun":
            self._begun[line.pid] = (number, line)
            self._translate(line.pid)
            return
        if line.half == "resumed":
            begun = self._begun.pop(line.pid, None)
            if begun is None or begun[1].name != line.name:
                return
            number, line = begun[0], strace.join(begun[1], line)
        if line.result is None and line.name not in ("execve", "execveat"):
            return  # interrupted, to be made again
        said = meanings.meaning(line.name, line.args, line.result, line.error)
        if said is not None:
            pid = self._translate(line.pid)
            self._done.append((number, Call(pid, line.name, line.args, line.result, line.error, said)))

    def take(self) -> tuple[Call, ...]:
        """What has been understood since the last time."""
        done, self._done = sorted(self._done, key=lambda pair: pair[0]), []
        return tuple(call for _, call in done)

    def _translate(self, outer: int) -> int:
        """strace counts as the machine does; asked at once, since the process may be gone soon. A process
        that was gone already keeps the machine's number."""
        if self._depth == 0:
            return outer
        if outer not in self._inner:
            pids = read_nspids("/proc", outer)
            if pids is None or len(pids) <= self._depth:
                return outer
            self._inner[outer] = pids[self._depth]
        return self._inner[outer]


class Tracer:
    """strace on the process `pid` and all that it starts. The process stays usable: when strace ends, however
    that happens, the kernel lets it go on.

    `pid` counts as the machine does, and `depth` says how many pid namespaces further in the lab is.
    `why` says why there is nothing to see; it is empty while all is well.
    """

    def __init__(self, pid: int, depth: int = 0) -> None:
        self.why = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._decoder = Decoder(depth)
        self._lock = threading.Lock()
        self._caught_up = threading.Event()
        self._write = -1
        program = shutil.which("strace")
        if program is None:
            self.why = "strace is not installed (apt install strace)"
            return
        status = read_status("/proc", pid)
        if status is None:
            self.why = "the process is gone"
            return
        if status.get("TracerPid", "0") != "0":
            self.why = f"another program (process {status['TracerPid']}) is tracing the shell already"
            return
        self._start(program, pid)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def drain(self) -> tuple[Call, ...] | None:
        """The calls that were made since the last time; None, and `why`, when they cannot be watched.

        strace prints a call before it lets the caller go on. So when a prompt is seen, all that came before
        it is in the pipe, and it is enough that the thread gets to a mark put in behind it.
        """
        if self._process is None:
            return None
        ended = self._process.poll() is not None
        self._caught_up.clear()
        os.write(self._write, _MARK)
        self._caught_up.wait(ANSWERING)
        with self._lock:
            calls = self._decoder.take()
        if ended:
            self.why = "strace has ended"
            self.close()
            return calls or None
        return calls

    def close(self) -> None:
        """Detaches; what was traced runs on."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(ATTACHING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process = None
        if self._write >= 0:
            os.write(self._write, _END)
            os.close(self._write)
            self._write = -1
            self._thread.join(ANSWERING)

    def _start(self, program: str, pid: int) -> None:
        read, self._write = os.pipe()
        self._thread = threading.Thread(target=self._read, args=(read,), name="strace", daemon=True)
        self._thread.start()
        calls = ",".join(
            f"?{name}" for name in meanings.TRACED
        )  # ?: no error where this machine has no such call
        options = ["-f", "-qq", "-s", "80", "-e", f"trace={calls}", "-e", "signal=none"]
        options += ["-o", f"/proc/self/fd/{self._write}"]
        # strace follows children to come, not those that are there
        for each in (pid, *_descendants(pid)):
            options += ["-p", str(each)]
        self._process = subprocess.Popen(
            [*_dies_with_us(), program, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(self._write,),
            # Its own group: a Ctrl-C in the terminal is not for it.
            process_group=0,
        )
        if not self._attached(pid):
            self.why = self._complaint(self._process.stderr)
            self.close()

    def _attached(self, pid: int) -> bool:
        assert self._process is not None
        until = time.monotonic() + ATTACHING
        while self._process.poll() is None and time.monotonic() < until:
            status = read_status("/proc", pid)
            if status is None:
                return False
            if status.get("TracerPid") == str(self._process.pid):
                return True
            time.sleep(0.001)
        return False

    def _complaint(self, errors: IO[bytes] | None) -> str:
        assert self._process is not None
        self._process.terminate()
        said = errors.read().decode(errors="replace").strip() if errors else ""
        if "not permitted" in said:
            return _not_permitted()
        return f"strace could not attach: {said.splitlines()[0]}" if said else "strace could not attach"

    def _read(self, fd: int) -> None:
        """The thread: decodes lines as they come. Pids are looked up while the process is still there."""
        with os.fdopen(fd, "rb") as stream:
            for line in stream:
                if line == _MARK[1:]:
                    self._caught_up.set()
                elif line == _END[1:]:
                    return
                elif len(line) > 1 and not _noise(line):
                    with self._lock:
                        self._decoder.feed(line.decode(errors="replace").rstrip("\n"))


def _noise(line: bytes) -> bool:
    """Files opened for reading: by far the most, and of no interest."""
    return b" openat(" in line and b"O_WRONLY" not in line and b"O_RDWR" not in line


def _dies_with_us() -> list[str]:
    """setpriv(1) asks the kernel for a signal to strace when this program dies; strace then detaches."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "TERM", "--"] if program else []


def _not_permitted() -> str:
    with contextlib.suppress(OSError):
        if Path("/proc/sys/kernel/yama/ptrace_scope").read_text().strip() == "3":
            return "tracing is switched off on this machine until it restarts (kernel.yama.ptrace_scope is 3)"
    return "this machine does not permit tracing (CAP_SYS_PTRACE)"


def _descendants(pid: int) -> Iterable[int]:
    """`/proc/PID/task/TID/children`, again and again (proc_tid_children(5))."""
    for file in Path("/proc", str(pid), "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in file.read_text().split():
                yield int(child)
                yield from _descendants(int(child))
