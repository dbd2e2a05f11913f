"""The memory of the program at its first prompt, the lab's own processes not counted."""

from __future__ import annotations

from pathlib import Path

from bench.guide import guide
from bench.pairs import Row


def measure() -> list[Row]:
    with guide() as child:
        status = Path(f"/proc/{child.pid}/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return [Row("memory of the program (VmHWM)", f"{peak // 1024} MiB", "", peak / 1000, 80, "MB")]
