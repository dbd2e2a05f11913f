"""Control groups: limits, who is under them, and that they bite. cgroups(7), `/sys/fs/cgroup`.

Each check reads version 1 and version 2, whichever has the controller. The groups are those below the lab's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from checks import _facts as facts
from workshop.kernel.model import Cgroup, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

Resource = Literal["memory", "cpu", "pids"]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_NO_LIMIT = 1 << 60
"""Version 1 has no word for "none": a number that no machine has."""
_WAITED = 200_000
"""Microseconds of waiting that nobody comes to by typing."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a group says of one resource: `value` in bytes, percent of a processor, or processes."""

    group: Cgroup
    value: float | None
    evidence: Evidence


def memory_limit(view: View, *, at_most: str) -> Verdict:
    """The process in question, and all that descend from it, may have at most so much memory: `"20M"`.

    Evidence: `/proc/PID/cgroup`, and `memory.max` (version 1: `memory.limit_in_bytes`) of that group and of
    every one above it; the lowest counts. Near misses: a limit on a group that the process is not in; a
    child that was there before its parent moved, and stayed behind; a larger limit.
    """
    most = _bytes(at_most)
    return _limited(view, "memory", most, f"at most {at_most} of memory for the process and its descendants")


def cpu_limit(view: View, *, percent: int) -> Verdict:
    """The process in question, and all that descend from it, get at most so much of a processor, in percent.

    Evidence: `/proc/PID/cgroup`, and `cpu.max` (version 1: `cpu.cfs_quota_us` over `cpu.cfs_period_us`).
    Near misses: a weight, which is no limit; a quota on a group of another tree that the process is not in.
    """
    return _limited(
        view, "cpu", percent, f"at most {percent}% of one processor for the process and its descendants"
    )


def pids_limit(view: View, *, at_most: int) -> Verdict:
    """The process in question, and all that descend from it, may be at most so many processes and threads.

    Evidence: `/proc/PID/cgroup` and `pids.max` of that group and of every one above it.
    """
    return _limited(view, "pids", at_most, f"at most {at_most} processes, the one in question among them")


def oom_killed(view: View) -> Verdict:
    """Since the step began, the kernel has killed something because its group was at its limit of memory.

    Evidence: `oom_kill` in `memory.events` (version 1: `memory.oom_control`) of any group has grown. Near
    misses: killed by hand, which is status 137 too; the limit was hit, and caches were given back instead.
    """
    expected = "a process killed by the kernel, because its group was at its limit of memory"
    hit: Evidence | None = None
    groups = _groups(view, "memory")
    for group in groups:
        file = "memory.oom_control" if group.controller else "memory.events"
        now, then = _count(group, file, "oom_kill"), _count(_before(view, group), file, "oom_kill")
        evidence = Evidence(f"oom_kill of {group.path}", f"{now}, {then} before", _source(view, group, file))
        if now > then:
            limit = _limit(view, group, "memory")
            found = f"the kernel killed {now - then} in {group.path}"
            return passed(expected, found, [evidence, *([limit.evidence] if limit else [])])
        if _at_limit(group) > _at_limit(_before(view, group)):
            hit = evidence
    if hit is not None:
        found = "the limit was hit, but nothing had to be killed"
        return missed(expected, found, [hit], diagnosis="limit-held")
    counted = _first(view, groups, "memory.events", "memory.oom_control")
    return missed(expected, "no group has had to kill anything", counted, diagnosis="no-oom-kill")


def throttled(view: View) -> Verdict:
    """Since the step began, a group with a quota of processor time was made to wait.

    Evidence: `nr_throttled` in `cpu.stat` has grown. Near misses: a quota, and nobody who works; work in
    a group that has none.
    """
    expected = "a group that used up its quota, and was made to wait"
    quota: _Limit | None = None
    for group in _groups(view, "cpu"):
        limit = _limit(view, group, "cpu")
        if limit is None or limit.value is None:
            continue
        quota = limit
        now = _count(group, "cpu.stat", "nr_throttled")
        then = _count(_before(view, group), "cpu.stat", "nr_throttled")
        if now > then:
            where = _source(view, group, "cpu.stat")
            evidence = Evidence(f"nr_throttled of {group.path}", f"{now}, {then} before", where)
            found = f"{group.path} was stopped in {now - then} periods"
            return passed(expected, found, [limit.evidence, evidence])
    if quota is None:
        return missed(expected, "no group has a quota", diagnosis="no-limit")
    group = quota.group
    where = _source(view, group, "cpu.stat")
    evidence = Evidence("nr_throttled", str(_count(group, "cpu.stat", "nr_throttled")), where)
    found = f"{group.path} has a quota and has not used it up"
    return missed(expected, found, [quota.evidence, evidence], diagnosis="never-busy")


