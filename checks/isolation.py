"""What else keeps a container apart: limits, devices, its network, a security module. For the score card."""

from __future__ import annotations

from typing import Literal, NamedTuple

from checks import _facts as facts
from workshop.kernel.model import Cgroup, Link, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed, unsupported

HARMLESS = frozenset({(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (10, 200)})
"""null, zero, full, random, urandom, tty, console, ptmx, net/tun: what runc makes or allows."""
_PTYS = range(136, 144)
"""Major numbers of pseudo-terminals."""
_ENORMOUS = 1 << 62
"""What version 1 says for "no limit" is a little above."""


class _Limit(NamedTuple):
    """Where a limit is told: the files of version 2 and of version 1, and the controller of that."""

    v2: str
    controller: str
    v1: str


_LIMITS = {
    "memory": _Limit("memory.max", "memory", "memory.limit_in_bytes"),
    "cpu": _Limit("cpu.max", "cpu", "cpu.cfs_quota_us"),
    "pids": _Limit("pids.max", "pids", "pids.max"),
}


def resource_limited(view: View, *, resource: Literal["memory", "cpu", "pids"]) -> Verdict:
    """The process has a limit of its own for the resource, in its cgroup or in one above that.

    Evidence: `memory.max`, `cpu.max`, `pids.max` of the groups below `/sys/fs/cgroup`, in version 1
    `memory.limit_in_bytes`, `cpu.cfs_quota_us`. Near misses: a limit in a group that the host's first
    process is in as well; a weight instead of a limit.
    """
    expected = f"a limit for {resource}"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    files = _LIMITS[resource]
    seen: list[Evidence] = []
    for group in _own_groups(view, process, files):
        name = files.v1 if group.controller else files.v2
        text = group.values.get(name)
        if text is None:
            continue
        evidence = Evidence(name, text, _path(view, group, name))
        if _is_limit(name, text):
            return passed(expected, f"{resource} is limited to {_readable(name, text, group)}", [evidence])
        seen.append(evidence)
    if seen:
        return missed(expected, "its cgroup has none", seen, diagnosis="no-budget")
    path = process.cgroups.get(files.controller, process.cgroups.get("", "?"))
    where = Evidence("cgroup", path, f"/proc/{process.pid}/cgroup")
    found = "it is in the host's cgroup, or in one without this controller"
    return missed(expected, found, [where], diagnosis="no-budget")


def harmless_devices(view: View) -> Verdict:
    """The `/dev` that the process sees holds no disks, no memory: nothing but null, zero, random, ttys.

    Evidence: the nodes in `/proc/PID/root/dev`. Near misses: the host's own `/dev`; a devtmpfs mounted anew,
    which has the same nodes.
    """
    expected = "no device in its /dev but the harmless ones"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    nodes = view.now.devices.get(process.pid)
    source = f"/proc/{process.pid}/root/dev"
    if nodes is None:
        return unsupported(expected, "its /dev was not read")
    entry = facts.covering(view.now.mounts_of(process.pid), "/dev")
    theirs = facts.covering(view.now.mounts_of(view.now.host), "/dev")
    if not facts.has_own_root(view, process) and entry and theirs and entry.dev == theirs.dev:
        return missed(expected, "it is the host's /dev", [facts.mount(process, entry)])
    bad = [node for node in nodes if not _harmless(node)]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        found = f"there is {', '.join(node.split()[2] for node in bad[:3])}{more}"
        return missed(expected, found, [Evidence("device", node, source) for node in bad[:3]])
    names = ", ".join(node.split()[2] for node in nodes) or "none"
    return passed(expected, f"devices: {names}", [Evidence("devices", names, source)])


def device_rules(view: View) -> Verdict:
    """The cgroup of the process says which devices may be opened at all, whatever nodes there are.

    Evidence: `devices.list` of version 1, below `/sys/fs/cgroup/devices`. In version 2 the rules are a
    program (BPF) that cannot be read. Near miss: `a *:* rwm`, which allows everything.
    """
    expected = "rules on devices"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if "devices" not in process.cgroups:
        return unsupported(expected, "in cgroups of version 2 they are a BPF program, and no file shows it")
    for group in view.now.cgroups:
        if (group.controller, group.path) == ("devices", process.cgroups["devices"]):
            rules = group.values.get("devices.list", "")
            evidence = [
                Evidence("devices.list", rules.replace("\n", "; "), _path(view, group, "devices.list"))
            ]
            if not any(line.startswith("a ") for line in rules.splitlines()):
                found = f"{len(rules.splitlines())} rules say what may be opened"
                return passed(expected, found, evidence)
            return missed(expected, "every device may be opened", evidence)
    where = Evidence("cgroup", process.cgroups["devices"], f"/proc/{process.pid}/cgroup")
    return missed(expected, "it is in the host's cgroup: every device may be opened", [where])


def own_network(view: View, *, cable: bool = False) -> Verdict:
    """The process has a network of its own, with `lo` up; what else is in there is said. With `cable`, a veth
    leads from it to a bridge of the host.

    Evidence: `/proc/PID/ns/net`, and the links in there and on the host by netlink. Near misses: the host's
    network; a new one in which `lo` is still down; nothing in it but `lo`; a cable that ends in no port.
    """
    expected = "a network of its own, with lo up" + (", and a cable to a bridge" if cable else "")
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "net"):
        return missed(expected, "it is on the host's network", facts.both(view, process, "net"))
    network = view.now.networks.get(process.ns["net"])
    evidence = [facts.ns(process, "net")]
    if network is None:
        return unsupported(expected, "its network namespace cannot be entered")
    for link in network.links:
        addresses = [a.address for a in network.addresses if a.index == link.index]
        value = " ".join(["up" if link.up else "down", *addresses])
        evidence.append(Evidence(f"link {link.name}", value, f"/proc/{process.pid}/ns/net"))
    loopback = next((link for link in network.links if link.kind == "loopback"), None)
    if loopback is not None and not loopback.up:
        return missed(expected, "lo is down in there", evidence)
    if cable and not any(_on_a_bridge(view, link) for link in network.links):
        found = "no cable of it ends in a port of a bridge"
        return missed(expected, found, evidence, diagnosis="no-cable-to-bridge")
    others = [link.name for link in network.links if link is not loopback and link.up]
    return passed(expected, f"lo and {', '.join(others)}" if others else "lo, and nothing else", evidence)


