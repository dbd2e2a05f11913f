"""What checks of control groups share: which groups there are, what their files say, and who is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from checks import _facts as facts
from workshop.kernel import cgroupfs
from workshop.kernel.model import Cgroup, Process
from workshop.kernel.verdict import Evidence, View

Resource = Literal["memory", "cpu", "pids"]


def tree(process: Process, resource: str) -> str:
    """In which tree a controller is: its own of version 1, or the one of version 2."""
    return resource if resource in process.cgroups else ""


def groups_of(view: View, resource: Resource) -> list[Cgroup]:
    """The groups of the tree that has the controller, the deepest last."""
    name = tree(view.host, resource)
    return [group for group in view.now.cgroups if group.controller == name]


def earlier(view: View, group: Cgroup) -> Cgroup | None:
    return same_group(view.before.cgroups, group)


def same_group(groups: Iterable[Cgroup], group: Cgroup) -> Cgroup | None:
    """The group of that name at another moment."""
    key = (group.controller, group.path)
    return next((other for other in groups if (other.controller, other.path) == key), None)


def living_below(view: View, group: Cgroup) -> list[int]:
    """The living processes in a group and in those below it."""
    found = []
    for other in view.now.cgroups:
        if other.controller == group.controller and f"{other.path}/".startswith(f"{group.path}/"):
            for pid in other.pids:
                process = view.now.processes.get(pid)
                if process is not None and facts.alive(process):
                    found.append(pid)
    return found


def count(group: Cgroup | None, file: str, name: str) -> int:
    """A number of a flat keyed file: `oom_kill 1`."""
    for line in group.values.get(file, "").splitlines() if group else ():
        key, _, number = line.partition(" ")
        if key == name and number.strip().isdigit():
            return int(number)
    return 0


def at_limit(group: Cgroup | None) -> int:
    if group is None:
        return 0
    failed = group.values.get("memory.failcnt", "0")
    return int(failed) if group.controller and failed.isdigit() else count(group, "memory.events", "max")


def time_waited(group: Cgroup | None) -> int:
    """Microseconds in which somebody waited: `some avg10=0.00 … total=1234`."""
    for line in group.values.get("cpu.pressure", "").splitlines() if group else ():
        if line.startswith("some ") and line.rpartition("total=")[2].isdigit():
            return int(line.rpartition("total=")[2])
    return 0


def is_frozen(group: Cgroup) -> bool:
    if group.controller == "freezer":
        return group.values.get("freezer.state") == "FROZEN"
    return not group.controller and count(group, "cgroup.events", "frozen") == 1


def membership(process: Process, resource: Resource) -> Evidence:
    path = process.cgroups.get(tree(process, resource), "in none")
    return Evidence(f"{resource} group of {process.comm}", path, f"/proc/{process.pid}/cgroup")


def who(view: View, group: Cgroup, pids: Sequence[int]) -> Evidence:
    processes = [view.now.processes[pid] for pid in pids if pid in view.now.processes]
    names = [f"{process.comm} ({process.pid})" for process in processes]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return Evidence(f"in {group.path}", shown or "nobody", place_of(view, group, "cgroup.procs"))


def ice(view: View, group: Cgroup) -> Evidence:
    if group.controller:
        state = group.values.get("freezer.state", "?")
        return Evidence(f"state of {group.path}", state, place_of(view, group, "freezer.state"))
    value = f"frozen {count(group, 'cgroup.events', 'frozen')}"
    return Evidence(f"events of {group.path}", value, place_of(view, group, "cgroup.events"))


def samples(view: View, groups: Iterable[Cgroup], *files: str) -> list[Evidence]:
    """One file of each group, for the verdict that it says nothing yet."""
    found = []
    for group in groups:
        for file in files:
            if file in group.values:
                text = " ".join(group.values[file].split()) or "empty"
                found.append(Evidence(f"{file} of {group.path}", text, place_of(view, group, file)))
    return found[:3]


def place_of(view: View, group: Cgroup, file: str) -> str:
    """Where the file stands, as the host sees it."""
    return f"{cgroupfs.place(view.now, group.controller, group.path)}/{file}"
