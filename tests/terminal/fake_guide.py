"""The guided shell over a session that is made up: nothing needs root, and every state can be had. Run by the
tests."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

from workshop import events
from workshop.errors import UsageError, WorkshopError
from workshop.kernel.diff import Change
from workshop.kernel.model import Snapshot
from workshop.kernel.syscalls import Call
from workshop.kernel.verdict import Evidence, missed, passed
from workshop.lesson import Course, Diagnosis, Lesson, Place, Script, Step
from workshop.trail import Did
from workshop.ui.learn import learn
from workshop.ui.terminal import require_terminal

HERE = Place("lessons/03-process-trees.md", 1)
STEPS = (
    Step(
        "process-trees/become-pid-1",
        "Become PID 1",
        "A process in a **new** pid namespace has `1` as its pid.\n\nMake one.",
        HERE,
        watch=("namespaces", "processes"),
        solutions=(Script(("unshare --pid --fork bash",), HERE),),
        hints=("Which option makes a *child*?",),
        why="The first process of a pid namespace is its init.",
        docker="`runc` does the same with `clone`.",
    ),
    Step(
        "process-trees/orphans",
        "Orphans",
        "Who is their parent?",
        HERE,
        ask="Whose child?",
        choices=("init", "bash"),
    ),
)
LESSON = Lesson("process-trees", 3, "Process trees", 4, "About *processes*.", HERE, steps=STEPS)
NO_FORK = Diagnosis(
    "no-fork", "No child was made", "`unshare` itself stays.", "Add `--fork`.", HERE, "Cannot allocate"
)


@dataclass
class FakeShell:
    pid: int
    fd: int
    alive: bool = True
    inner: int | None = None

    def foreground(self) -> int | None:
        return self.inner or self.pid

    def drain(self) -> bytes:
        return os.read(self.fd, 4096)

    def interrupt(self) -> None:
        """Ctrl-C at PS2."""


class FakeSession:
    def __init__(self) -> None:
        options = {"unshare": {"--pid": "new pid namespace", "--fork": "start the program as a child"}}
        self.course = Course((LESSON,), diagnoses={"no-fork": NO_FORK}, options=options)
        self.steps = STEPS
        self.step = STEPS[0]
        self.lesson = LESSON
        self.active: Any = "host"
        read, self.background = os.pipe()
        self.shells = {"host": FakeShell(10, read), "container": FakeShell(20, os.pipe()[0])}
        self.judged: events.Judged | None = None
        self.calls: tuple[Call, ...] | None = None
        self.watch_calls = False
        self.result: Any = None
        self.now = Snapshot(1, {}, {})
        self.track = None
        self.host = SimpleNamespace(proc=Path("/proc"), problems=())
        self.machine = SimpleNamespace(capabilities={})
        self._hints = 0
        self.typed: list[Did] = []
        self._passed: set[str] = set()

    def _chatter(self) -> None:
        """Line after line, each when the one before was taken."""
        source = self.shells["host"].fd
        for number in range(300):
            os.write(self.background, f"line {number}\r\n".encode())
            while select.select([source], [], [], 0)[0]:
                os.sched_yield()

    def enter(self, step_id: str) -> Iterator[events.Event]:
        yield events.Working("A fresh lab", 0.5)
        self.step = next(step for step in STEPS if step.id == step_id)
        self.judged = None
        yield events.Entered(LESSON, self.step, True)

    def next(self) -> Iterator[events.Event]:
        last = self.step is STEPS[-1]
        yield events.Advanced(self.step, None if last else STEPS[1])
        if not last:
            yield from self.enter(STEPS[1].id)

    def back(self) -> Iterator[events.Event]:
        if self.step is STEPS[0]:
            raise UsageError("This is the first step.", "`:next` goes on.")
        yield from self.enter(STEPS[0].id)

    def undo(self) -> Iterator[events.Event]:
        yield events.Undone(self.typed.pop().line)

    def interrupt(self) -> None:
        self.shells[self.active].interrupt()

    @property
    def trail(self) -> tuple[Did, ...]:
        return tuple(self.typed)

    left_over = ()

    def leave(self) -> None:
        """Nothing is kept."""

    def how(self, step_id: str) -> None:
        return None

    def reset(self, scope: str) -> Iterator[events.Event]:
        yield from self.enter(self.step.id)

    def run(self, line: str, terminal: Any) -> Iterator[events.Event]:
        self.typed.append(Did(self.active, line, ("+ a thing that it made",)))
        shell = self.shells[self.active]
        output, state = b"", "prompt"
        changes: tuple[Change, ...] = ()
        status: int | None = 0
        match line.split():
            case ["unshare", "--pid", "--fork", *_]:
                changes = (
                    Change(
                        "namespaces",
                        "changed",
                        "pid of bash 42",
                        "4026531836",
                        "4026532281",
                        "/proc/42/ns/pid",
                    ),
                )
                shell.inner, status = 42, None
            case ["unshare", *_]:
                output, status = b"bash: fork: Cannot allocate memory\r\n", 254
            case ["mount", *_]:
                changes = (Change("namespaces", "changed", "mnt of bash 10", "1", line, "/proc/10/ns/mnt"),)
            case ["exit"]:
                changes = (Change("namespaces", "changed", "mnt of bash 10", "1", "2", "/proc/10/ns/mnt"),)
                state, status = "closed", None
            case ["job"]:
                changes = (Change("processes", "added", "sleep (9)", None, "9", "/proc/9"),)
            case ["cat", "<<E"]:
                state, status = "more", None
            case ["vi"]:
                output, state, status = b"\x1b[?1049hthe editor\x1b[?1049l", "away", None
            case ["ask"]:
                typed = b""
                with terminal:
                    terminal.write(b"name? ")  # who sees it finds the terminal raw
                    while not typed.endswith(b"\r"):
                        typed += os.read(terminal.keys(), 1)
                output = b"keys " + repr(typed).encode() + b"\r\n"
            case ["later"]:
                os.write(self.background, b"from behind\r\n")
            case ["chatter"]:
                Thread(target=self._chatter, daemon=True).start()
            case ["crash"]:
                raise RuntimeError("on purpose")
            case ["size"]:
                output = f"{terminal.size()}\r\n".encode()
            case ["E"]:
                output = b"heredoc over\r\n"
            case [*words]:
                output = " ".join(words).encode()
        terminal.write(output)
        yield from self._after(line, output, state, changes, status)

    def _after(
        self, line: str, output: bytes, state: str, changes: Any, status: int | None
    ) -> Iterator[events.Event]:
        self.result = SimpleNamespace(state=state, status=status, output=output)
        yield events.Ended(self.active, line, status, 0.1)
        calls = (Call(41, "unshare", "CLONE_NEWPID", 0, None, "Children get a new pid namespace."),)
        yield events.Observed(changes, calls if self.watch_calls else None, "not watched")
        yield from self.check()

    def resume(self, terminal: Any) -> Iterator[events.Event]:
        terminal.write(b"editor ends\r\n")
        yield from self._after("", b"editor ends\r\n", "prompt", (), 0)

    def send_eof(self, terminal: Any) -> Iterator[events.Event]:
        self.shells[self.active].inner = None
        yield from self._after("exit", b"", "prompt", (), 0)

    def check(self) -> Iterator[events.Event]:
        inner = self.shells["host"].inner
        proof = (Evidence("pid namespace", "4026532281", "/proc/42/ns/pid"),)
        if inner:
            verdict = passed("a new pid namespace", "bash is in a pid namespace of its own", proof)
        else:
            verdict = missed(
                "a new pid namespace",
                "it is the host's",
                (Evidence("pid namespace", "1", "/proc/10/ns/pid"),),
            )
        output = self.result.output if self.result else b""
        was = self.judged is not None and self.judged.passed
        known = (NO_FORK,) if b"Cannot" in output else ()
        self.judged = events.Judged(self.step, (verdict,), known, tuple(each.id for each in known))
        yield self.judged
        if inner and not was:
            yield events.Passed(self.step)

    def answer(self, text: str) -> Iterator[events.Event]:
        self.judged = events.Judged(self.step, (passed("init", f"you said {text}"),), ())
        yield self.judged
        yield events.Passed(self.step)

    revealed = False

    def reveal(self) -> tuple[tuple[str, ...], ...]:
        return self.solutions()

    def solutions(self) -> tuple[tuple[str, ...], ...]:
        return tuple(script.lines for script in self.step.solutions)

    def next_line(self) -> str | None:
        return (
            None
            if self.judged and self.judged.passed
            else next((s.lines[0] for s in self.step.solutions), None)
        )

    def text(self, markdown: str) -> str:
        return markdown

    @property
    def half_way(self) -> bool:
        return False

    def hint(self) -> str | None:
        self._hints += 1
        return self.step.hints[self._hints - 1] if self._hints <= len(self.step.hints) else None

    @property
    def hints_left(self) -> int:
        return len(self.step.hints) - self._hints

    def switch(self, shell: Any) -> None:
        self.active = shell

    def done(self, step_id: str) -> bool:
        return False

    def where(self) -> Any:
        inner = self.shells[self.active].inner
        return SimpleNamespace(
            shell=self.active,
            pid=os.getpid(),
            differs=("pid",) if inner else (),
            root="/",
            cwd="/lab",
            user="#",
            comm="vi",
        )


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        require_terminal()
        sys.exit(learn(FakeSession(), STEPS[0].id))  # type: ignore[arg-type]
    except WorkshopError as error:
        print(error.message, error.hint, file=sys.stderr)
        sys.exit(error.status)
