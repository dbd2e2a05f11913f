"""`workshop doctor`: what this machine can do, what it lacks, why, and how to get it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from workshop.conditions import CAPABILITIES
from workshop.machine import Capability, Machine, examine

NEEDED = ("root",)
"""Without these, no lesson can be played."""
_LESSER = ("cgroup1", "cgroup2", "hybrid", "zfs-kernel", "zfs-fuse")
"""One of several that serve as well: missing is no fault of the machine."""


def main(args: Sequence[str]) -> int:
    """0: lessons can be played here; 3: this machine lacks something that all of them need."""
    parser = argparse.ArgumentParser(
        "workshop doctor", description="What this machine can do, and what it lacks."
    )
    parser.add_argument("--json", action="store_true", help="one object a line")
    asked = parser.parse_args(args)
    machine = examine()
    if asked.json:
        for one in machine.capabilities.values():
            print(json.dumps(_plain(one)))
    else:
        _show(machine)
    return 0 if all(machine.has(name) for name in NEEDED) else 3


def _show(machine: Machine) -> None:
    from rich.table import Table
    from rich.text import Text

    from workshop.ui.console import Console

    console = Console(highlight=False)
    console.print(f"Linux {machine.release} on {machine.system or 'an unknown system'}", markup=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, what in CAPABILITIES.items():
        one = machine.capabilities[name]
        sign = Text("yes", "green") if one.has else Text("no", "yellow" if name not in NEEDED else "red")
        rest = Text(what if one.has else f"{one.reason}.")
        if not one.has and one.remedy and name not in _LESSER:
            rest.append(f"\n→ {one.remedy}", "bold")
        table.add_row(sign, name, rest)
    console.print(table)
    install = missing_packages(machine)
    if install:
        console.print(
            f"\nFor the lessons that need more: apt install {' '.join(install)}", markup=False, soft_wrap=True
        )
    sys.stdout.flush()


def missing_packages(machine: Machine) -> tuple[str, ...]:
    """The packages that would give what is missing, of those that script/start would install."""
    from workshop.packages import packages

    return tuple(
        package.names[machine.system]
        for package in packages()
        if package.need in ("required", "wanted")
        and machine.system in package.names
        and package.capability
        and not machine.has(package.capability)
        and machine.capabilities[package.capability].package  # else a package is not what is missing
        and not (package.capability.startswith("zfs-") and machine.has("zfs"))
    )


def _plain(one: Capability) -> dict[str, object]:
    return {
        "capability": one.name,
        "has": one.has,
        "reason": one.reason,
        "package": one.package,
        "remedy": one.remedy,
    }
