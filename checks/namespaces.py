"""Namespaces and process trees: namespaces(7), pid_namespaces(7), `/proc/PID/ns`, `/proc/PID/status`."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel.model import NS_KINDS, NsKind, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed


def plain_process(view: View, *, comm: str) -> Verdict:
    """A new process `comm` runs, with all namespaces and the root of the host: no container at all.

    Evidence: every `/proc/PID/ns/*` beside that of the host's first process. A process that ended, one
    that was there before the step, and one with a namespace of its own do not pass.
    """
    expected = f"a new process {comm}, with all the namespaces of the host"
    found = [process for process in facts.new_processes(view) if process.comm == comm]
    if not found:
        return missed(expected, f"no new process {comm} is running", diagnosis="process-ended")
    for process in found:
        if not facts.differing(view, process) and not facts.has_own_root(view, process):
            evidence = [facts.args(process), *(facts.ns(process, kind) for kind in NS_KINDS)]
            return passed(expected, f"{comm} is process {process.pid}, in the host's namespaces", evidence)
    process = found[-1]
    kinds = facts.differing(view, process)
    evidence = [e for kind in kinds for e in facts.both(view, process, kind)] or [facts.root(process)]
    what = ", ".join(kinds) or "the root directory"
    return missed(expected, f"{comm} is there, but {what} is its own", evidence, diagnosis="not-plain")


def differs_only(view: View, *, comm: str, kinds: str) -> Verdict:
    """A new process `comm` runs whose namespaces of the given kinds, and no others, are not the host's.

    `kinds` is a list by spaces, `"uts"` or `"uts ipc"`. Evidence: `/proc/PID/ns/*`. Near misses:
    `unshare` without an option (nothing differs), one kind too many, another kind.
    """
    wanted = set(kinds.split())
    expected = f"a new process {comm} whose {kinds} namespace, and no other, is its own"
    found = [process for process in facts.new_processes(view) if process.comm == comm]
    if not found:
        return missed(expected, f"no new process {comm} is running", diagnosis="process-ended")
    for process in found:
        if set(facts.differing(view, process)) == wanted:
            evidence = [e for kind in facts.differing(view, process) for e in facts.both(view, process, kind)]
            return passed(expected, f"{comm} is process {process.pid}; only {kinds} differs", evidence)
    process = found[-1]
    got = facts.differing(view, process)
    evidence = [e for kind in got for e in facts.both(view, process, kind)] or [facts.args(process)]
    if not got:
        return missed(expected, "nothing differs from the host", evidence, diagnosis="no-namespace-asked")
    verb = "differ" if len(got) > 1 else "differs"
    return missed(expected, f"{', '.join(got)} {verb}", evidence, diagnosis="other-namespaces")


def own_namespaces(view: View, *, kinds: str) -> Verdict:
    """The process in question has namespaces of its own of all the given kinds (a list by spaces).

    Evidence: `/proc/PID/ns/KIND` beside the host's. More kinds than those are no fault.
    """
    expected = f"a process with its own {kinds} namespace{'s' if ' ' in kinds else ''}"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    wanted: list[NsKind] = [kind for kind in NS_KINDS if kind in kinds.split()]
    for kind in wanted:
        if not facts.differs(view, process, kind):
            why = "no-new-namespace" if not facts.differing(view, process) else "namespace-missing"
            if kind == "pid" and facts.waits_for_child(view, process):
                why = "forgot-fork"
            found = f"the {kind} namespace is still the host's"
            return missed(expected, found, facts.both(view, process, kind), diagnosis=why)
    evidence = [facts.ns(process, kind) for kind in wanted]
    return passed(expected, f"process {process.pid} has {kinds.replace(' ', ', ')} for itself", evidence)


def left_out(view: View, *, kind: NsKind, kinds: str) -> Verdict:
    """The process has namespaces of its own of `kinds` (a list by spaces), and of `kind` the host's.

    Evidence: `/proc/PID/ns/KIND` beside the host's. Near misses: that wall is there too; another one is
    missing as well; back at the host's prompt.
    """
    expected = f"a process with its own {kinds}, and in the host's {kind} namespace"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    differing = facts.differing(view, process)
    without = [k for k in NS_KINDS if k in kinds.split() and k not in differing]
    if without:
        evidence = [each for k in without for each in facts.both(view, process, k)]
        found = f"the {without[0]} namespace is the host's as well"
        why = "namespace-missing" if differing else "no-new-namespace"
        return missed(expected, found, evidence, diagnosis=why)
    evidence = [*facts.both(view, process, kind), *(facts.ns(process, k) for k in differing if k != kind)]
    if kind in differing:
        found = f"it has a {kind} namespace of its own: this wall is still there"
        return missed(expected, found, evidence, diagnosis="wall-still-there")
    return passed(
        expected, f"the {kind} namespace is the host's; of its own: {', '.join(differing)}", evidence
    )


def own_pid_namespace(view: View, *, pid_one: bool = False) -> Verdict:
    """The process in question is inside a pid namespace that is not the host's, and its PID 1 lives.

    Evidence: `/proc/PID/ns/pid`, `pid_for_children`, and the `NSpid` line. With `pid_one` it must be PID
    1 itself. Near miss: `unshare --pid` without `--fork`, where only the children are meant, and `pid` is
    the old one.
    """
    expected = "a process inside a pid namespace of its own" + (", as its PID 1" if pid_one else "")
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "pid"):
        if facts.waits_for_child(view, process):
            evidence = (*facts.both(view, process, "pid"), facts.ns(process, "pid_for_children"))
            found = "only the children get the new pid namespace; this process is still in the old one"
            return missed(expected, found, evidence, diagnosis="forgot-fork")
        found = "the pid namespace is still the host's"
        why = "no-new-namespace" if not facts.differing(view, process) else "namespace-missing"
        return missed(expected, found, facts.both(view, process, "pid"), diagnosis=why)
    numbers = _nspid(process)
    if facts.first_of(view, process) is None:
        return missed(expected, "the pid namespace has no PID 1 any more", [numbers], diagnosis="forgot-fork")
    if pid_one and process.nspids[-1:] != (1,):
        return missed(expected, f"it is PID {process.nspids[-1]} in there, not 1", [numbers])
    inner = process.nspids[-1] if process.nspids else "?"
    found = f"process {process.pid} of the host is PID {inner} in its own pid namespace"
    return passed(expected, found, [*facts.both(view, process, "pid"), numbers])


def orphan_adopted(view: View) -> Verdict:
    """A new process in the container lost its parent, and PID 1 of its pid namespace has adopted it.

    Evidence: `/proc/PID/stat`: the parent is PID 1, and was another one before the line; or it is PID 1
    though the process is of a session, or of a process group whose leader is gone, that PID 1 did not make
    for it. Near miss: a plain background job of PID 1.
    """
    expected = "an orphan: its parent has ended, and PID 1 of the pid namespace is its parent now"
    process = view.process
    if process is None or not facts.differs(view, process, "pid"):
        return missed(expected, "the process in question is in no pid namespace of its own")
    first = facts.first_of(view, process)
    if first is None:
        return missed(expected, "the pid namespace has no PID 1 any more")
    children = [p for p in facts.new_processes(view) if p.ppid == first.pid]
    before = {one.key: one for one in view.adopted}
    for child in children:
        if child.key in before:
            old = Evidence("parent before", str(before[child.key].ppid), "the look before that line")
            found = f"{child.comm} ({child.pid}) lost its parent; PID 1 ({first.pid}) has it now"
            return passed(expected, found, [facts.args(child), old, _parent(child)])
        leader = view.now.processes.get(child.pgrp)
        left_group = child.pgrp != child.pid and (leader is None or not facts.alive(leader))
        if child.session != first.session or left_group:
            found = f"{child.comm} ({child.pid}) lost its parent; PID 1 ({first.pid}) has it now"
            return passed(expected, found, [facts.args(child), _parent(child)])
    if children:
        child = children[-1]
        found = f"{child.comm} is a child of PID 1, but PID 1 started it itself"
        return missed(expected, found, [_parent(child)], diagnosis="child-not-orphan")
    return missed(expected, "PID 1 has no new child", [_nspid(first)])


def zombie_left(view: View) -> Verdict:
    """A zombie hangs below the PID 1 of a pid namespace that is not the host's: nobody reaps it.

    Evidence: state `Z` in `/proc/PID/stat`, and its parent's `NSpid`. Near miss: a PID 1 that is a shell,
    which waits for its children.
    """
    expected = "a dead process that PID 1 of a pid namespace never waits for"
    firsts = [p for p in view.now.processes.values() if _is_first(view, p)]
    for process in view.now.processes.values():
        parent = view.now.processes.get(process.ppid)
        if process.state == "Z" and parent is not None and parent in firsts:
            evidence = [Evidence("state", "Z (zombie)", f"/proc/{process.pid}/stat"), _parent(process)]
            found = f"process {process.pid} ({process.comm}) is dead; its parent {parent.comm} does not wait"
            return passed(expected, found, [*evidence, _nspid(parent)])
    if not firsts:
        return missed(expected, "no process is PID 1 of a pid namespace of its own")
    first = max(firsts, key=lambda process: (process.start, process.pid))
    why = "shell-reaps" if first.sig_caught & (1 << 16) else None
    found = f"PID 1 is {first.comm} ({first.pid}), and it has no zombie"
    return missed(expected, found, [facts.args(first), _nspid(first)], diagnosis=why)


def killed_with_pid_one(view: View) -> Verdict:
    """A pid namespace that had processes before the step has none: PID 1 was killed, and so the rest.

    Evidence: `/proc/*/ns/pid`, before and now. Near misses: SIGTERM, which PID 1 ignores; another process
    killed.
    """
    expected = "PID 1 of the container is killed, and every process in its pid namespace with it"
    host = view.host.ns.get("pid")
    before = {p.ns["pid"] for p in view.before.processes.values() if "pid" in p.ns and p.ns["pid"] != host}
    if not before:
        return missed(expected, "there was no pid namespace of its own before this step")
    for inode in sorted(before):
        were = [p for p in view.before.processes.values() if p.ns.get("pid") == inode]
        keys = {p.key for p in were}
        left = [p for p in view.now.processes.values() if p.ns.get("pid") == inode and p.key in keys]
        if not [p for p in left if facts.alive(p)]:
            names = ", ".join(f"{p.comm} ({p.pid})" for p in were)
            evidence = Evidence("processes in it before", names, f"pid:[{inode}]")
            return passed(expected, "the pid namespace is empty, and so it is gone", [evidence])
    first = next((p for p in view.now.processes.values() if _is_first(view, p)), None)
    if first is None:
        return missed(expected, "something of it is still alive")
    evidence_now = [facts.args(first), _nspid(first), _parent(first)]
    then = view.before.processes.get(first.pid)
    if then is not None and then.key == first.key and then.ppid != first.ppid:
        found = "only its parent was killed; its PID 1 lives on"
        return missed(expected, found, evidence_now, diagnosis="killed-unshare")
    return missed(expected, "its PID 1 is still alive", evidence_now, diagnosis="pid1-ignores")


def killed_from_chroot(view: View, *, args: str) -> Verdict:
    """The host's process with these arguments was killed, while the learner's root is not the host's.

    Evidence: the process list before and after each line, `/proc/PID/root` of where that was typed. Near
    misses: killed from the host's own prompt, with a chroot in the other shell or gone into afterwards.
    """
    expected = f"`{args}`, a process of the host, is killed from inside the chroot"
    ends = [end for end in view.ends if " ".join(end.process.args) == args and facts.alive(end.process)]
    for end in ends:
        if facts.has_own_root(view, end.by):
            was = Evidence("killed", args, f"/proc/{end.process.pid}/cmdline, before")
            found = "a process outside is dead, and chroot did not mind"
            return passed(expected, found, [was, facts.root(end.by)])
    left = [p for p in view.now.processes.values() if " ".join(p.args) == args and facts.alive(p)]
    if left:
        return missed(expected, f"`{args}` is still alive", [facts.args(left[0])])
    if not ends:
        return missed(expected, f"`{args}` was not running when the step began")
    found = "it is dead, but you were not inside the chroot"
    return missed(expected, found, [facts.root(ends[-1].by)], diagnosis="killed-from-host")


def _is_first(view: View, process: Process) -> bool:
    return facts.alive(process) and facts.differs(view, process, "pid") and process.nspids[-1:] == (1,)


def _nspid(process: Process) -> Evidence:
    numbers = " ".join(str(number) for number in process.nspids)
    return Evidence("its pids, outside to inside", numbers, f"/proc/{process.pid}/status: NSpid")


def _parent(process: Process) -> Evidence:
    return Evidence("parent", str(process.ppid), f"/proc/{process.pid}/stat")
