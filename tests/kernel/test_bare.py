"""`--no-lab`, tried on a machine that may be thrown away: a lab. And a lab in a lab."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.lab import Lab
from workshop.ledger import Ledger
from workshop.machine import examine

pytestmark = [pytest.mark.root, pytest.mark.machine]
ROOT = Path(__file__).parents[2]

ON_THE_MACHINE = """
import os, subprocess
from pathlib import Path
from workshop import traces
from workshop.bare import Bare
from workshop.errors import MachineError
from workshop.ledger import Ledger
from workshop.machine import examine

before, machine, kill = traces.look(), examine(), {kill}
bare = Bare.create(machine, Ledger.open())
assert bare.alive and bare.depth == 0
assert os.readlink(f"/proc/{{bare.first}}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
def run(script):
    return subprocess.run((*bare.enter, "sh", "-c", script), check=True, stdout=-1, text=True).stdout
bare.prepare("image")
assert "bin/sh" in run(f"tar -tf {{bare.variables()['image']}}")
if machine.has("zfs") and not machine.has("zfs-kernel"):
    # The kernel opens a pool's file by the machine's own path, which is a lab here: see tests/vm/run.
    bare.prepare("pool")
    run(f"zfs create {{bare.variables()['pool']}}/x && mount --bind /lab/containers /lab/images")
run("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
assert traces.look().beyond(before)
if kill:
    os.kill(os.getpid(), 9)
bare.reset()
assert Path("/lab/images/debian.tar").exists() and bare.variables()["pool"] == "tank"
try:
    Bare.create(machine, Ledger.open())
except MachineError as error:
    assert "/lab" in error.message
else:
    raise AssertionError
bare.reset()
assert bare.close() == ()
Ledger.sweep()
assert traces.look().beyond(before) == (), traces.look().beyond(before)
assert not Path("/lab").exists() and not Path("/tank").exists()
"""
AFTERWARDS = """
from pathlib import Path
from workshop import traces
from workshop.ledger import Ledger

(swept,) = Ledger.sweep()
assert swept.problems == (), swept.problems
left = traces.look()
assert not left.cgroups and not left.files and not left.pools, left
assert not [m for m in left.mounts if m.startswith(("/lab", "/tank"))], left.mounts
assert not Path("/lab").exists() and not Path("/tank").exists()
"""
IN_A_LAB = """
import subprocess
from workshop.lab import NO_OVERLAY, Lab
from workshop.ledger import Ledger
from workshop.machine import examine

lab = Lab.create(examine(), Ledger.open())
assert lab.problems in ((), (NO_OVERLAY,)), lab.problems
ask = (*lab.enter, "cat", "/proc/1/comm", "/etc/hostname")
out = subprocess.run(ask, check=True, stdout=-1, text=True).stdout
assert out == "sleep\\nlab\\n", out
lab.reset()
assert lab.close() == ()
"""


@pytest.fixture
def throw_away(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab.create(examine(), Ledger.open(tmp_path / "ledgers"))
    play(lab, "import os; os.chdir('/'); os.system('umount /lab && rmdir /lab')")
    yield lab
    assert lab.close() == ()


def play(lab: Lab, program: str) -> int:
    done = subprocess.run(
        (*lab.enter, "env", f"PYTHONPATH={ROOT}", sys.executable, "-W", "error", "-c", program),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 137, -9), done.stdout
    return done.returncode


def test_on_the_machine_itself(throw_away: Lab) -> None:
    assert play(throw_away, ON_THE_MACHINE.format(kill=False)) == 0


def test_on_the_machine_itself_and_killed(throw_away: Lab) -> None:
    assert play(throw_away, ON_THE_MACHINE.format(kill=True)) != 0
    assert play(throw_away, AFTERWARDS) == 0


def test_a_lab_in_a_container_whose_engine_has_mounted_files() -> None:
    """/etc/resolv.conf is a mount there, and one cannot be removed."""
    script = f'mount --bind {ROOT}/pyproject.toml /etc/resolv.conf && exec "$@"'
    program = ("env", f"PYTHONPATH={ROOT}", sys.executable, "-W", "error", "-c", IN_A_LAB)
    subprocess.run(("unshare", "--mount", "sh", "-c", script, "sh", *program), check=True)


def test_a_lab_in_a_lab(throw_away: Lab) -> None:
    assert play(throw_away, IN_A_LAB) == 0
