"""What several checks share: evidence with its source, and the questions asked of a process."""

from __future__ import annotations

from collections.abc import Iterator

from workshop.kernel.model import NS_KINDS, Mount, NsKind, Process
from workshop.kernel.verdict import Evidence, View


def ns(process: Process, kind: NsKind) -> Evidence:
    """The inode of a namespace of a process, as `readlink` shows it (namespaces(7))."""
    short = "pid" if kind == "pid_for_children" else kind
    value = f"{short}:[{process.ns[kind]}]" if kind in process.ns else "not readable"
    return Evidence(f"{kind} namespace", value, f"/proc/{process.pid}/ns/{kind}")


def both(view: View, process: Process, kind: NsKind) -> tuple[Evidence, Evidence]:
    """A namespace of the process, and the host's of that kind beside it."""
    return ns(process, kind), ns(view.host, kind)


def root(process: Process) -> Evidence:
    value = process.root.path if process.root else "not readable"
    return Evidence("root directory", value, f"/proc/{process.pid}/root")


def args(process: Process) -> Evidence:
    return Evidence("command line", " ".join(process.args) or process.comm, f"/proc/{process.pid}/cmdline")


def mount(process: Process, entry: Mount) -> Evidence:
    value = f"{entry.fstype} {entry.source} {entry.root} ({entry.propagation})"
    return Evidence(f"mount at {entry.target}", value, f"/proc/{process.pid}/mountinfo")


def differs(view: View, process: Process, kind: NsKind) -> bool:
    """Whether its namespace of that kind is not the host's. What cannot be read is not different."""
    return kind in process.ns and process.ns[kind] != view.host.ns.get(kind)


def differing(view: View, process: Process) -> tuple[NsKind, ...]:
    return tuple(kind for kind in NS_KINDS if differs(view, process, kind))


def waits_for_child(view: View, process: Process) -> bool:
    """Whether it made a pid namespace that it is not in itself: `unshare --pid` without `--fork`.

    `pid_for_children` is then another one, or a link that cannot be read, as long as there is no child in it.
    """
    if "pid" not in process.ns or differs(view, process, "pid"):
        return False
    return "pid_for_children" not in process.ns or differs(view, process, "pid_for_children")


def has_own_root(view: View, process: Process) -> bool:
    """Whether `/` is another directory than the host's: device and inode of `/proc/PID/root`."""
    ours, theirs = process.root, view.host.root
    return bool(ours and theirs) and (ours.dev, ours.ino) != (theirs.dev, theirs.ino)  # type: ignore[union-attr]


def alive(process: Process) -> bool:
    return process.state not in ("Z", "X")


def new_processes(view: View) -> Iterator[Process]:
    """The living processes that were not there before the step, oldest first."""
    known = {process.key for process in view.before.processes.values()}
    ordered = sorted(view.now.processes.values(), key=lambda process: (process.start, process.pid))
    return (process for process in ordered if process.key not in known and alive(process))


def first_of(view: View, process: Process) -> Process | None:
    """PID 1 of the pid namespace that a process is in, if that is not the host's."""
    inside = view.now.processes.values()
    here = process.ns.get("pid")
    return next((p for p in inside if p.ns.get("pid") == here and p.nspids and p.nspids[-1] == 1), None)


def mounted_at(mounts: tuple[Mount, ...], target: str) -> Mount | None:
    """The mount at a path; of several on top of each other the last one, which is the one that is seen."""
    return next((entry for entry in reversed(mounts) if entry.target == target), None)


def covering(mounts: tuple[Mount, ...], path: str) -> Mount | None:
    """The mount that a path is on: the longest target that it lies below."""
    fits = [m for m in mounts if path == m.target or path.startswith(m.target.rstrip("/") + "/")]
    return max(reversed(fits), key=lambda entry: len(entry.target), default=None)


def gone(view: View) -> str:
    """What to say when the process in question has ended."""
    return f"process {view.subject} is gone"
