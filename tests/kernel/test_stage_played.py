"""The stage on a real kernel: a talk by a nervous speaker, notes that drive, rescue, and what is left."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import lacks

sys.path.insert(0, str(Path(__file__).parents[1] / "terminal"))
from screen import Screen

from workshop import ledger, traces
from workshop.machine import examine
from workshop.stage import remote
from workshop.stage.desk import Order
from workshop.stage.remote import order_line
from workshop.stage.scene import Scene

pytestmark = pytest.mark.root
WORKSHOP = (sys.executable, "-m", "workshop")
HOUSE = str(Path(__file__).parents[2])
NEXT, PANIC, HEAL = "\x1b[6~", "\x1b[20~", "\x1bOS"
PATIENCE = 90.0


def program(state: Path, *words: str, size: tuple[int, int] = (80, 25)) -> Screen:
    env = {"XDG_STATE_HOME": str(state), "NO_COLOR": "", "TERM": "xterm-256color", "PYTHONPATH": HOUSE}
    return Screen((*WORKSHOP, *words), columns=size[0], rows=size[1], env=env)


class Watcher:
    """A speaker's screen without a screen: scenes in, orders out."""

    def __init__(self, pid: int) -> None:
        path = ledger.home() / f"{pid}{remote.SUFFIX}" / remote.DOOR
        end = time.monotonic() + PATIENCE
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        while self.socket.connect_ex(str(path)) != 0:  # not made yet, or nobody behind it
            assert time.monotonic() < end
            time.sleep(0.05)
        self.scenes = remote.scenes(self.socket)
        self.scene = next(self.scenes)

    def until(self, **wanted: object) -> Scene:
        end = time.monotonic() + PATIENCE
        while any(getattr(self.scene, name) != value for name, value in wanted.items()):
            assert time.monotonic() < end, self.scene
            self.scene = next(self.scenes)
        return self.scene

    def order(self, command: str, argument: str = "") -> None:
        self.socket.sendall(order_line(Order(command, argument)))


@pytest.fixture
def show(tmp_path: Path) -> Iterator[tuple[Screen, Watcher]]:
    """The talk, its first step ready; in the end nothing of it is left."""
    with program(tmp_path, "present") as screen:
        watcher = Watcher(screen.pid)
        watcher.until(mode="ready")
        yield screen, watcher
        watcher.socket.close()
        os.kill(screen.pid, signal.SIGTERM)
        screen.wait_end(PATIENCE)
    assert not list(ledger.home().glob(f"{screen.pid}*")) and screen.pid not in traces_of_pids()


def traces_of_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def talk_ids() -> list[str]:
    from workshop.parse import load
    from workshop.selection import select, why_not

    course, capabilities = load(), examine().capabilities
    return [s.id for s in select(course, (), "talk") if not why_not(course, s, capabilities)]


def test_the_whole_talk_by_a_nervous_speaker(tmp_path: Path) -> None:
    """Too many keys, wrong keys, an early Enter, resizing, a jump back: in the end every step is passed."""
    if not examine().capabilities["zfs"].has:
        lacks("zfs-fuse", "the demo needs a ZFS")
    before = traces.look()
    with program(tmp_path, "present") as screen:
        mode = screen.mode()
        watcher = Watcher(screen.pid)
        watcher.until(mode="ready")
        presses = 0
        jumped = False
        while watcher.scene.mode != "over":
            number = watcher.scene.number
            presses += 1
            assert presses < 400, watcher.scene
            if presses % 7 == 3:
                screen.type(NEXT * 10)
            elif presses % 11 == 5:
                screen.type("\r\r")
            elif presses % 13 == 6:
                screen.resize(*((100, 30) if presses % 2 else (80, 25)))
                screen.type(NEXT)
            elif presses % 17 == 8:
                screen.type("\x1b[15~\x1b[24;5~\x1b[200~\x1b[201~")
                screen.type(NEXT)
            elif watcher.scene.step.startswith("layers-zfs") and not jumped:
                jumped = True
                watcher.order("jump", "process-trees/become-pid-1")
            else:
                screen.type(NEXT)
            settle(screen, watcher, number)
        screen.wait_for("That was the last step.")
        standing = {stop.id: stop.standing for stop in watcher.scene.stops}
        assert set(standing.values()) == {"done"}, standing
        watcher.socket.close()
        screen.type("\x11")
        screen.wait_for("Once more")
        screen.type("\x11")
        assert screen.wait_end(PATIENCE) == 0
        assert screen.mode() == mode
    assert not list(ledger.home().glob(f"{screen.pid}*"))
    assert traces.look().loops == before.loops


