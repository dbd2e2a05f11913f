"""One order at a time, from several threads; and the door by which speakers' screens give theirs."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stage_builders import Theatre

from workshop.errors import UsageError
from workshop.kernel.model import Snapshot
from workshop.stage import desk, remote
from workshop.stage.desk import Desk, Order
from workshop.stage.remote import Door, knock, order_from, order_line, scenes
from workshop.stage.scene import Scene

PATIENCE = 10.0


class Stage:
    """A desk that is served in a thread. The line `cd /lab` lasts until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = threading.Event()
        self.interrupted = 0
        self.theatre = Theatre({"cd /lab": self._wait})
        self.hangs = False
        self.aborted = 0
        self.desk = Desk(self.theatre.performance, self._interrupt, self._abort)
        self.thread = threading.Thread(target=self.desk.serve)
        self.thread.start()
        self.until(lambda scene: scene.mode == "ready")

    def _wait(self, now: Snapshot) -> Snapshot:
        self.running.set()
        assert self.go.wait(PATIENCE)
        return now

    def _interrupt(self) -> None:
        self.interrupted += 1
        if not self.hangs:
            self.go.set()

    def _abort(self) -> None:
        self.aborted += 1
        self.go.set()

    def until(self, holds: Callable[[Scene], bool]) -> Scene:
        end = time.monotonic() + PATIENCE
        while not holds(self.theatre.scene) or self.desk._busy:
            assert time.monotonic() < end, self.theatre.scene
            time.sleep(0.002)
        return self.theatre.scene

    def close(self) -> None:
        self.go.set()
        self.desk.give(Order("quit"))
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.close()


def test_what_comes_while_a_line_runs_is_refused_and_not_kept(stage: Stage) -> None:
    number = stage.theatre.scene.number
    assert [stage.desk.give(Order("line", "cd /lab", number)) for _ in range(10)] == [True] + [False] * 9
    stage.running.wait(PATIENCE)
    assert not stage.desk.give(Order("next"))
    stage.go.set()
    stage.until(lambda scene: scene.mode == "ready")
    assert stage.theatre.host.typed == ["prepare", "cd /lab"]


def test_an_order_on_an_old_scene_is_stale(stage: Stage) -> None:
    old = stage.theatre.scene.number
    stage.go.set()
    assert stage.desk.give(Order("next", seen=old))
    stage.until(lambda scene: scene.typed == "cd /lab")
    assert not stage.desk.give(Order("next", seen=old))
    assert stage.desk.give(Order("next", seen=stage.theatre.scene.number))
    stage.until(lambda scene: bool(scene.ran))


def test_black_and_the_clock_do_not_wait(stage: Stage) -> None:
    stage.desk.give(Order("run"))
    stage.running.wait(PATIENCE)
    assert stage.desk.give(Order("blank")) and stage.theatre.scene.blank
    assert stage.theatre.scene.mode == "running"


def test_a_panic_leaves_the_program_and_comes_once(stage: Stage) -> None:
    stage.desk.give(Order("run"))
    stage.running.wait(PATIENCE)
    for _ in range(5):
        assert stage.desk.give(Order("panic"))
    scene = stage.until(lambda scene: "reset" in scene.message)
    assert (stage.interrupted, stage.aborted) == (1, 0) and scene.mode == "ready"
    assert len(stage.theatre.host.renewed) == 3  # the theatre's own beginning, the desk's, and this


@pytest.mark.parametrize("command", ["panic", "quit"])
def test_what_hangs_is_ended_with_the_lab(
    stage: Stage, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "HANGING", 0.01)
    stage.hangs = True
    stage.desk.give(Order("run"))
    stage.running.wait(PATIENCE)
    assert stage.desk.give(Order(command))
    if command == "panic":
        stage.until(lambda scene: "reset" in scene.message)
    stage.thread.join(0 if command == "panic" else PATIENCE)
    assert stage.aborted == 1 and stage.desk._hanging is None


def test_a_screen_that_fails_ends_the_performance(stage: Stage) -> None:
    failed = ValueError("a mistake of ours")
    other = Desk(Theatre().performance)
    other.fail(failed)
    with pytest.raises(ValueError, match="a mistake of ours"):
        other.serve()


# -- the door -----------------------------------------------------------------------------------------------


