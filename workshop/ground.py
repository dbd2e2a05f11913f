"""What a step stands on: what earlier steps have built, and what of it is gone."""

from __future__ import annotations

from collections.abc import Mapping

from workshop.kernel.model import Process, Snapshot


def taken_away(begun: Snapshot, before: Snapshot, now: Snapshot) -> tuple[str, ...]:
    """What was there when the step began, and has gone since `before`, in words for people."""
    stood, was, left = _things(begun), _things(before), _things(now)
    return tuple(dict.fromkeys(stood[key] for key in stood if key in was and key not in left))


def _things(snapshot: Snapshot) -> Mapping[tuple[str, object], str]:
    """All that a later step may need, by what it is told apart by. What is inside of something else that goes
    (the links of a namespace) goes without saying."""
    host = snapshot.processes.get(snapshot.host)
    found: dict[tuple[str, object], str] = {}
    for process in snapshot.processes.values():
        if host is not None and _is_init(process, host):
            found["container", process.key] = f"{process.comm} ({process.pid}), PID 1 of its namespace"
    for inode, network in snapshot.networks.items():
        if network.name is not None:
            found["netns", inode] = f"the network namespace {network.name}"
        if host is not None and inode == host.ns.get("net"):
            links = (link for link in network.links if link.kind)
            found |= {("link", link.index): f"{link.name}, a {link.kind}" for link in links}
    for mount in snapshot.mounts_of(snapshot.host):
        found["mount", mount.target] = f"the mount at {mount.target}"
    found |= {("dataset", name): name for name in snapshot.datasets}
    found |= {("group", group.path): f"the group {group.path}" for group in snapshot.cgroups}
    return found


def _is_init(process: Process, host: Process) -> bool:
    own = process.ns.get("pid") not in (None, host.ns.get("pid"))
    return own and process.nspids[-1:] == (1,) and process.state != "Z"
