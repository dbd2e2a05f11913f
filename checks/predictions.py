"""Predictions: what the learner answered, held against what `/proc` says at that moment."""

from __future__ import annotations

from collections.abc import Mapping

from checks import _facts as facts
from checks._answers import judge, judge_number
from workshop.kernel.model import NS_KINDS, NsKind, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed


def predict_own_namespaces(view: View) -> Verdict:
    """Answered: how many of the learner's namespaces are not those of the host's first process.

    Evidence: `/proc/PID/ns/*` of both. Near misses: the number of the kinds there are; no number.
    """
    expected = "the number of namespaces that are others than those of PID 1"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    differing = facts.differing(view, process)
    evidence = [_beside(view, process, kind) for kind in NS_KINDS]
    return judge_number(view, expected, len(differing), "every-process-has-them", evidence)


def predict_same_cgroup(view: View, *, comm: str) -> Verdict:
    """Answered `same` or `own`: the cgroup of a process `comm` that was just started, beside its parent's.

    Evidence: `/proc/PID/cgroup` of both. The process must run.
    """
    expected = f"whether {comm} is in the same cgroup as the shell that started it"
    pairs = [
        (child, view.now.processes[child.ppid])
        for child in facts.new_processes(view)
        if child.comm == comm and child.ppid in view.now.processes
    ]
    if not pairs:
        return missed(expected, f"no new process {comm} is running", diagnosis="process-ended")
    child, parent = pairs[-1]
    evidence = [
        Evidence(f"cgroup of {whose}{p.comm} ({p.pid})", _groups(p.cgroups), f"/proc/{p.pid}/cgroup")
        for whose, p in (("", child), ("its parent, ", parent))
    ]
    truth = "same" if child.cgroups == parent.cgroups else "own"
    return judge(view, expected, truth, "cgroup-is-inherited", evidence)


def predict_mounts(view: View) -> Verdict:
    """Answered `none`, `fewer` or `same`: how many mounts a process in a new mount namespace sees, at first.

    Evidence: the lines of `/proc/PID/mountinfo` of both. A new process with a mount namespace of its own
    must run.
    """
    expected = "what a process in a new mount namespace sees of the host's mounts"
    found = [
        p for p in facts.new_processes(view) if facts.differs(view, p, "mnt") and view.now.mounts_of(p.pid)
    ]
    if not found:
        text = "no new process has a mount namespace of its own"
        return missed(expected, text, diagnosis="namespace-missing")
    process = found[-1]
    ours = {m.target for m in view.now.mounts_of(process.pid)}
    theirs = {m.target for m in view.now.mounts_of(view.now.host)}
    evidence = [
        Evidence("places with a mount", str(len(seen)), f"/proc/{pid}/mountinfo")
        for pid, seen in ((process.pid, ours), (view.now.host, theirs))
    ]
    if ours & theirs and not theirs <= ours:
        since = "one of the lists was changed since: the question is about a fresh one"
        return missed(expected, since, evidence, diagnosis="mounts-since")
    # What was mounted in there, or for the host, since is nothing that it saw at first.
    truth = "same" if ours else "none"
    return judge(view, expected, truth, "mounts-are-copied", evidence)


def predict_kernel(view: View, *, kinds: str) -> Verdict:
    """Answered `host` or `own`: whose kernel runs a process that has these namespaces of its own.

    Evidence: the namespaces, and the one kernel release that `uname(2)` tells all of them. Near miss:
    answered from the host's prompt, with no container about.
    """
    expected = "whose kernel runs the processes in your new namespaces"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    for kind in (k for k in NS_KINDS if k in kinds.split()):
        if not facts.differs(view, process, kind):
            found = f"the {kind} namespace is still the host's"
            return missed(expected, found, facts.both(view, process, kind), diagnosis=_why(view, kind))
    release = Evidence("kernel release, in there and out here", view.now.release, "uname(2)")
    evidence = [*(facts.ns(process, k) for k in NS_KINDS if k in kinds.split()), release]
    return judge(view, expected, "host", "one-kernel", evidence)


def predict_survives(view: View) -> Verdict:
    """Answered `yes` or `no`: whether PID 1 of the container dies when it is killed from inside.

    Evidence: the process that was PID 1 when the step began is still the same one (pid and start time,
    `/proc/PID/stat`). It must have been tried from inside a pid namespace of its own. Near miss: an
    answer, and nothing tried.
    """
    expected = "whether PID 1 dies of kill -9 from inside"
    process = view.process
    if process is None or not facts.differs(view, process, "pid"):
        found = "you are in no pid namespace of your own"
        return missed(expected, found, diagnosis="no-new-namespace")
    first = facts.first_of(view, process)
    if first is None:
        return missed(expected, "the pid namespace has no PID 1 any more")
    if not view.tried:
        return missed(expected, "nothing was tried yet")
    before = view.before.processes.get(first.pid)
    truth = "no" if before is not None and before.key == first.key else "yes"
    evidence = [
        Evidence(
            "PID 1, before and now", f"{first.comm}, started at {first.start}", f"/proc/{first.pid}/stat"
        )
    ]
    return judge(view, expected, truth, "pid1-is-immune", evidence)


def _beside(view: View, process: Process, kind: NsKind) -> Evidence:
    """A namespace of the learner's process and of the host's first one, in one line."""
    mine, theirs = process.ns.get(kind), view.host.ns.get(kind)
    same = "the same" if mine == theirs else f"{kind}:[{theirs}]"
    sources = f"/proc/{process.pid}/ns/{kind}, /proc/{view.host.pid}/ns/{kind}"
    return Evidence(kind, f"{kind}:[{mine}], PID 1: {same}", sources)


def _why(view: View, kind: NsKind) -> str:
    process = view.process
    if process is not None and kind == "pid" and facts.waits_for_child(view, process):
        return "forgot-fork"
    return (
        "no-new-namespace" if process is None or not facts.differing(view, process) else "namespace-missing"
    )


def _groups(cgroups: Mapping[str, str]) -> str:
    """One path where all controllers agree, as they mostly do; else each with its own."""
    paths = set(cgroups.values())
    if len(paths) == 1:
        return paths.pop()
    return ", ".join(f"{name or 'v2'}:{path}" for name, path in sorted(cgroups.items()))
