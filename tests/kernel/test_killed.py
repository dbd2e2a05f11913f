"""kill -9 of the program at any moment: no process of the lab lives, and the next start removes the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workshop import cgroups, ledger, traces
from workshop.ledger import Ledger

pytestmark = pytest.mark.root
PROGRAM = Path(__file__).with_name("lab_program.py")
POINTS = 40
"""Spread evenly over all calls of the program."""
INNER = (1, 4, 8, 12, 20, 30, 40, 60, 80, 100)
"""Calls of the lab's first process, while it builds the lab."""
TOKEN = "CONTAINER_WORKSHOP_TEST"


def play(where: Path, at: int) -> tuple[int, str]:
    """The exit status of the program, and its output."""
    env = {**os.environ, TOKEN: str(where), "PYTHONPATH": str(PROGRAM.parents[2])}
    program = subprocess.Popen(
        (sys.executable, PROGRAM, where, str(at)), env=env, stdout=subprocess.PIPE, text=True
    )
    with program:
        while at < 0 and program.poll() is None:
            if any(one.endswith(" paused") for one in descendants(where)):
                program.kill()
                break
        output, _ = program.communicate()
    return program.returncode, output


def descendants(where: Path) -> list[str]:
    """What lives of the program: by the environment it passed on, or by the lab's cgroups."""
    ids = [p.name for p in where.iterdir()] if where.exists() else []
    groups = [g for g in cgroups.found() if any(lab in g.name for lab in ids)]
    inside = {pid for group in groups for pid in cgroups.members(group)}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{TOKEN}={where}".encode() in (folder / "environ").read_bytes()
            if marked or int(folder.name) in inside:
                found.append(f"{folder.name} {(folder / 'comm').read_text().strip()}")
        except OSError:
            continue
    return found


def gone_within(where: Path, seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while (left := descendants(where)) and time.monotonic() < deadline:
        os.sched_yield()
    return left


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many calls the program makes when nobody kills it."""
    where = tmp_path_factory.mktemp("whole") / "ledgers"
    status, output = play(where, 0)
    assert status == 0 and not where.exists()
    return int(output)


@pytest.mark.parametrize("point", range(POINTS))
def test_nothing_is_left(calls: int, point: int, tmp_path: Path) -> None:
    check_killed(tmp_path, 1 + point * int(calls * 0.97) // (POINTS - 1))


@pytest.mark.parametrize("call", INNER)
def test_nothing_is_left_of_half_a_lab(call: int, tmp_path: Path) -> None:
    check_killed(tmp_path, -call)


def check_killed(tmp_path: Path, at: int) -> None:
    where = tmp_path / "ledgers"
    loops = traces.look().loops
    assert play(where, at)[0] == -9
    assert gone_within(where, 2.0) == []
    ids = [folder.name for folder in where.iterdir()] if where.exists() else []
    assert ledger.alive(where) == ()
    for swept in Ledger.sweep(where):
        assert swept.problems == ()
    left = traces.look()
    assert [left.of(lab) for lab in ids] == [traces.Traces()] * len(ids)
    assert left.loops == loops
    assert not where.exists()


def test_the_living_are_not_swept(tmp_path: Path) -> None:
    where = tmp_path / "ledgers"
    with Ledger.open(where) as living:
        path = tmp_path / "mine"
        path.mkdir()
        living.add(ledger.Entry("folder", str(path)))
        assert Ledger.sweep(where) == ()
        assert ledger.alive(where) == (living.id,)
        assert path.exists()
    assert not path.exists()
