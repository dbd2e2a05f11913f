"""Control groups: limits, who is under them, and that they bite. cgroups(7), `/sys/fs/cgroup`.

Each check reads version 1 and version 2, whichever has the controller. The groups are those below the lab's.
"""

from __future__ import annotations

from checks import _facts as facts
from checks._groups import (
    Resource,
    at_limit,
    count,
    earlier,
    groups_of,
    ice,
    is_frozen,
    living_below,
    place_of,
    same_group,
    samples,
    time_waited,
    who,
)
from checks._limits import Limit, lifted, limit_of, lowest, to_bytes, under_limit
from workshop.kernel.model import Cgroup
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

_LEAST = 1 << 20
"""Bytes without which no shell starts a program."""
_WAITED = 200_000
"""Microseconds of waiting that nobody comes to by typing."""


def memory_limit(view: View, *, at_most: str) -> Verdict:
    """The process in question, and all that descend from it, may have at most so much memory: `"20M"`.

    Evidence: `/proc/PID/cgroup`, and `memory.max` (version 1: `memory.limit_in_bytes`) of that group and of
    every one above it; the lowest counts. Near misses: a limit on a group that the process is not in; a
    child that was there before its parent moved, and stayed behind; a larger limit; one with its unit
    forgotten, which the kernel rounds down to nothing.
    """
    most = to_bytes(at_most)
    expected = f"at most {at_most} of memory for the process and its descendants"
    return under_limit(view, "memory", most, expected, _LEAST)


def cpu_limit(view: View, *, percent: int) -> Verdict:
    """The process in question, and all that descend from it, get at most so much of a processor, in percent.

    Evidence: `/proc/PID/cgroup`, and `cpu.max` (version 1: `cpu.cfs_quota_us` over `cpu.cfs_period_us`).
    Near misses: a weight, which is no limit; a quota on a group of another tree that the process is not in.
    """
    return under_limit(
        view, "cpu", percent, f"at most {percent}% of one processor for the process and its descendants"
    )


def pids_limit(view: View, *, at_most: int) -> Verdict:
    """The process in question, and all that descend from it, may be at most so many processes and threads.

    Evidence: `/proc/PID/cgroup` and `pids.max` of that group and of every one above it.
    """
    return under_limit(view, "pids", at_most, f"at most {at_most} processes, the one in question among them")


def limit_lifted(view: View, *, resource: Resource) -> Verdict:
    """The process in question was under a limit when the step began, and is in that group still, under none.

    Evidence: `/proc/PID/cgroup`, and the limits of that group and of those above it, before and now. Near
    misses: a higher limit; a group without one, below one that has one; another group; another shell.
    """
    return lifted(view, resource, f"the same process in the same group, with no limit on {resource} any more")


def oom_killed(view: View) -> Verdict:
    """Since the step began, the kernel has killed something because its group was at its limit of memory.

    Evidence: `oom_kill` in `memory.events` (version 1: `memory.oom_control`) of any group below
    `/sys/fs/cgroup` has grown. Near misses: killed by hand, which is status 137 too; the limit was hit,
    and caches were given back instead.
    """
    expected = "a process killed by the kernel, because its group was at its limit of memory"
    hit: Evidence | None = None
    groups = groups_of(view, "memory")
    for group in groups:
        file = "memory.oom_control" if group.controller else "memory.events"
        now, then = count(group, file, "oom_kill"), count(earlier(view, group), file, "oom_kill")
        evidence = Evidence(f"oom_kill of {group.path}", f"{now}, {then} before", place_of(view, group, file))
        if now > then:
            limit = limit_of(view, group, "memory")
            found = f"the kernel killed {now - then} in {group.path}"
            return passed(expected, found, [evidence, *([limit.evidence] if limit else [])])
        if at_limit(group) > at_limit(earlier(view, group)):
            hit = evidence
    if hit is not None:
        found = "the limit was hit, but nothing had to be killed"
        return missed(expected, found, [hit], diagnosis="limit-held")
    counted = samples(view, groups, "memory.events", "memory.oom_control")
    return missed(expected, "no group has had to kill anything", counted, diagnosis="no-oom-kill")


