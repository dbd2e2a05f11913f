"""The real stage on a pty, and somebody who watches its scenes. Waits for states, never for a time."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "terminal"))
from screen import Screen

from workshop import ledger
from workshop.stage import remote
from workshop.stage.desk import Order
from workshop.stage.remote import order_line
from workshop.stage.scene import Scene, from_json

WORKSHOP = (sys.executable, "-m", "workshop")
HOUSE = str(Path(__file__).parents[2])
PATIENCE = 90.0
"""Seconds after which something that is to come counts as never coming."""


def program(state: Path, *words: str, size: tuple[int, int] = (80, 25)) -> Screen:
    env = {"XDG_STATE_HOME": str(state), "NO_COLOR": "", "TERM": "xterm-256color", "PYTHONPATH": HOUSE}
    return Screen((*WORKSHOP, *words), columns=size[0], rows=size[1], env=env)


class NeverError(AssertionError):
    """What was waited for did not come."""


class Watcher:
    """A speaker's screen without a screen: scenes in, orders out. Draws what comes on the stage's screen
    meanwhile, as a terminal that nobody reads fills up."""

    def __init__(self, screen: Screen) -> None:
        path = ledger.home() / f"{screen.pid}{remote.SUFFIX}" / remote.DOOR
        self.screen = screen
        self.socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + PATIENCE
        while self.socket.connect_ex(str(path)) != 0:  # not made yet, or nobody behind it
            assert time.monotonic() < end, screen.transcript
            time.sleep(0.05)
        self._heard = b""
        self._coming: deque[Scene] = deque()
        self.scene = self._next(end)

    def when(self, holds: Callable[[Scene], bool], patience: float = PATIENCE) -> Scene:
        """The next scene of which it is true; the one of now, if it is true of that."""
        end = time.monotonic() + patience
        while not holds(self.scene):
            self.scene = self._next(end)
        return self.scene

    def until(self, **wanted: object) -> Scene:
        return self.when(lambda scene: all(getattr(scene, name) == value for name, value in wanted.items()))

    def order(self, command: str, argument: str = "") -> None:
        self.socket.sendall(order_line(Order(command, argument)))

    def _next(self, end: float) -> Scene:
        while not self._coming:
            fds = (self.screen.fd, self.socket.fileno())
            ready = select.select(fds, [], [], max(0.0, end - time.monotonic()))[0]
            if not ready:
                raise NeverError(f"the last was {getattr(self, 'scene', None)}\n{self.screen.text}")
            if self.screen.fd in ready:
                assert self.screen._read(1), f"the stage has ended\n{self.screen.transcript}"
            if self.socket.fileno() in ready:
                self._hear()
        return self._coming.popleft()

    def _hear(self) -> None:
        data = self.socket.recv(1 << 20)
        assert data, f"the door was closed\n{self.screen.transcript}"
        *lines, self._heard = (self._heard + data).split(b"\n")
        self._coming.extend(from_json(line.decode()) for line in lines)


def kill_container(program: int) -> None:
    """kill -9 of the innermost bash of the lab's shells."""
    inner = [
        int(path.name)
        for path in Path("/proc").glob("[0-9]*")
        if _is_below(int(path.name), program) and _comm(path) == "bash" and _levels(path) == 3
    ]
    assert len(inner) == 1, inner
    os.kill(inner[0], signal.SIGKILL)


def _comm(path: Path) -> str:
    try:
        return (path / "comm").read_text().strip()
    except OSError:
        return ""


def _levels(path: Path) -> int:
    try:
        line = next(x for x in (path / "status").read_text().splitlines() if x.startswith("NSpid:"))
    except (OSError, StopIteration):
        return 0
    return len(line.split()) - 1


def _is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        pid = int(fields[1])
        if pid == ancestor:
            return True
    return False
