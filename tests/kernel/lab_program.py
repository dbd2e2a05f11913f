"""Plays a program with a lab, from its start to its end, and kills it at the N-th call that it makes.

Arguments: the folder of the ledgers, and N. Below zero, the calls are those of the lab's first process, which
then is called `paused` until the program is killed. 0: nothing of this, and the number of calls is printed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

from workshop import machine
from workshop.lab import Lab
from workshop.ledger import Ledger

HOUSE = str(Path(machine.__file__).parent)
WAITING = ("_remove_once", "kill", "_tree", "_children", "members", "found")
"""These are called again and again while something is waited for."""
WORK = """
truncate -s 4M /lab/disk; losetup -f /lab/disk
ip link add br0 type bridge; ip netns add other; mount -t tmpfs t /mnt
for group in pids unified .; do mkdir -p /sys/fs/cgroup/$group/mine/deeper 2>/dev/null; done
sleep 1000 </dev/null >/dev/null 2>&1 &
unshare --pid --fork --kill-child sleep 1000 </dev/null >/dev/null 2>&1 &
"""


def main(where: Path, at: int) -> None:
    program, counts = os.getpid(), {True: 0, False: 0}

    def hook(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        file, inner = code.co_filename, code.co_name in WAITING
        if event not in ("call", "c_call") or inner or not file.startswith(HOUSE) or "/kernel/" in file:
            return
        own = os.getpid() == program
        counts[own] += 1
        if counts[own] == abs(at) and own == (at > 0):
            if own:
                os.kill(program, signal.SIGKILL)
            Path("/proc/self/comm").write_text("paused")
            while Path(f"/proc/{program}/exe").exists():
                os.sched_yield()

    here = machine.examine()
    sys.setprofile(hook)
    threading.setprofile(hook)  # a thread of its own forks the lab's first process
    Ledger.sweep(where)
    lab = Lab.create(here, Ledger.open(where))
    if here.has("zfs"):
        lab.prepare("pool")
    subprocess.run((*lab.enter, "sh", "-c", WORK), check=True)
    lab.reset()
    subprocess.run((*lab.enter, "sh", "-c", WORK), check=True)
    lab.close()
    sys.setprofile(None)
    print(counts[True])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
