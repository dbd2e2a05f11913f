"""The stage on a real kernel: notes that drive, rescue, and what is left."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import lacks
from hall import HOUSE, PATIENCE, WORKSHOP, Screen, Watcher, kill_container, program

from workshop import ledger
from workshop.machine import examine
from workshop.stage import remote

pytestmark = pytest.mark.root
SOON = 20.0
"""Seconds, less than a tool of ZFS is waited for."""
NEXT, PANIC, HEAL = "\x1b[6~", "\x1b[20~", "\x1bOS"


@pytest.fixture
def show(tmp_path: Path) -> Iterator[tuple[Screen, Watcher]]:
    """The talk, its first step ready; in the end nothing of it is left."""
    with program(tmp_path, "present") as screen:
        watcher = Watcher(screen)
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


def test_a_panic_ends_a_look_that_hangs(show: tuple[Screen, Watcher]) -> None:
    """The daemon of a file system is stopped: who looks at it waits in the kernel, for ever."""
    capabilities = examine().capabilities
    if not capabilities["zfs-fuse"].has or capabilities["zfs-kernel"].has:
        lacks("zfs-fuse", "the kernel's ZFS has no daemon")
    screen, watcher = show
    step = "layers-zfs/the-image-goes-in"
    watcher.order("jump", step)
    watcher.until(step=step, mode="ready")
    screen.type("\x03 pkill -STOP zfs-fuse\r")
    watcher.until(mode="running")
    screen.type(PANIC)
    scene = watcher.when(lambda scene: "reset" in scene.message, SOON)
    assert (scene.step, scene.mode) == (step, "ready")


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
