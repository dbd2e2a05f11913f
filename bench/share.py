"""The audience's page before a room of 500 phones: how long an update takes to all, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.pairs import Row
from workshop.frozen import frozen
from workshop.stage.scene import Ran, Scene, Stop
from workshop.stage.web.server import Server, new_secret

CLIENTS, UPDATES = 500, 200
WARM = 40
"""Updates before the memory is looked at for the first time."""


@frozen
class Measured:
    clients: int
    reached: tuple[tuple[float, float], ...]
    """For each update: the seconds until half of the clients had it, and until all had."""
    before: int
    after: int
    """KiB of this process, after the first updates and after the last."""

    @property
    def half(self) -> float:
        return median(half for half, _ in self.reached)

    @property
    def all(self) -> float:
        """The last client of a typical update."""
        return median(every for _, every in self.reached)

    @property
    def worst(self) -> float:
        return max(every for _, every in self.reached)


def run(clients: int = CLIENTS, updates: int = UPDATES, pause: float = 0.15) -> Measured:
    with Server(share=new_secret()) as server:
        server.publish(scene())
        host, port, path = _parts(server.links["share"])
        command = (sys.executable, "-m", "bench.phones", host, port, path, str(clients))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as phones:
            assert phones.stdout is not None
            try:
                if phones.stdout.readline() != "ready\n":
                    raise RuntimeError("the phones did not connect")
                reached, before = [], 0
                for number in range(updates):
                    if number == min(WARM, updates // 2):
                        before = resident()
                    server.publish(replace(scene(), number=number, title=f"sent {time.monotonic_ns()}"))
                    seconds = json.loads(phones.stdout.readline())["seconds"]
                    reached.append((seconds[len(seconds) // 2], seconds[-1]))
                    time.sleep(pause)
                return Measured(clients, tuple(reached), before, resident())
            finally:
                phones.kill()


def measure() -> list[Row]:
    found = run()
    name = f"an update to {found.clients} phones"
    grown = max(0, found.after - found.before) / 1000
    return [
        Row(f"{name}: half of them", f"{found.half * 1000:.0f} ms", "", found.half, 0.5, "s"),
        Row(f"{name}: the last one", f"{found.all * 1000:.0f} ms", "", found.all, 1, "s"),
        Row(
            f"{name}: the slowest of {len(found.reached)}",
            f"{found.worst * 1000:.0f} ms",
            "",
            found.worst,
            1,
            "s",
        ),
        Row("memory that they add", f"{found.after // 1024} MiB", "", grown, 2, "MB"),
    ]


def scene() -> Scene:
    """As large as a scene of a talk is: three outputs of twenty lines."""
    output = "\n".join(f"{number:>8} bash --norc --noprofile -i" for number in range(20))
    return Scene(
        number=0, talk="A talk", step="t/one", title="One", key="It is a process.", text="Type `ps`.\n" * 10,
        shell="host", where="container: pid mnt", mode="ready", next_line="ps", lines=("unshare", "ps"),
        ran=tuple(Ran("host", f"ps {number}", output, 0) for number in range(3)),
        changes=("new process bash (6)",),
        stops=tuple(Stop(f"t/{n}", f"Step {n}", 2, False, "todo") for n in range(12)),
    )  # fmt: skip


def resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def _parts(link: str) -> tuple[str, str, str]:
    host, _, rest = link.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")
    return host, port, f"/{path}"
