"""A container at work: started, looked up, entered, stopped, removed. setns(2), `/proc/PID/fd`."""

from __future__ import annotations

import re

from checks import _facts as facts
from workshop.kernel.model import NS_KINDS, NsKind, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed


def detached(view: View, *, kinds: str) -> Verdict:
    """A new container runs in the background, with all these namespaces, a root, a `/proc`, and a log.

    Judged is PID 1 of its pid namespace. Evidence: `/proc/PID/ns/*`, `/proc/PID/root`, the pid namespace that
    its `/proc` shows, and `/proc/PID/fd/1`, which must be a file. Near misses: it writes to the terminal; the
    host's root; a missing namespace; no procfs of its own.
    """
    expected = "a container in the background that writes to a file"
    firsts = [p for p in facts.new_processes(view) if _is_first(view, p)]
    if not firsts:
        waiting = any(facts.waits_for_child(view, p) for p in facts.new_processes(view))
        why = "forgot-fork" if waiting else "process-ended"
        return missed(expected, "no new process is PID 1 of a pid namespace of its own", diagnosis=why)
    process = firsts[-1]
    wanted: list[NsKind] = [kind for kind in NS_KINDS if kind in kinds.split()]
    for kind in wanted:
        if not facts.differs(view, process, kind):
            found = f"the {kind} namespace is still the host's"
            return missed(expected, found, facts.both(view, process, kind), diagnosis="namespace-missing")
    if not facts.has_own_root(view, process):
        found = "its root is the host's"
        return missed(expected, found, [facts.root(process)], diagnosis="root-is-the-hosts")
    if process.proc_pid_ns != process.ns.get("pid"):
        shown = "nothing" if process.proc_pid_ns is None else "another pid namespace"
        found = f"its /proc shows {shown}"
        return missed(expected, found, [facts.root(process)], diagnosis="no-proc-inside")
    if not _to_file(process):
        return missed(expected, "it does not write to a file", [_stdout(process)], diagnosis="log-to-nowhere")
    evidence = [
        facts.args(process),
        *(facts.ns(process, kind) for kind in wanted),
        facts.root(process),
        _stdout(process),
    ]
    return passed(
        expected, f"{process.comm} is process {process.pid} of the host, and PID 1 in there", evidence
    )


def predict_parent(view: View) -> Verdict:
    """Answered: the name of the process that is the parent of the container's PID 1, on the host.

    Evidence: `/proc/PID/stat`, and `NSpid`. Of several containers any will do.
    """
    expected = "the parent, on the host, of the container's PID 1"
    firsts = [p for p in view.now.processes.values() if _is_first(view, p)]
    if not firsts:
        return missed(expected, "no container is running", diagnosis="process-ended")
    if view.answer is None:
        return missed(expected, "no answer yet: :answer gives one")
    evidence = []
    for process in sorted(firsts, key=lambda p: p.start):
        parent = view.now.processes.get(process.ppid)
        if parent is None:
            continue
        evidence += [
            Evidence("PID 1", f"{process.comm} ({process.pid})", f"/proc/{process.pid}/status"),
            Evidence("its parent", f"{parent.comm} ({parent.pid})", f"/proc/{process.pid}/stat"),
        ]
        if parent.comm == view.answer.strip():
            return passed(expected, f"{parent.comm}, as you said", evidence[-2:])
    found = f"you said {view.answer.strip()}; look at the evidence"
    return missed(expected, found, evidence, diagnosis="not-the-parent")


def predict_log(view: View) -> Verdict:
    """Answered: the file that the container's PID 1 writes to, as a path of the host.

    Evidence: the link `/proc/PID/fd/1`. Near miss: a path as the container would see it.
    """
    expected = "the file that the container's words go to"
    firsts = [p for p in view.now.processes.values() if _is_first(view, p) and _to_file(p)]
    if not firsts:
        return missed(expected, "no container is running that writes to a file", diagnosis="process-ended")
    if view.answer is None:
        return missed(expected, "no answer yet: :answer gives one")
    evidence = [_stdout(process) for process in firsts]
    if view.answer.strip() in {process.stdout for process in firsts}:
        return passed(expected, f"{view.answer.strip()}, as you said", evidence)
    found = f"you said {view.answer.strip()}; look at the evidence"
    return missed(expected, found, evidence, diagnosis="other-log")