def bomb_stopped(view: View, *, at_most: int) -> Verdict:
    """A group with a limit of so many processes has refused to let more be born, and is empty again.

    Evidence: `pids.max`, `max` in `pids.events` has grown since the step began, no process in
    `cgroup.procs`. Near misses: a limit that nobody ran into; a bomb that is still going off.
    """
    expected = f"a group of at most {at_most} processes that refused a fork, with nobody left in it"
    limited = [
        (group, limit)
        for group in _groups(view, "pids")
        if (limit := _lowest(view, group, "pids")) is not None
        and limit.value is not None
        and limit.value <= at_most
    ]
    if not limited:
        return missed(expected, f"no group has a limit of {at_most} or less", diagnosis="no-limit")
    alive: Verdict | None = None
    for group, limit in limited:
        now = _count(group, "pids.events", "max")
        then = _count(_before(view, group), "pids.events", "max")
        if now <= then:
            continue
        refused = Evidence(
            f"forks refused in {group.path}", f"{now}, {then} before", _source(view, group, "pids.events")
        )
        members = _below(view, group)
        if not members:
            return passed(
                expected, f"{group.path} refused {now - then}, and is empty", [limit.evidence, refused]
            )
        evidence = [limit.evidence, refused, _members(view, group, members)]
        found = f"{len(members)} processes are still in {group.path}"
        alive = missed(expected, found, evidence, diagnosis="bomb-still-ticking")
    if alive is not None:
        return alive
    group, limit = limited[-1]
    found = f"{group.path} has a limit that nobody ran into"
    return missed(expected, found, [limit.evidence], diagnosis="limit-not-reached")


def frozen(view: View) -> Verdict:
    """A group is frozen, and there are processes in it.

    Evidence: `frozen 1` in `cgroup.events` (version 1: `FROZEN` in `freezer.state`), and `cgroup.procs`.
    Near misses: SIGSTOP; a frozen group with nobody in it.
    """
    expected = "a frozen group with processes in it"
    empty: Cgroup | None = None
    for group in view.now.cgroups:
        if not _is_frozen(group):
            continue
        if group.pids:
            found = f"{len(group.pids)} in {group.path} do not move"
            return passed(expected, found, [_ice(view, group), _members(view, group, group.pids)])
        empty = group
    if empty is not None:
        found = f"{empty.path} is frozen, and nobody is in it"
        return missed(expected, found, [_ice(view, empty)], diagnosis="frozen-but-empty")
    stopped = next((p for p in facts.new_processes(view) if p.state in ("T", "t")), None)
    if stopped is not None:
        evidence = [Evidence("state", f"{stopped.state} (stopped)", f"/proc/{stopped.pid}/stat")]
        found = f"{stopped.comm} ({stopped.pid}) was stopped by a signal; no group is frozen"
        return missed(expected, found, evidence, diagnosis="stopped-not-frozen")
    return missed(expected, "no group is frozen", diagnosis="not-frozen")


def all_killed(view: View) -> Verdict:
    """All that were in a frozen group when the step began are dead.

    Evidence: the members then, and `/proc` now. Near misses: thawed only; SIGKILL that waits for the thaw
    (version 1); one of them killed, and not its family.
    """
    expected = "everything that was in the frozen group is dead"
    before = [group for group in view.before.cgroups if _is_frozen(group) and group.pids]
    if not before:
        return missed(expected, "no group was frozen when this step began")
    for group in before:
        were = [view.before.processes[pid] for pid in group.pids if pid in view.before.processes]
        left = [p for p in were if (q := view.now.processes.get(p.pid)) and q.key == p.key and facts.alive(q)]
        names = ", ".join(f"{p.comm} ({p.pid})" for p in were)
        evidence = [Evidence("in it when the step began", names, _source(view, group, "cgroup.procs"))]
        if not left:
            return passed(expected, f"all {len(were)} of {group.path} are dead", evidence)
    now = _same(view.now.cgroups, group)
    found = f"{len(left)} of {len(were)} are alive"
    if now is not None:
        evidence += [_ice(view, now), _members(view, now, [p.pid for p in left])]
        if _is_frozen(now):
            return missed(expected, f"{found}, and frozen", evidence, diagnosis="still-frozen")
    return missed(expected, found, evidence, diagnosis="thawed-not-killed")