def _on_a_bridge(view: View, link: Link) -> bool:
    """Is it a veth, up, whose peer on the host is a port of a bridge?"""
    host = view.now.networks.get(view.host.ns.get("net", 0))
    if host is None or link.kind != "veth" or not link.up:
        return False
    if link.peer_inode not in (None, view.host.ns.get("net")):
        return False
    ends = [
        one for one in host.links if one.kind == "veth" and (one.index, one.peer) == (link.peer, link.index)
    ]
    bridges = {one.index for one in host.links if one.kind == "bridge" and one.up}
    return any(end.up and end.master in bridges for end in ends)


def security_module(view: View) -> Verdict:
    """A security module (AppArmor, SELinux) has a profile or a label of its own for the process.

    Evidence: `/proc/PID/attr/current`. Near misses: `unconfined`; the label that the host's has.
    """
    expected = "a profile of AppArmor, or a label of SELinux"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if process.label is None:
        return unsupported(expected, "no security module with labels is active on this machine")
    evidence = [Evidence("label", process.label, f"/proc/{process.pid}/attr/current")]
    if process.label.startswith("unconfined") or process.label == view.host.label:
        return missed(expected, f"it is {process.label}", evidence)
    return passed(expected, f"it is {process.label}", evidence)


def _own_groups(view: View, process: Process, limit: _Limit) -> list[Cgroup]:
    """The groups of the process and those above that the host's is not in, the nearest first."""
    found = []
    for group in view.now.cgroups:
        if group.controller not in ("", limit.controller):
            continue
        mine, hosts = process.cgroups.get(group.controller), view.host.cgroups.get(group.controller, "/")
        if mine is not None and _within(mine, group.path) and not _within(hosts, group.path):
            found.append(group)
    return sorted(found, key=lambda group: -len(group.path))


def _within(path: str, group: str) -> bool:
    return path == group or path.startswith(group.rstrip("/") + "/")


def _is_limit(name: str, text: str) -> bool:
    first = text.split()[0] if text.split() else "max"
    if name == "cpu.cfs_quota_us":
        return int(first) > 0
    return first != "max" and int(first) < _ENORMOUS


def _readable(name: str, text: str, group: Cgroup) -> str:
    first = int(text.split()[0])
    if name.startswith("memory"):
        return f"{first / (1 << 20):g} MiB"
    if name == "pids.max":
        return f"{first} processes"
    words = text.split()
    period = int(words[1]) if len(words) > 1 else int(group.values.get("cpu.cfs_period_us", "100000"))
    return f"{first / period:.0%} of a processor"


def _path(view: View, group: Cgroup, name: str) -> str:
    """Where the file of a group is, on a machine that mounts its hierarchies where all do."""
    if group.controller:
        return f"/sys/fs/cgroup/{group.controller}{group.path.rstrip('/')}/{name}"
    hybrid = any(m.target == "/sys/fs/cgroup/unified" for m in view.now.mounts_of(view.now.host))
    return f"/sys/fs/cgroup{'/unified' if hybrid else ''}{group.path.rstrip('/')}/{name}"


def _harmless(node: str) -> bool:
    """A node as `c 1:3 null`."""
    kind, numbers, _ = node.split(maxsplit=2)
    major, minor = map(int, numbers.split(":"))
    return kind == "c" and ((major, minor) in HARMLESS or major in _PTYS)