def settle(screen: Screen, watcher: Watcher, number: int) -> None:
    """Whatever the press has done is done, and is on the screen too; it may have done nothing."""
    end = time.monotonic() + 1.0
    watcher.socket.settimeout(0.3)
    while time.monotonic() < end or watcher.scene.mode in ("running", "working", "typing"):
        screen._read(0.02)
        try:
            watcher.scene = next(watcher.scenes)
        except (TimeoutError, OSError):
            watcher.scenes = remote.scenes(watcher.socket)
            break
        if watcher.scene.number > number and watcher.scene.mode in ("ready", "passed", "missed", "over"):
            end = min(end, time.monotonic() + 0.2)
    watcher.socket.settimeout(PATIENCE)
    while screen._read(0.05):
        """Draw."""


def test_a_step_that_was_sabotaged_is_healed(show: tuple[Screen, Watcher]) -> None:
    """The container is killed from outside, between two of its lines."""
    screen, watcher = show
    watcher.order("jump", "process-trees/become-pid-1")
    scene = watcher.until(step="process-trees/become-pid-1", mode="ready")
    watcher.order("run")
    scene = watcher.until(mode="passed")
    assert scene.where == "container: pid" and scene.next_line
    kill_container(screen.pid)
    watcher.order("run")
    scene = watcher.until(mode="missed") if scene.next_line else scene
    assert not scene.found[0].passed and scene.message.startswith("Expected")
    screen.wait_for("F4 heal")
    screen.type(HEAL)
    scene = watcher.until(mode="passed")
    assert scene.where == "container: pid"
    watcher.order("next")
    watcher.until(step="mounts/a-mount-that-nobody-else-sees", mode="ready")


def kill_container(program: int) -> None:
    """kill -9 of the innermost bash of the lab's shells."""
    inner = [
        int(path.name)
        for path in Path("/proc").glob("[0-9]*")
        if is_below(int(path.name), program) and comm(path) == "bash" and levels(path) == 3
    ]
    assert len(inner) == 1, inner
    os.kill(inner[0], signal.SIGKILL)


def comm(path: Path) -> str:
    try:
        return (path / "comm").read_text().strip()
    except OSError:
        return ""


def levels(path: Path) -> int:
    try:
        line = next(x for x in (path / "status").read_text().splitlines() if x.startswith("NSpid:"))
    except (OSError, StopIteration):
        return 0
    return len(line.split()) - 1


def is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        pid = int(fields[1])
        if pid == ancestor:
            return True
    return False


def test_notes_drive(show: tuple[Screen, Watcher], tmp_path: Path) -> None:
    screen, watcher = show
    with program(tmp_path, "notes") as notes:
        notes.wait_for("1/")
        assert "Ask the room for hands" in notes.text and "the clock starts" in notes.text
        notes.wait_for("takes it")
        notes.type(NEXT)
        assert watcher.until(typed="readlink /proc/self/ns/*").started
        notes.wait_for("PageDown too")
        notes.type("\r")
        scene = watcher.until(next_line="readlink /proc/1/ns/*", mode="ready")
        assert "uts:[" in scene.ran[-1].output
        screen.wait_for("uts:[")
        notes.wait_for("✓ readlink /proc/self/ns/*")
        notes.type("\x11")
        assert notes.wait_end() == 0
    assert watcher.scene.step == "no-such-thing/you-are-in-eight-already"