def pressure_felt(view: View) -> Verdict:
    """Since the step began, processes of a group have waited for a processor, and the kernel has counted it.

    Evidence: `total` of `some` in `cpu.pressure` of a group of version 2. Near misses: work that nobody has
    to wait for; work in the group that the host's first process is in, which nobody made for it.
    """
    expected = "a group whose processes had to wait for a processor"
    best: Evidence | None = None
    everybodys = view.now.processes[view.now.host].cgroups.get("")
    for group in view.now.cgroups:
        if group.controller or "cpu.pressure" not in group.values or group.path == everybodys:
            continue
        waited = _some(group) - _some(_before(view, group))
        where = _source(view, group, "cpu.pressure")
        best = Evidence(f"waited, in {group.path}", f"{waited / 1000:.0f} ms", where)
        if waited >= _WAITED:
            found = f"processes of {group.path} waited {waited / 1000:.0f} ms"
            return passed(expected, found, [best])
    if best is None:
        return missed(expected, "there is no group of version 2 of yours", diagnosis="no-pressure")
    return missed(expected, "nobody had to wait", [best], diagnosis="no-pressure")


def handed_down(view: View, *, controller: Resource) -> Verdict:
    """Version 2: a group hands a controller down, and a process is in a child of it that has a limit.

    Evidence: `cgroup.subtree_control` of the parent, which has no process itself, and the limit and the
    members of the child. Near misses: the controller is not handed down, so the child has no such file; a
    child without a limit; a child with nobody in it.
    """
    expected = f"a group that hands down {controller}, and a process in a limited group below it"
    parents = [
        group
        for group in view.now.cgroups
        if not group.controller and controller in group.values.get("cgroup.subtree_control", "").split()
    ]
    if not parents:
        groups = [group for group in view.now.cgroups if not group.controller]
        evidence = _first(view, groups, "cgroup.subtree_control")
        return missed(expected, f"no group hands {controller} down", evidence, diagnosis="not-handed-down")
    why, found, evidence = "no-limit", "no group below it has a limit", []
    for parent in parents:
        file = "cgroup.subtree_control"
        given = Evidence(f"{file} of {parent.path}", parent.values[file], _source(view, parent, file))
        evidence = [given]
        for group in view.now.cgroups:
            if group.controller or group.path.rpartition("/")[0] != parent.path:
                continue
            limit = _limit(view, group, controller)
            if limit is None or limit.value is None:
                continue
            members = _below(view, group)
            if members:
                told = [given, limit.evidence, _members(view, group, members)]
                return passed(expected, f"{group.path} is limited below {parent.path}", told)
            why, found, evidence = "limit-without-members", f"{group.path} is empty", [given, limit.evidence]
    return missed(expected, found, evidence, diagnosis=why)


def predict_version(view: View, *, controller: Resource) -> Verdict:
    """Answered `1` or `2`: the version of cgroups that has the controller on this machine.

    Evidence: `/proc/PID/cgroup` of the host's first process: version 1 has a line for the controller,
    version 2 has one line, `0::`, for all that are left.
    """
    expected = f"the version of cgroups that has the {controller} controller here"
    host = view.host
    line = (
        f"{controller}:{host.cgroups[controller]}"
        if controller in host.cgroups
        else f"0::{host.cgroups.get('', '')}"
    )
    evidence = [Evidence("the line of PID 1", line, f"/proc/{host.pid}/cgroup")]
    truth = "1" if controller in host.cgroups else "2"
    if view.answer is None:
        return missed(expected, "no answer yet: :answer gives one")
    if view.answer.strip().removeprefix("v") != truth:
        found = f"you said {view.answer.strip()}; look at the evidence"
        return missed(expected, found, evidence, diagnosis="other-version")
    return passed(expected, f"version {truth}, as you said", evidence)


# -- a limit, and who is under it