def joined(view: View, *, groups: bool = False) -> Verdict:
    """A new process, started from outside, shares all the namespaces and the root of a running container;
    with `groups`, its groups as well.

    Evidence: `/proc/PID/ns/*` and `/proc/PID/root` of it and of the container's PID 1, compared by inode (and
    device), and `/proc/PID/cgroup` of both. Near misses: a namespace forgotten; all of them, but still the
    host's root; none of its limits; nsenter itself, which stays outside of the pid namespace when its
    child is in; a child of the container's own.
    """
    expected = "a process from outside, in all the namespaces of the container, and in its root"
    firsts = {p.ns["pid"]: p for p in view.now.processes.values() if _is_first(view, p)}
    if not firsts:
        return missed(expected, "no container is running", diagnosis="process-ended")
    best: Verdict | None = None
    for process in facts.new_processes(view):
        first = firsts.get(process.ns.get("pid", 0)) or _sharing(process, list(firsts.values()), view)
        if first is None or process.key == first.key or _born_inside(view, process, first):
            continue
        apart = [kind for kind in NS_KINDS if process.ns.get(kind) != first.ns.get(kind)]
        if apart:
            evidence = [facts.ns(process, apart[0]), facts.ns(first, apart[0])]
            found = f"{process.comm} ({process.pid}) is in there, but not in its {', '.join(apart)}"
            if best is None:
                best = missed(expected, found, evidence, diagnosis="joined-partly")
            continue
        if (process.root and (process.root.dev, process.root.ino)) != (
            first.root and (first.root.dev, first.root.ino)
        ):
            found = f"{process.comm} ({process.pid}) is in all of them, and has another root"
            evidence = [facts.root(process), facts.root(first)]
            best = missed(expected, found, evidence, diagnosis="joined-without-root")
            continue
        other = [name for name, path in first.cgroups.items() if process.cgroups.get(name) != path]
        if groups and other:
            found = f"{process.comm} ({process.pid}) is in all of them, but in other groups: no limit for it"
            evidence = [_group(process, other[0]), _group(first, other[0])]
            best = missed(expected, found, evidence, diagnosis="joined-without-group")
            continue
        evidence = [e for kind in NS_KINDS for e in (facts.ns(process, kind),)]
        inner = process.nspids[-1] if process.nspids else "?"
        found = (
            f"{process.comm} ({process.pid}) is PID {inner} in the container of {first.comm} ({first.pid})"
        )
        return passed(expected, found, [*evidence, facts.root(process), facts.root(first)])
    return best or missed(expected, "no new process is in a container", diagnosis="nobody-joined")


def stopped(view: View, *, path: str, left: str) -> Verdict:
    """A container that ran when the step began has ended, and had time to leave the file `left` in `path`.

    Evidence: who was in its pid namespace before (`/proc/PID/ns/pid`) and is now, and the folder. Near
    misses: SIGKILL, which gives no time; the wrapper outside killed, and the container lives.
    """
    expected = "the container has ended, after it was asked to"
    before = [p for p in view.before.processes.values() if _was_first(view, p)]
    if not before:
        return missed(expected, "no container was running when this step began")
    alive = [p for p in before if _lives(view, p)]
    if alive:
        process = view.now.processes[alive[-1].pid]
        then = view.before.processes[process.pid]
        why = "killed-unshare" if then.ppid != process.ppid else "still-running"
        found = f"{process.comm} ({process.pid}) is still running"
        return missed(expected, found, [facts.args(process)], diagnosis=why)
    names = ", ".join(f"{p.comm} ({p.pid})" for p in before)
    evidence = [Evidence("PID 1 when the step began", names, "/proc")]
    if left not in view.now.folders.get(path, ()):
        found = f"it is dead, and had no time to leave {left}"
        return missed(expected, found, [*evidence, _entries(view, path)], diagnosis="killed-not-asked")
    return passed(expected, f"it has ended, and left the file /{left}", [*evidence, _entries(view, path)])


def removed(view: View, *, path: str) -> Verdict:
    """The folder that was a container's root is gone, and no process has it as its root.

    Evidence: the folder above it, by `/proc/PID/root` of the host's first process. Near misses: only
    emptied; only the log removed.
    """
    expected = f"{path} is gone"
    if path not in view.before.folders:
        return missed(expected, "it was not there when this step began")
    if path in view.now.folders:
        return missed(expected, "it is still there", [_entries(view, path)], diagnosis="folder-left")
    evidence = Evidence("in the folder when the step began", _shown(view.before.folders[path]), path)
    return passed(expected, "the folder is gone: nothing else was the container", [evidence])


def _is_first(view: View, process: Process) -> bool:
    return facts.alive(process) and process.nspids[-1:] == (1,) and facts.differs(view, process, "pid")


def _was_first(view: View, process: Process) -> bool:
    host = view.before.processes[view.before.host]
    outside = process.ns.get("pid") == host.ns.get("pid")
    return facts.alive(process) and process.nspids[-1:] == (1,) and not outside


def _lives(view: View, process: Process) -> bool:
    now = view.now.processes.get(process.pid)
    return now is not None and now.key == process.key and facts.alive(now)


def _sharing(process: Process, firsts: list[Process], view: View) -> Process | None:
    """The container of which a process is in some namespace that is not the host's."""
    for first in firsts:
        for kind in NS_KINDS:
            if facts.differs(view, first, kind) and process.ns.get(kind) == first.ns.get(kind):
                return first
    return None


def _born_inside(view: View, process: Process, first: Process) -> bool:
    """Whether its parent is in the container's pid namespace, or is what made the container."""
    parent = view.now.processes.get(process.ppid)
    if parent is not None and parent.ns.get("pid") == first.ns.get("pid"):
        return True
    return process.pid == first.ppid


def _group(process: Process, controller: str) -> Evidence:
    name = f"group for {controller}" if controller else "group"
    return Evidence(name, process.cgroups.get(controller, "none"), f"/proc/{process.pid}/cgroup")


def _to_file(process: Process) -> bool:
    return bool(re.match(r"/(?!dev/)", process.stdout or ""))


def _stdout(process: Process) -> Evidence:
    return Evidence("standard output", process.stdout or "closed", f"/proc/{process.pid}/fd/1")


def _entries(view: View, path: str) -> Evidence:
    return Evidence("in the folder", _shown(view.now.folders.get(path, ())), path)


def _shown(names: tuple[str, ...]) -> str:
    return ", ".join(name for name in names if "/" not in name) or "nothing"