def test_notes_without_a_performance(tmp_path: Path) -> None:
    if remote._folders(ledger.home()):
        lacks("engine", "another performance is running on this machine")
    with program(tmp_path, "notes") as notes:
        assert notes.wait_end() == 2
        assert "No performance is running" in notes.text


def test_nobody_else_can_open_the_door(show: tuple[Screen, Watcher]) -> None:
    screen, _ = show
    path = ledger.home() / f"{screen.pid}{remote.SUFFIX}" / remote.DOOR
    nobody = pwd.getpwnam("nobody").pw_uid
    code = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
    done = subprocess.run((sys.executable, "-c", code), user=nobody, capture_output=True, check=False)
    assert b"PermissionError" in done.stderr


def test_the_speakers_own_account_opens_the_notes_of_what_sudo_began(tmp_path: Path) -> None:
    """And nobody else's does."""
    user = pwd.getpwnam("nobody")
    env = {
        "TERM": "xterm-256color",
        "PYTHONPATH": HOUSE,
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
    }
    under_sudo = {**env, "SUDO_UID": str(user.pw_uid)}
    with Screen((*WORKSHOP, "present"), columns=80, rows=25, env=under_sudo) as screen:
        screen.wait_for("takes it", PATIENCE)
        for uid, status in ((user.pw_uid, 0), (1, 2)):
            account = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
            with Screen((*account, *WORKSHOP, "notes"), columns=80, rows=25, env=env) as notes:
                if status == 0:
                    notes.wait_for("Ask the room for hands")
                    notes.type("\x11")
                assert notes.wait_end() == status
        assert "somebody else's" in notes.text
        os.kill(screen.pid, signal.SIGTERM)
        screen.wait_end(PATIENCE)


def test_panic_takes_less_than_five_seconds_at_every_step(show: tuple[Screen, Watcher]) -> None:
    screen, watcher = show
    took = {}
    for step in talk_ids():
        watcher.order("jump", step)
        watcher.until(step=step, mode="ready")
        began = time.monotonic()
        screen.type(PANIC)
        watcher.until(step=step, message="Everything was reset; this is the beginning of the step.")
        while screen._read(0.02):
            """A terminal that nobody reads fills up."""
        took[step] = time.monotonic() - began
    assert max(took.values()) < 5, took


def test_a_panic_in_a_line_that_hangs(show: tuple[Screen, Watcher]) -> None:
    screen, watcher = show
    screen.wait_for("Enter runs it")
    screen.type("sleep 1000")
    screen.wait_for("# sleep 1000")
    screen.enter()
    watcher.until(mode="running")
    screen.wait_for("running")
    screen.type(PANIC)
    watcher.until(mode="ready", message="Everything was reset; this is the beginning of the step.")


def test_what_a_kill_leaves_is_mended_by_clean(tmp_path: Path) -> None:
    shell = (
        f"{sys.executable} -m workshop present; echo killed; {sys.executable} -m workshop clean; echo done"
    )
    env = {"XDG_STATE_HOME": str(tmp_path), "TERM": "xterm-256color", "PYTHONPATH": HOUSE}
    with Screen(("sh", "-c", shell), columns=80, rows=25, env=env) as screen:
        mode = screen.mode()
        screen.wait_for("Enter runs it", PATIENCE)
        children = Path(f"/proc/{screen.pid}/task/{screen.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        screen.wait_for("done", PATIENCE)
        after = screen.mode()
        assert after[3] == mode[3] and after[1] == mode[1]  # lflag, oflag
        assert screen.raw.rindex(b"\x1b[?1049l") > screen.raw.rindex(b"\x1b[?1049h")
        assert screen.raw.rindex(b"\x1b[?2004l") > screen.raw.rindex(b"\x1b[?2004h")
    assert not list(ledger.home().glob(f"{children[0]}*"))