def _limited(view: View, resource: Resource, most: float, expected: str) -> Verdict:
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    tightest: list[Evidence] = []
    for member in (process, *_descendants(view, process)):
        own = _membership(member, resource)
        limit = _in_force(view, member, resource)
        evidence = [own, *([limit.evidence] if limit else [])]
        if limit is not None and limit.value is not None and limit.value <= most:
            tightest = tightest or evidence
            continue
        if member is not process:
            found = f"its descendant {member.comm} ({member.pid}) is not under the limit"
            return missed(expected, found, [*tightest, *evidence], diagnosis="child-left-behind")
        return _unlimited(view, resource, most, expected, evidence)
    return passed(expected, f"{process.comm} ({process.pid}) and all below it are under the limit", tightest)


def _unlimited(
    view: View, resource: Resource, most: float, expected: str, evidence: Sequence[Evidence]
) -> Verdict:
    """Why the process in question is not under the limit."""
    limits = [limit for group in _groups(view, resource) if (limit := _limit(view, group, resource))]
    fits = [limit for limit in limits if limit.value is not None and limit.value <= most]
    if fits:
        found = f"{fits[-1].group.path} has the limit, but the process is not in it"
        return missed(expected, found, [*evidence, fits[-1].evidence], diagnosis="limit-without-members")
    larger = next((limit for limit in limits if limit.value is not None), None)
    if larger is not None:
        found = f"the limit of {larger.group.path} is larger"
        return missed(expected, found, [*evidence, larger.evidence], diagnosis="limit-too-high")
    if resource == "cpu":
        for group in _groups(view, "cpu"):
            file, usual = ("cpu.shares", "1024") if group.controller else ("cpu.weight", "100")
            if group.values.get(file, usual) != usual:
                weight = Evidence(file, group.values[file], _source(view, group, file))
                found = f"{group.path} has a weight, and no quota"
                return missed(expected, found, [*evidence, weight], diagnosis="weight-is-no-limit")
    return missed(expected, f"no group has a limit on {resource}", evidence, diagnosis="no-limit")


def _descendants(view: View, process: Process) -> Iterator[Process]:
    """Its children and theirs; and all of its pid namespace, if that is not the host's. The dead do not
    count."""
    children: dict[int, list[Process]] = {}
    for other in view.now.processes.values():
        children.setdefault(other.ppid, []).append(other)
    seen = {process.pid}
    waiting = [process]
    if facts.differs(view, process, "pid"):
        waiting += [p for p in view.now.processes.values() if p.ns.get("pid") == process.ns["pid"]]
    while waiting:
        one = waiting.pop()
        waiting += [child for child in children.get(one.pid, []) if child.pid not in seen]
        if one.pid not in seen and facts.alive(one) and one.ns:
            yield one
        seen.add(one.pid)


def _in_force(view: View, process: Process, resource: Resource) -> _Limit | None:
    """The lowest limit of the group that a process is in, and of those above."""
    name = _tree(process, resource)
    path = process.cgroups.get(name)
    found: _Limit | None = None
    for group in view.now.cgroups:
        if group.controller == name and path is not None and f"{path}/".startswith(f"{group.path}/"):
            found = _lower(found, _limit(view, group, resource))
    return found


def _lowest(view: View, group: Cgroup, resource: Resource) -> _Limit | None:
    """The same for a group."""
    found: _Limit | None = None
    for other in view.now.cgroups:
        if other.controller == group.controller and f"{group.path}/".startswith(f"{other.path}/"):
            found = _lower(found, _limit(view, other, resource))
    return found


def _lower(one: _Limit | None, other: _Limit | None) -> _Limit | None:
    if one is None or other is None or one.value is None or other.value is None:
        return next((x for x in (one, other) if x is not None and x.value is not None), one or other)
    return min(one, other, key=lambda limit: limit.value or 0)


def _limit(view: View, group: Cgroup, resource: Resource) -> _Limit | None:
    """None when the group has no such file."""
    two = not group.controller
    file = {
        "memory": "memory.max" if two else "memory.limit_in_bytes",
        "cpu": "cpu.max" if two else "cpu.cfs_quota_us",
        "pids": "pids.max",
    }[resource]
    text = group.values.get(file)
    if text is None or not text.split():
        return None
    shown, value = text, _number(text.split()[0])
    if resource == "cpu":
        period = _number(text.split()[-1] if two else group.values.get("cpu.cfs_period_us", "100000"))
        shown = text if two else f"{text} of {period:.0f}" if period else text
        value = value * 100 / period if value is not None and period else None
    return _Limit(group, value, Evidence(f"{file} of {group.path}", shown, _source(view, group, file)))


