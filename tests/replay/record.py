"""Records the snapshots that the replay tests read: `sudo python tests/replay/record.py` (root, iproute2).

In namespaces of its own; each file is what the machine looks like after one more line.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from workshop.kernel.collect import Collector, Reader
from workshop.kernel.model import Process, Snapshot
from workshop.kernel.procfs import to_inner
from workshop.kernel.serial import to_json

HERE = Path(__file__).parent / "snapshots"
LAB = ("unshare", "--kill-child", "--mount", "--pid", "--fork", "--net", "--uts", "--ipc", "--mount-proc")
PREPARE = "mount -t tmpfs t /run; hostname lab; exec sleep infinity"
STEPS = {
    "1-nothing": "true",
    "2-bridge": "ip link add br0 type bridge && ip addr add 10.10.0.1/24 dev br0 && ip link set br0 up",
    "3-container": "unshare --mount --uts --pid --fork --mount-proc --kill-child sleep 1000 >/dev/null &",
}


def record() -> None:
    HERE.mkdir(exist_ok=True)
    first = subprocess.Popen([*LAB, "sh", "-c", PREPARE], cwd="/")
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    try:
        _wait(lambda: children.read_text())
        init = int(children.read_text())
        _wait(lambda: Path(f"/proc/{init}/comm").read_text() == "sleep\n")
        root = Path(f"/proc/{init}/root")
        collector = Collector(Reader(proc=root / "proc", host=1, cgroup_root=root / "sys/fs/cgroup"))
        enter = ("nsenter", f"--target={init}", "--mount", "--pid", "--net", "--uts", "--ipc", "--wdns=/")
        for name, line in STEPS.items():
            subprocess.run([*enter, "sh", "-c", line], check=True)
            if line.endswith("&"):
                _wait(lambda: any(len(p.nspids) > 1 and p.comm == "sleep" for p in _look(collector)))
            host = to_inner(init, 1)
            assert host is not None
            text = to_json(_neutral(collector.collect([host])), indent=1)
            (HERE / f"{name}.json").write_text(text + "\n")
        collector.close()
    finally:
        first.kill()
        first.wait()


def _neutral(snapshot: Snapshot) -> Snapshot:
    """Without the groups of the machine on which it was recorded: they are not the small lab's."""
    everyone = {pid: replace(process, cgroups={"": "/"}) for pid, process in snapshot.processes.items()}
    return replace(snapshot, processes=everyone, cgroups=(), loops={})


def _look(collector: Collector) -> list[Process]:
    return list(collector.collect().processes.values())


def _wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        if time.monotonic() > end:
            sys.exit("The small lab did not come up.")


if __name__ == "__main__":
    record()