def test_a_signal_that_came_just_before_the_wait_ends_it() -> None:
    """Python only notes a signal; a wait that begins in the same moment is not ended by it. The same happens
    to one that another thread gets, and that can be had for certain."""
    noted: list[int] = []

    def stop(number: int, frame: object) -> None:
        noted.append(number)
        raise SystemExit

    def send() -> None:
        while theatre.scene.mode != "ready" or served._busy:
            time.sleep(0.002)
        time.sleep(0.05)  # now it waits; earlier does no harm
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        if not ended.wait(PATIENCE):
            waited.append("for nothing")
            served.give(Order("quit"))

    waited: list[str] = []
    theatre, ended = Theatre(), threading.Event()
    served = Desk(theatre.performance)
    before = signal.signal(signal.SIGUSR1, stop)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        with pytest.raises(SystemExit):
            served.serve()
        ended.set()
    finally:
        signal.signal(signal.SIGUSR1, before)
        sender.join()
    assert noted == [signal.SIGUSR1] and not waited


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def door(stage: Stage, home: Path) -> Iterator[Door]:
    with Door(stage.desk, home, {}) as made:
        yield made
    assert not home.exists()


def test_only_its_owner_can_open_it(door: Door) -> None:
    for path, mode in ((door.path, 0o600), (door.path.parent, 0o700)):
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == mode and found.st_uid == os.geteuid()


def test_scenes_come_out_and_orders_go_in(door: Door, stage: Stage, home: Path) -> None:
    stage.go.set()
    with knock(home) as other:
        seen = scenes(other)
        first = next(seen)
        assert first.next_line == "cd /lab"
        other.sendall(order_line(Order("run", seen=first.number)))
        assert any(scene.ran and scene.ran[-1].status == 0 for scene in seen)


def test_two_speakers_screens_press_at_once_and_one_line_runs(door: Door, stage: Stage, home: Path) -> None:
    with knock(home) as first, knock(home) as second:
        both = scenes(first), scenes(second)
        seen = [next(each) for each in both]
        assert seen[0] == seen[1]
        for other in (first, second):
            other.sendall(order_line(Order("run", seen=seen[0].number)))
        assert stage.running.wait(PATIENCE)
        stage.go.set()
        for each in both:
            assert next(scene for scene in each if scene.next_line == "ls" and scene.mode == "ready")
    assert [ran.line for ran in stage.until(lambda scene: scene.mode == "ready").ran] == ["cd /lab"]


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"7", b'{"command": "quit"}', b'{"command": "line", "argument": "rm"}', b"\xff\xfe",
     b'{"command": "jump", "argument": 7}', b'{"command": "next", "seen": "x"}', b"[" * 30000],
)  # fmt: skip
def test_what_is_no_order_is_none(line: bytes) -> None:
    assert order_from(line) is None


def test_an_order_there_and_back() -> None:
    order = Order("jump", "first/inside", 12)
    assert order_from(order_line(order)) == order
    assert order_from(json.dumps({"command": "next"}).encode()) == Order("next")


def test_nonsense_and_whoever_sends_without_end_harm_nobody(door: Door, stage: Stage, home: Path) -> None:
    with knock(home) as bad, knock(home) as good:
        bad.sendall(b"nonsense\n\xff\n")
        with pytest.raises(OSError):
            for _ in range(1000):
                bad.sendall(b"x" * 65536)
        good.sendall(order_line(Order("blank")))
        assert any(scene.blank for scene in scenes(good))


def test_who_does_not_read_holds_nobody_up(door: Door, stage: Stage, home: Path) -> None:
    with knock(home) as lazy, knock(home) as good:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        began = time.monotonic()
        for _ in range(3000):
            stage.theatre.performance.command("theme")
        assert time.monotonic() - began < 5
        last = stage.theatre.scene.number
        assert any(scene.number == last for scene in scenes(good))
        assert any(scene.number == last for scene in scenes(lazy))  # it reads again: the newest comes


def test_who_goes_away_is_forgotten(door: Door, stage: Stage, home: Path) -> None:
    for _ in range(40):
        knock(home).close()
    with knock(home) as other:
        assert next(scenes(other)).step == "first/images"


def test_without_a_performance_there_is_a_word_for_it(home: Path) -> None:
    with pytest.raises(UsageError, match="No performance is running"):
        knock(home)


def test_the_door_of_a_dead_performance_is_removed(home: Path) -> None:
    dead = home / f"4194999{remote.SUFFIX}"
    dead.mkdir(parents=True)
    (dead / remote.DOOR).touch()
    alive = home / f"{os.getpid()}{remote.SUFFIX}"
    alive.mkdir()
    remote.sweep(home)
    assert not dead.exists() and alive.exists()


def test_a_ledger_does_not_take_it_for_one_of_its_own(home: Path) -> None:
    from workshop.ledger import Ledger, alive

    (home / f"7{remote.SUFFIX}").mkdir(parents=True)
    assert Ledger.sweep(home, {}) == () and alive(home) == ()
    assert (home / f"7{remote.SUFFIX}").exists()