def throttled(view: View) -> Verdict:
    """Since the step began, a group with a quota of processor time was made to wait.

    Evidence: `nr_throttled` in `cpu.stat` of a group below `/sys/fs/cgroup` has grown. Near misses: a
    quota, and nobody who works; work in a group that has none.
    """
    expected = "a group that used up its quota, and was made to wait"
    quota: Limit | None = None
    for group in groups_of(view, "cpu"):
        limit = limit_of(view, group, "cpu")
        if limit is None or limit.value is None:
            continue
        quota = limit
        now = count(group, "cpu.stat", "nr_throttled")
        then = count(earlier(view, group), "cpu.stat", "nr_throttled")
        if now > then:
            where = place_of(view, group, "cpu.stat")
            evidence = Evidence(f"nr_throttled of {group.path}", f"{now}, {then} before", where)
            found = f"{group.path} was stopped in {now - then} periods"
            return passed(expected, found, [limit.evidence, evidence])
    if quota is None:
        return missed(expected, "no group has a quota", diagnosis="no-limit")
    group = quota.group
    where = place_of(view, group, "cpu.stat")
    evidence = Evidence("nr_throttled", str(count(group, "cpu.stat", "nr_throttled")), where)
    found = f"{group.path} has a quota and has not used it up"
    return missed(expected, found, [quota.evidence, evidence], diagnosis="never-busy")


def bomb_stopped(view: View, *, at_most: int) -> Verdict:
    """A group with a limit of so many processes has refused to let more be born, and is empty again.

    Evidence: `pids.max`, `max` in `pids.events` has grown since the step began, no process in
    `cgroup.procs`, all below `/sys/fs/cgroup`. Near misses: a limit that nobody ran into; a bomb that is
    still going off.
    """
    expected = f"a group of at most {at_most} processes that refused a fork, with nobody left in it"
    limited = [
        (group, limit)
        for group in groups_of(view, "pids")
        if (limit := lowest(view, group, "pids")) is not None
        and limit.value is not None
        and limit.value <= at_most
    ]
    if not limited:
        return missed(expected, f"no group has a limit of {at_most} or less", diagnosis="no-limit")
    alive: Verdict | None = None
    for group, limit in limited:
        now = count(group, "pids.events", "max")
        then = count(earlier(view, group), "pids.events", "max")
        if now <= then:
            continue
        refused = Evidence(
            f"forks refused in {group.path}", f"{now}, {then} before", place_of(view, group, "pids.events")
        )
        members = living_below(view, group)
        if not members:
            return passed(
                expected, f"{group.path} refused {now - then}, and is empty", [limit.evidence, refused]
            )
        evidence = [limit.evidence, refused, who(view, group, members)]
        found = f"{len(members)} processes are still in {group.path}"
        alive = missed(expected, found, evidence, diagnosis="bomb-still-ticking")
    if alive is not None:
        return alive
    group, limit = limited[-1]
    found = f"{group.path} has a limit that nobody ran into"
    return missed(expected, found, [limit.evidence], diagnosis="limit-not-reached")


def frozen(view: View) -> Verdict:
    """A group is frozen, and there are processes in it.

    Evidence: `frozen 1` in `cgroup.events` (version 1: `FROZEN` in `freezer.state`), and `cgroup.procs`,
    below `/sys/fs/cgroup`. Near misses: SIGSTOP; a frozen group with nobody in it.
    """
    expected = "a frozen group with processes in it"
    empty: Cgroup | None = None
    for group in view.now.cgroups:
        if not is_frozen(group):
            continue
        if group.pids:
            found = f"{len(group.pids)} in {group.path} do not move"
            return passed(expected, found, [ice(view, group), who(view, group, group.pids)])
        empty = group
    if empty is not None:
        found = f"{empty.path} is frozen, and nobody is in it"
        return missed(expected, found, [ice(view, empty)], diagnosis="frozen-but-empty")
    stopped = next((p for p in facts.new_processes(view) if p.state in ("T", "t")), None)
    if stopped is not None:
        evidence = [Evidence("state", f"{stopped.state} (stopped)", f"/proc/{stopped.pid}/stat")]
        found = f"{stopped.comm} ({stopped.pid}) was stopped by a signal; no group is frozen"
        return missed(expected, found, evidence, diagnosis="stopped-not-frozen")
    return missed(expected, "no group is frozen", diagnosis="not-frozen")