def _number(text: str) -> float | None:
    """None for no limit: `max`, -1, or more than there can be."""
    value = -1 if text == "max" else int(text)
    return None if value < 0 or value >= _NO_LIMIT else float(value)


def _bytes(text: str) -> int:
    unit = text[-1].upper() if text[-1:].isalpha() else ""
    return int(text.removesuffix(text[-1]) if unit else text) * _UNITS[unit]


# -- groups


def _tree(process: Process, resource: str) -> str:
    """In which tree a controller is: its own of version 1, or the one of version 2."""
    return resource if resource in process.cgroups else ""


def _groups(view: View, resource: Resource) -> list[Cgroup]:
    """The groups of the tree that has the controller, the deepest last."""
    name = _tree(view.host, resource)
    return [group for group in view.now.cgroups if group.controller == name]


def _before(view: View, group: Cgroup) -> Cgroup | None:
    return _same(view.before.cgroups, group)


def _same(groups: Iterable[Cgroup], group: Cgroup) -> Cgroup | None:
    """The group of that name at another moment."""
    key = (group.controller, group.path)
    return next((other for other in groups if (other.controller, other.path) == key), None)


def _below(view: View, group: Cgroup) -> list[int]:
    """The living processes in a group and in those below it."""
    found = []
    for other in view.now.cgroups:
        if other.controller == group.controller and f"{other.path}/".startswith(f"{group.path}/"):
            for pid in other.pids:
                process = view.now.processes.get(pid)
                if process is not None and facts.alive(process):
                    found.append(pid)
    return found


def _count(group: Cgroup | None, file: str, name: str) -> int:
    """A number of a flat keyed file: `oom_kill 1`."""
    for line in group.values.get(file, "").splitlines() if group else ():
        key, _, number = line.partition(" ")
        if key == name and number.strip().isdigit():
            return int(number)
    return 0


def _at_limit(group: Cgroup | None) -> int:
    if group is None:
        return 0
    failed = group.values.get("memory.failcnt", "0")
    return int(failed) if group.controller and failed.isdigit() else _count(group, "memory.events", "max")


def _some(group: Cgroup | None) -> int:
    """Microseconds in which somebody waited: `some avg10=0.00 … total=1234`."""
    for line in group.values.get("cpu.pressure", "").splitlines() if group else ():
        if line.startswith("some ") and line.rpartition("total=")[2].isdigit():
            return int(line.rpartition("total=")[2])
    return 0


def _is_frozen(group: Cgroup) -> bool:
    if group.controller == "freezer":
        return group.values.get("freezer.state") == "FROZEN"
    return not group.controller and _count(group, "cgroup.events", "frozen") == 1


# -- evidence


def _membership(process: Process, resource: Resource) -> Evidence:
    path = process.cgroups.get(_tree(process, resource), "in none")
    return Evidence(f"{resource} group of {process.comm}", path, f"/proc/{process.pid}/cgroup")


def _members(view: View, group: Cgroup, pids: Sequence[int]) -> Evidence:
    processes = [view.now.processes[pid] for pid in pids if pid in view.now.processes]
    names = [f"{process.comm} ({process.pid})" for process in processes]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return Evidence(f"in {group.path}", shown or "nobody", _source(view, group, "cgroup.procs"))


def _ice(view: View, group: Cgroup) -> Evidence:
    if group.controller:
        state = group.values.get("freezer.state", "?")
        return Evidence(f"state of {group.path}", state, _source(view, group, "freezer.state"))
    value = f"frozen {_count(group, 'cgroup.events', 'frozen')}"
    return Evidence(f"events of {group.path}", value, _source(view, group, "cgroup.events"))


def _first(view: View, groups: Iterable[Cgroup], *files: str) -> list[Evidence]:
    """One file of each group, for the verdict that it says nothing yet."""
    found = []
    for group in groups:
        for file in files:
            if file in group.values:
                text = " ".join(group.values[file].split()) or "empty"
                found.append(Evidence(f"{file} of {group.path}", text, _source(view, group, file)))
    return found[:3]


def _source(view: View, group: Cgroup, file: str) -> str:
    """Where the file stands, by the mounts that the host sees."""
    for mount in view.now.mounts_of(view.now.host):
        two = mount.fstype == "cgroup2" and not group.controller
        one = mount.fstype == "cgroup" and group.controller in mount.super_options
        if two or one:
            return f"{mount.target}{group.path}/{file}"
    return f"/sys/fs/cgroup{group.path}/{file}"
