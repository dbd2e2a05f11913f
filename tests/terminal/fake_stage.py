"""The stage over a host that is made up: nothing needs root. Run by the tests."""

from __future__ import annotations

import os
import select
import signal
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from fake_host import COURSE, EFFECTS, FRONTS, SHELLS, FakeHost, machine
from scripted import ScriptedShell
from stage_builders import TRACK

from workshop.cli import parser
from workshop.errors import WorkshopError
from workshop.lesson import ShellName
from workshop.session import Session
from workshop.shell import Result, Terminal
from workshop.ui.present import perform, require_stage


class Shell(ScriptedShell):
    """Knows a few programs that want keys, or the whole screen."""

    def run(self, line: str, terminal: Terminal, timeout: float | None = None) -> Result:
        match line.split():
            case ["ask"]:
                terminal.write(b"name? ")
                keys = self._until(terminal, b"\r\x03\x1d")
                output = b"name? " + repr(keys).encode() + b"\r\n"
                terminal.write(repr(keys).encode() + b"\r\n")
                self.typed.append(line)
                return Result("away" if b"\x1d" in keys else "prompt", 0, output)
            case ["vi"]:
                terminal.write(b"\x1b[?1049h\x1b[H\x1b[2Jthe editor\x1b[10;1H~")
                keys = self._until(terminal, b"q")
                terminal.write(b"\x1b[?1049l")
                self.typed.append(line)
                return Result("prompt", 0, b"\x1b[?1049h\x1b[10;1Hthe editor" + repr(keys).encode())
            case ["size"]:
                output = f"{terminal.size()}\r\n".encode()
                terminal.write(output)
                return Result("prompt", 0, output)
            case ["typed"]:
                output = f"{self.typed}\r\n".encode()
                terminal.write(output)
                return Result("prompt", 0, output)
            case ["crash"]:
                raise RuntimeError("on purpose")
            case _:
                return super().run(line, terminal, timeout)

    @staticmethod
    def _until(terminal: Terminal, ends: bytes) -> bytes:
        fd = terminal.keys()
        assert fd is not None
        keys = b""
        while not any(end in keys for end in ends):
            select.select([fd], [], [])
            keys += os.read(fd, 100)
        return keys


class Host(FakeHost):
    def _shell(self, name: ShellName) -> ScriptedShell:
        plain = super()._shell(name)
        return Shell(plain._script, name=name, pid=SHELLS[name])


def main() -> int:
    steps = tuple(step for lesson in COURSE.lessons for step in lesson.steps)
    course = replace(COURSE, tracks={"talk": TRACK})
    session = Session(course, steps, Host(EFFECTS, fronts=FRONTS, on=machine("root", "zfs")), track=TRACK)  # type: ignore[arg-type]
    require_stage()
    perform(session, TRACK, parser().parse_args(["present", *sys.argv[1:]]))
    return 0


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(main())
    except WorkshopError as error:
        print(error.message, error.hint, file=sys.stderr)
        sys.exit(error.status)
