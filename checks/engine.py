"""What an engine does besides starting a container: entering one that runs (setns(2), nsenter(1))."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel.model import NS_KINDS
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed


def joined(view: View) -> Verdict:
    """A new process came into a running container from outside: its namespaces and root are those of PID 1.

    Evidence: `/proc/PID/ns/*` of both, and the parent, which is outside. Near misses: some namespaces entered
    and others forgotten; a process that PID 1 itself started; another container made instead.
    """
    expected = "a process that entered a running container, with nothing left outside"
    forgotten = None
    known = {process.key for process in view.before.processes.values()}
    firsts = [p for p in view.now.processes.values() if len(p.nspids) > 1 and p.nspids[-1] == 1]
    for process in facts.new_processes(view):
        if not facts.differs(view, process, "pid"):
            shared = facts.differing(view, process)
            if any(process.ns[kind] == p.ns.get(kind) for p in firsts if p.key in known for kind in shared):
                forgotten = process
            continue
        first = facts.first_of(view, process)
        if first is None or first.pid == process.pid:
            continue
        parent = view.now.processes.get(process.ppid)
        if parent is None or parent.ns.get("pid") == process.ns.get("pid"):
            continue
        kinds = [kind for kind in NS_KINDS if process.ns.get(kind) != first.ns.get(kind)]
        evidence = [
            facts.args(process),
            Evidence("parent", f"{parent.comm} ({parent.pid})", f"/proc/{process.pid}/stat"),
            facts.ns(process, "pid"),
            facts.ns(first, "pid"),
        ]
        if not kinds and process.root == first.root:
            found = f"{process.comm} ({process.pid}) is where PID 1 ({first.pid}) of the container is"
            return passed(expected, found, evidence)
        what = ", ".join(kinds) or "the root"
        evidence += [e for kind in kinds for e in (facts.ns(process, kind), facts.ns(first, kind))]
        return missed(expected, f"{what} is not the container's", evidence, diagnosis="not-all-entered")
    if forgotten is not None:
        evidence = list(facts.both(view, forgotten, "pid"))
        return missed(expected, "the pid namespace is the host's", evidence, diagnosis="not-all-entered")
    return missed(expected, "no new process came into a container from outside", diagnosis="nobody-entered")
