"""A limit of a control group, and who is under it: cgroups(7), of version 1 and of version 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checks import _facts as facts
from checks._groups import Resource, groups_of, membership, place_of, tree
from workshop.kernel.model import Cgroup, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_NO_LIMIT = 1 << 60
"""Version 1 has no word for "none": a number that no machine has."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a group says of one resource: `value` in bytes, percent of a processor, or processes."""

    group: Cgroup
    value: float | None
    evidence: Evidence


def under_limit(view: View, resource: Resource, most: float, expected: str, least: float = 0) -> Verdict:
    """`least`: a limit below that was meant as another one, a unit forgotten."""
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    tightest: list[Evidence] = []
    for member in (process, *_descendants(view, process)):
        own = membership(member, resource)
        limit = _in_force(view, member, resource)
        evidence = [own, *([limit.evidence] if limit else [])]
        if limit is not None and limit.value is not None and limit.value < least:
            found = f"a limit so low that nothing can run under it: {limit.evidence.value}"
            return missed(expected, found, evidence, diagnosis="limit-too-low")
        if limit is not None and limit.value is not None and limit.value <= most:
            tightest = tightest or evidence
            continue
        if member is not process:
            found = f"its descendant {member.comm} ({member.pid}) is not under the limit"
            return missed(expected, found, [*tightest, *evidence], diagnosis="child-left-behind")
        return _unlimited(view, resource, most, expected, evidence)
    return passed(expected, f"{process.comm} ({process.pid}) and all below it are under the limit", tightest)


def lifted(view: View, resource: Resource, expected: str) -> Verdict:
    process = view.process
    earlier = view.before.processes.get(view.subject)
    if process is None or earlier is None or earlier.key != process.key:
        return missed(expected, "the shell that was under the limit is gone", diagnosis="process-ended")
    was = _in_force(View(view.before, view.before, view.subject), earlier, resource)
    now = _in_force(view, process, resource)
    evidence = [membership(process, resource), *([now.evidence] if now else [])]
    if was is None or was.value is None:
        return missed(expected, "it had no limit when the step began", evidence)
    if now is not None and now.value is not None:
        found = f"it is under a limit still, of {now.group.path}"
        return missed(expected, found, evidence, diagnosis="limit-still-there")
    if process.cgroups.get(tree(process, resource)) != earlier.cgroups.get(tree(earlier, resource)):
        found = f"no limit any more, but {process.comm} ({process.pid}) has left its group"
        return missed(expected, found, [membership(earlier, resource), *evidence], diagnosis="left-the-group")
    return passed(expected, f"{process.comm} ({process.pid}) may have all there is", evidence)


def _unlimited(
    view: View, resource: Resource, most: float, expected: str, evidence: Sequence[Evidence]
) -> Verdict:
    """Why the process in question is not under the limit."""
    limits = [limit for group in groups_of(view, resource) if (limit := limit_of(view, group, resource))]
    fits = [limit for limit in limits if limit.value is not None and limit.value <= most]
    if fits:
        found = f"{fits[-1].group.path} has the limit, but the process is not in it"
        return missed(expected, found, [*evidence, fits[-1].evidence], diagnosis="limit-without-members")
    larger = next((limit for limit in limits if limit.value is not None), None)
    if larger is not None:
        found = f"the limit of {larger.group.path} is larger"
        return missed(expected, found, [*evidence, larger.evidence], diagnosis="limit-too-high")
    if resource == "cpu":
        for group in groups_of(view, "cpu"):
            file, usual = ("cpu.shares", "1024") if group.controller else ("cpu.weight", "100")
            if group.values.get(file, usual) != usual:
                weight = Evidence(file, group.values[file], place_of(view, group, file))
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


def _in_force(view: View, process: Process, resource: Resource) -> Limit | None:
    """The lowest limit of the group that a process is in, and of those above."""
    name = tree(process, resource)
    path = process.cgroups.get(name)
    found: Limit | None = None
    for group in view.now.cgroups:
        if group.controller == name and path is not None and f"{path}/".startswith(f"{group.path}/"):
            found = _lower(found, limit_of(view, group, resource))
    return found


def lowest(view: View, group: Cgroup, resource: Resource) -> Limit | None:
    """The same for a group."""
    found: Limit | None = None
    for other in view.now.cgroups:
        if other.controller == group.controller and f"{group.path}/".startswith(f"{other.path}/"):
            found = _lower(found, limit_of(view, other, resource))
    return found


def _lower(one: Limit | None, other: Limit | None) -> Limit | None:
    if one is None or other is None or one.value is None or other.value is None:
        return next((x for x in (one, other) if x is not None and x.value is not None), one or other)
    return min(one, other, key=lambda limit: limit.value or 0)


def limit_of(view: View, group: Cgroup, resource: Resource) -> Limit | None:
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
    return Limit(group, value, Evidence(f"{file} of {group.path}", shown, place_of(view, group, file)))


def _number(text: str) -> float | None:
    """None for no limit: `max`, -1, or more than there can be."""
    value = -1 if text == "max" else int(text)
    return None if value < 0 or value >= _NO_LIMIT else float(value)


def to_bytes(text: str) -> int:
    unit = text[-1].upper() if text[-1:].isalpha() else ""
    return int(text.removesuffix(text[-1]) if unit else text) * _UNITS[unit]
