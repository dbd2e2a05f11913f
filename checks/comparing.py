"""Containers beside each other: what one has and the other has not, and what the machine booted into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from checks import _facts as facts
from checks._answers import judge_number
from checks.isolation import own_network, resource_limited
from checks.mounts import no_old_root, own_proc, pivoted
from checks.namespaces import own_namespaces
from checks.privileges import capabilities_within, masked, no_new_privs, read_only, seccomp_filter
from workshop.kernel import capabilities, folders
from workshop.kernel.model import Process
from workshop.kernel.subject import containers
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

Question = Callable[[View], Verdict]

WALLS: Mapping[str, Question] = MappingProxyType(
    {
        "capabilities": partial(capabilities_within, names=capabilities.DOCKER),
        "no_new_privs": no_new_privs,
        "seccomp": seccomp_filter,
        "masked": partial(masked, paths=" ".join(folders.MASKED)),
    }
)
"""What keeps a root in besides namespaces."""
ROWS: Mapping[str, Question] = MappingProxyType(
    {
        **{
            kind: partial(own_namespaces, kinds=kind)
            for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup")
        },
        "root": no_old_root,
        "proc": own_proc,
        "network": own_network,
        **WALLS,
        "read-only": partial(read_only, paths=" ".join(folders.READ_ONLY)),
        "memory": partial(resource_limited, resource="memory"),
        "cpu": partial(resource_limited, resource="cpu"),
        "pids": partial(resource_limited, resource="pids"),
    }
)
"""The rows by which two containers are compared; the score card has some more."""

FIRST_PID_NAMESPACE = 0xEFFFFFFC
"""`PROC_PID_INIT_INO` of the kernel's `include/linux/proc_ns.h`: 4026531836, on every machine."""


def predict_walls(view: View) -> Verdict:
    """Answered: how many of four walls are around the container that was started last.

    They are: no more capabilities than Docker's, no_new_privs, a seccomp filter, masked paths. Evidence:
    `CapBnd`, `NoNewPrivs` and `Seccomp` of `/proc/PID/status`, and `/proc/PID/mountinfo`. Near misses: the
    walls of a container that was started before; a container whose root is still the host's.
    """
    expected = "how many of the four walls are around the newest container"
    container = _newest(view)
    if container is None:
        return missed(expected, "no container is running", diagnosis="process-ended")
    if container not in facts.new_processes(view):
        found = "none was started in this step"
        return missed(expected, found, [facts.args(container)], diagnosis="process-ended")
    inside = _of(view, container)
    root = pivoted(inside)
    if not root.passed:
        return missed(expected, root.found, root.evidence, diagnosis=root.diagnosis)
    verdicts = {name: question(inside) for name, question in WALLS.items()}
    evidence = [facts.args(container), *(e for v in verdicts.values() for e in v.evidence[:1])]
    truth = sum(verdict.passed for verdict in verdicts.values())
    judged = judge_number(view, expected, truth, "walls-miscounted", evidence)
    has = ", ".join(name for name, verdict in verdicts.items() if verdict.passed) or "none of them"
    return replace(judged, found=f"{judged.found}: {has}") if judged.passed else judged


def keeps_up(view: View) -> Verdict:
    """The container that was started last has every row that the first of those that run has.

    The rows: namespaces, root, `/proc`, a network with `lo` up, the four walls, read-only paths, limits.
    Evidence: `/proc/PID/ns/*`, `mountinfo`, `status` of the newest one. Near misses: the first one alone; one
    row that is not met.
    """
    expected = "a container that has all that the first one has"
    every = containers(view.now)
    if len(every) < 2:
        return missed(expected, "there are no two containers to compare", diagnosis="process-ended")
    first, last = (_rows(view, every[place]) for place in (0, -1))
    evidence = [facts.args(every[0]), facts.args(every[-1])]
    behind = [name for name in ROWS if first[name].passed and not last[name].passed]
    if behind:
        verdict = last[behind[0]]
        found = f"it is behind in {', '.join(behind)}: {verdict.found}"
        return missed(expected, found, [*evidence, *verdict.evidence], diagnosis="behind")
    evidence += [each for name in WALLS for each in last[name].evidence[:1]]
    met = sum(verdict.passed for verdict in last.values())
    return passed(expected, f"{met} of {len(ROWS)} rows, and none of the other's is missing", evidence)


def one_row(view: View, *, row: str, gained: bool = False) -> Verdict:
    """The container that was started last differs from one that runs already in this row, and in no other.

    `row`: capabilities, no_new_privs, seccomp, masked, read-only, memory, cpu, pids, root, proc, or a kind of
    namespace; `network` is whether `lo` is up. It is lost, or with `gained` there and not in the other.
    Evidence: `/proc/PID/status`, `mountinfo`, `ns/*` and the cgroup of both. Near misses: nothing differs;
    something else goes with it.
    """
    expected = f"two containers that differ in {row} alone"
    every = containers(view.now)
    if len(every) < 2:
        return missed(expected, "there are no two containers to compare", diagnosis="process-ended")
    last = _rows(view, every[-1])
    evidence = [facts.args(every[-1]), *last[row].evidence[:1]] if row in last else []
    best: list[str] | None = None
    for other in every[:-1]:
        theirs = _rows(view, other)
        differing = [name for name in ROWS if theirs[name].passed != last[name].passed]
        if differing == [row] and last[row].passed == gained:
            evidence += [facts.args(other), *theirs[row].evidence[:1]]
            found = f"{every[-1].pid} and {other.pid} differ in {row} alone: {last[row].found}"
            return passed(expected, found, evidence)
        if best is None or len(differing) < len(best):
            best = differing
    if row in (best or ()):
        others = ", ".join(name for name in best or () if name != row)
        found = f"more than that differs: {others}" if others else f"it is the other way round with {row}"
        return missed(expected, found, evidence, diagnosis="more-than-one-row")
    return missed(expected, f"{row} is the same in the newest as before", evidence, diagnosis="row-unchanged")


def predict_first_pid_namespace(view: View) -> Verdict:
    """Answered `yes` or `no`: whether the host's pid namespace is the one that the machine booted into.

    Evidence: `/proc/1/ns/pid`: the number of the first one is fixed in the kernel's source, 4026531836.
    Near miss: to take PID 1 for a proof of it.
    """
    expected = "whether the host's pid namespace is the machine's first"
    first = view.host.ns.get("pid") == FIRST_PID_NAMESPACE
    evidence = [
        facts.ns(view.host, "pid"),
        Evidence("the machine's first", f"pid:[{FIRST_PID_NAMESPACE}]", "include/linux/proc_ns.h"),
        facts.args(view.host),
    ]
    if view.answer is None:
        return missed(expected, "your answer is still missing: type :answer yes or :answer no")
    truth = "yes" if first else "no"
    if view.answer.strip().casefold() != truth:
        found = f"you said {view.answer.strip()}, and the number says otherwise"
        return missed(expected, found, evidence, diagnosis="pid-one-of-many")
    return passed(expected, f"{truth}: PID 1 of your host is {view.host.comm}", evidence)


def _newest(view: View) -> Process | None:
    return next(reversed(containers(view.now)), None)


def _of(view: View, process: Process) -> View:
    return View(view.now, view.before, process.pid)


def _rows(view: View, process: Process) -> Mapping[str, Verdict]:
    inside = _of(view, process)
    return {name: question(inside) for name, question in ROWS.items()}
