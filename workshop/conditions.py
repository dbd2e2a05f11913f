"""Conditions on the machine: `when = "zfs"`, `when = ["zfs", "not docker"]`, `sh solution when=zfs,!docker`.

All the conditions of a list must hold. The names are fixed: an unknown one is an error in the lesson, not a
capability that no machine has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Protocol

CAPABILITIES: Mapping[str, str] = {
    "root": "the program runs as root",
    "lab": "a lab as the learner's host, and not the machine itself",
    "real-root": "that root is the machine's, not the one of a user namespace (--rootless)",
    "many-ids": "more user ids than one: root has all, others a range of /etc/subuid",
    "devices": "device nodes can be made, and disks attached",
    "proc-anew": "a new /proc can be mounted where no other is left",
    "zfs": "ZFS, the kernel's or zfs-fuse",
    "zfs-kernel": "ZFS of the kernel",
    "zfs-fuse": "ZFS as a program, zfs-fuse",
    "zfs-diff": "a ZFS that knows `zfs diff`",
    "overlay": "overlay file systems",
    "btrfs": "btrfs file systems and their tools",
    "cgroups": "groups of cgroups can be made, in either version",
    "cgroup1": "cgroups whose controllers are in version 1",
    "cgroup2": "cgroups whose controllers are in version 2",
    "hybrid": "version 2 mounted beside version 1, without controllers",
    "unified": "version 2 mounted, with controllers or without",
    "memory": "the memory controller, in either version",
    "cpu": "the cpu controller, in either version",
    "pids": "the pids controller, in either version",
    "psi": "pressure stall information, of the machine and of groups",
    "strace": "strace, and the right to trace",
    "busybox": "a busybox that needs no libraries",
    "bash-static": "a bash that needs no libraries",
    "sudo": "sudo",
    "docker": "a Docker that runs",
    "podman": "a podman that runs",
    "engine": "Docker or podman",
    "runc": "runc, which needs no service",
    "user-namespaces": "user namespaces",
    "nft": "nftables",
    "iptables": "iptables",
    "nat": "nftables or iptables",
    "ping": "ping",
    "nginx": "nginx",
}


class Capability(Protocol):
    """What this module needs to know of a capability of the machine."""

    @property
    def has(self) -> bool: ...

    @property
    def reason(self) -> str: ...

    @property
    def remedy(self) -> str: ...


def parse(text: str) -> str:
    """One condition in its normal form, `zfs` or `not zfs`; ValueError says what is wrong with it."""
    words = text.strip().removeprefix("!").split()
    negated = text.strip().startswith("!")
    if len(words) == 2 and words[0] == "not" and not negated:
        negated, words = True, words[1:]
    if len(words) != 1:
        raise ValueError(f"{text!r} is not a condition")
    if words[0] not in CAPABILITIES:
        raise ValueError(f"there is no capability {words[0]!r}")
    return f"not {words[0]}" if negated else words[0]


def split(condition: str) -> tuple[str, bool]:
    """The name in a condition, and whether the machine must have it."""
    name = condition.removeprefix("not ")
    return name, name == condition


def lacking(conditions: Iterable[str], capabilities: Mapping[str, Capability]) -> tuple[str, ...]:
    """What hinders on this machine, as sentences without a capital; empty when every condition holds."""
    found = []
    for condition in conditions:
        name, wanted = split(condition)
        capability = capabilities.get(name)
        has = capability is not None and capability.has
        if has == wanted:
            continue
        if not wanted:
            found.append(f"{name} is there, and this is for machines without it")
            continue
        said = (capability.reason, capability.remedy) if capability is not None else ()
        because = "; ".join(part.rstrip(".") for part in said if part)
        found.append(f"{name} is missing" + (f" ({because})" if because else ""))
    return tuple(found)


def holds(conditions: Iterable[str], machine: Mapping[str, bool]) -> bool:
    return all(machine[name] == wanted for name, wanted in map(split, conditions))


def machines(*lists: Iterable[str]) -> Iterator[Mapping[str, bool]]:
    """Every machine there can be, told apart by the names that occur in some lists of conditions."""
    names = {split(condition)[0] for conditions in lists for condition in conditions}
    for whole, parts in _EITHER.items():
        if names & {whole, *parts}:
            names |= {whole, *parts}
    if names & set(_CGROUPS):
        names |= set(_CGROUPS)
    ordered = sorted(names)
    for bits in product((True, False), repeat=len(ordered)):
        machine = dict(zip(ordered, bits, strict=True))
        if _possible(machine):
            yield machine


_EITHER = {
    "zfs": ("zfs-kernel", "zfs-fuse"),
    "engine": ("docker", "podman"),
    "unified": ("cgroup2", "hybrid"),
    "nat": ("nft", "iptables"),
}
_CGROUPS = ("cgroup1", "cgroup2", "hybrid", "cgroups")


def _possible(machine: Mapping[str, bool]) -> bool:
    for whole, parts in _EITHER.items():
        if whole in machine and machine[whole] != any(machine[part] for part in parts):
            return False
    if "zfs-diff" in machine and machine["zfs-diff"] and not machine.get("zfs-kernel", True):
        return False
    # The controllers are in one version, or not for us; on a hybrid machine, in version 1.
    one, two, hybrid, either = (machine.get(name) for name in _CGROUPS)
    return one is None or (not (one and two) and either == bool(one or two) and not (hybrid and not one))