def all_killed(view: View) -> Verdict:
    """All that were in a frozen group when the step began are dead, and the group is removed.

    Evidence: the members then (`/proc/PID/cgroup`), and whether `/proc/PID` is there now. Near misses:
    thawed only; SIGKILL that waits for the thaw (version 1); one of them killed, and not its family; an
    empty group that is still there.
    """
    expected = "everything that was in the frozen group is dead, and the group is gone"
    before = [group for group in view.before.cgroups if is_frozen(group) and group.pids]
    if not before:
        return missed(expected, "no group was frozen when this step began")
    for group in before:
        were = [view.before.processes[pid] for pid in group.pids if pid in view.before.processes]
        left = [p for p in were if (q := view.now.processes.get(p.pid)) and q.key == p.key and facts.alive(q)]
        names = ", ".join(f"{p.comm} ({p.pid})" for p in were)
        evidence = [Evidence("in it when the step began", names, place_of(view, group, "cgroup.procs"))]
        now = same_group(view.now.cgroups, group)
        if not left and now is None:
            return passed(expected, f"all {len(were)} of {group.path} are dead, and it is gone", evidence)
    if not left:
        found = f"all {len(were)} are dead; {group.path} is still there"
        return missed(expected, found, evidence, diagnosis="group-left-empty")
    found = f"{len(left)} of {len(were)} are alive"
    if now is not None:
        evidence += [ice(view, now), who(view, now, [p.pid for p in left])]
        if is_frozen(now):
            return missed(expected, f"{found}, and frozen", evidence, diagnosis="still-frozen")
    return missed(expected, found, evidence, diagnosis="thawed-not-killed")


def pressure_felt(view: View) -> Verdict:
    """Since the step began, processes of a group have waited for a processor, and the kernel has counted it.

    Evidence: `total` of `some` in `cpu.pressure` of a group of version 2, below `/sys/fs/cgroup`. Near
    misses: work that nobody has to wait for; work in the group that the host's first process is in, which
    nobody made for it.
    """
    expected = "a group whose processes had to wait for a processor"
    best: Evidence | None = None
    everybodys = view.now.processes[view.now.host].cgroups.get("")
    for group in view.now.cgroups:
        if group.controller or "cpu.pressure" not in group.values or group.path == everybodys:
            continue
        waited = time_waited(group) - time_waited(earlier(view, group))
        where = place_of(view, group, "cpu.pressure")
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
    members of the child, below `/sys/fs/cgroup`. Near misses: the controller is not handed down, so the
    child has no such file; a child without a limit; a child with nobody in it.
    """
    expected = f"a group that hands down {controller}, and a process in a limited group below it"
    parents = [
        group
        for group in view.now.cgroups
        if not group.controller and controller in group.values.get("cgroup.subtree_control", "").split()
    ]
    if not parents:
        groups = [group for group in view.now.cgroups if not group.controller]
        evidence = samples(view, groups, "cgroup.subtree_control")
        return missed(expected, f"no group hands {controller} down", evidence, diagnosis="not-handed-down")
    why, found, evidence = "no-limit", "no group below it has a limit", []
    for parent in parents:
        file = "cgroup.subtree_control"
        given = Evidence(f"{file} of {parent.path}", parent.values[file], place_of(view, parent, file))
        evidence = [given]
        for group in view.now.cgroups:
            if group.controller or group.path.rpartition("/")[0] != parent.path:
                continue
            limit = limit_of(view, group, controller)
            if limit is None or limit.value is None:
                continue
            members = living_below(view, group)
            if members:
                told = [given, limit.evidence, who(view, group, members)]
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
