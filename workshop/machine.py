"""What this machine can do: each capability with the reason and the way to get it. Looked at, never changed.

All of it is read from files, in a few milliseconds and without starting a process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from workshop import cgroups, delegation, engines, packages, rootless
from workshop.conditions import CAPABILITIES
from workshop.errors import MachineError
from workshop.frozen import frozen
from workshop.kernel import mountinfo
from workshop.kernel.model import Mount

_CAP_SYS_ADMIN = 21
_SBIN = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


_AS_ROOT = "sudo workshop, without --rootless"
_DEVICE = "a pool or a disk is a device of the machine's, and a user namespace has none"
_ENGINE = "its containers are root's, and an ordinary account may not look into them"
_BEYOND: Mapping[str, str] = {
    **dict.fromkeys(("zfs", "zfs-kernel", "zfs-fuse", "zfs-diff", "btrfs"), _DEVICE),
    **dict.fromkeys(("docker", "podman", "engine"), _ENGINE),
    "devices": "a device is the machine's, and a user namespace makes none",
    "proc-anew": "a user namespace gets a new /proc only as long as it sees another",
    "sudo": "it becomes root of the machine, and there is none in a user namespace",
}
"""What is there, but not for root of a user namespace; and why."""


@frozen
class Capability:
    name: str
    has: bool
    reason: str
    """Why it is missing; what it is, where it is there."""
    package: str = ""
    """The system's package that gives it; empty where none does."""
    remedy: str = ""
    """How to get it, in words or as a command."""


@frozen
class Machine:
    capabilities: Mapping[str, Capability]
    release: str
    """Of the kernel."""
    system: str
    """Of the distribution: `debian-12`."""

    def has(self, name: str) -> bool:
        capability = self.capabilities.get(name)
        return capability is not None and capability.has

    def require(self, *names: str) -> None:
        """MachineError for the first of these that is missing, with the way to get it."""
        for name in names:
            capability = self.capabilities[name]
            if not capability.has:
                raise MachineError(f"{name} is missing: {capability.reason}.", capability.remedy)


def examine(*, lab: bool = True) -> Machine:
    """Look at the machine. `lab`: the learner's host is to be one (without `--no-lab`)."""
    tools = ("strace", "sudo", "nft", "iptables", "ping", "runc", "nginx")
    found = [
        _root(),
        _capability("lab", "" if lab else "with --no-lab the host is the machine itself", "a lab"),
        _real_root(),
        _many_ids(),
        _capability("devices", "", "device nodes"),
        _capability("proc-anew", "", "a new /proc at any time"),
        *_zfs(),
        _filesystem("overlay", "overlay"),
        _btrfs(),
        *_cgroups(),
        _static("busybox"),
        _static("bash-static"),
        _user_namespaces(),
        *(_tool(name) for name in tools),
        _nat(),
        *_engines(),
    ]
    if rootless.inside():
        found = [_beyond(one) for one in found]
    return Machine({one.name: one for one in found}, os.uname().release, packages.release())


def search_path() -> str:
    """`PATH`, and root's: an ordinary account has no sbin in it."""
    return ":".join(dict.fromkeys((*os.get_exec_path(), *_SBIN)))


def which(name: str) -> Path | None:
    """A program, also where `PATH` is that of a user (no sbin), as after `su`."""
    for folder in search_path().split(":"):
        path = Path(folder) / name
        try:
            found = path.is_file() and os.access(path, os.X_OK)
        except OSError:  # a folder that the user may not enter: `su` keeps the PATH of root
            continue
        if found:
            return path
    return None


def knows_filesystem(name: str) -> bool:
    """Can the kernel mount it: by `/proc/filesystems` now, or by a module it loads when asked?"""
    if any(line.split()[-1:] == [name] for line in _lines("/proc/filesystems")):
        return True
    return has_module(name)


def has_module(name: str, base: Path = Path("/lib/modules")) -> bool:
    """`modules.dep` and `modules.builtin` of the running kernel (depmod(8))."""
    folder = base / os.uname().release
    for file in ("modules.dep", "modules.builtin"):
        try:
            text = (folder / file).read_bytes()
        except OSError:
            continue
        if f"/{name}.ko".encode() in text:
            return True
    return False


def _capability(name: str, missing: str, present: str, remedy: str = "") -> Capability:
    package = packages.package_for(name)
    if not missing:
        return Capability(name, True, present, package)
    return Capability(name, False, missing, package, remedy or (f"apt install {package}" if package else ""))


def _root() -> Capability:
    missing, remedy = "", "sudo workshop; or, without root, workshop --rootless"
    if os.geteuid() != 0:
        missing = "the program does not run as root, and making a host of one's own takes root"
    elif not _effective() >> _CAP_SYS_ADMIN & 1:
        missing = "root here lacks CAP_SYS_ADMIN, as in a container"
        remedy = "start the container with --privileged, or use a machine of its own (a VM)"
    return _capability("root", missing, "the program runs as root", remedy)


def _real_root() -> Capability:
    missing = "root here is that of a user namespace (--rootless)" if rootless.inside() else ""
    if not missing and os.geteuid() != 0:
        missing = "the program does not run as root"
    return _capability("real-root", missing, "root of the machine", _AS_ROOT)


def _many_ids() -> Capability:
    missing = "" if rootless.many_ids() else "--rootless gives one user id here, root's"
    remedy = "apt install uidmap, and a range for you in /etc/subuid and /etc/subgid: useradd(8) makes one"
    return _capability("many-ids", missing, "more user ids than one", remedy)


def _beyond(one: Capability) -> Capability:
    """A capability as root of a user namespace has it."""
    reason = _BEYOND.get(one.name)
    if reason is None or not one.has:
        return one
    return replace(one, has=False, reason=f"{reason} (--rootless)", package="", remedy=_AS_ROOT)


def _effective() -> int:
    """`CapEff` of `/proc/self/status`; capabilities(7)."""
    return next(
        (int(line.split()[1], 16) for line in _lines("/proc/self/status") if line.startswith("CapEff:")), 0
    )


def _zfs() -> tuple[Capability, ...]:
    fuse_program = which("zfs-fuse")
    fuse = ""
    if fuse_program is None:
        fuse = "zfs-fuse is not installed"
    elif not Path("/dev/fuse").exists():
        fuse = "there is no /dev/fuse"
    kernel = ""
    if not knows_filesystem("zfs"):
        kernel = "this kernel has no ZFS"
    elif fuse_program is not None:
        kernel = "the zfs command here is that of zfs-fuse"
    elif which("zpool") is None or which("zfs") is None:
        kernel = "there is no zfs command"
    either = fuse if fuse and kernel else ""
    fuse_remedy = "modprobe fuse; in a container, --device /dev/fuse" if fuse_program else ""
    return (
        _capability("zfs-kernel", kernel, "ZFS of the kernel"),
        _capability("zfs-fuse", fuse, "ZFS as a program, zfs-fuse", fuse_remedy),
        _capability("zfs", either, "ZFS", fuse_remedy or f"apt install {packages.package_for('zfs-fuse')}"),
        _capability(
            "zfs-diff", kernel and f"`zfs diff` is in the kernel's ZFS only, and {kernel}", "zfs diff"
        ),
    )


def _filesystem(name: str, fstype: str) -> Capability:
    missing = "" if knows_filesystem(fstype) else f"this kernel does not know {fstype}"
    return _capability(
        name, missing, f"{fstype} file systems", "another kernel: the distribution's own has it"
    )


def _btrfs() -> Capability:
    missing = "" if knows_filesystem("btrfs") else "this kernel does not know btrfs"
    if not missing and which("mkfs.btrfs") is None:
        missing = "mkfs.btrfs is not installed"
    return _capability("btrfs", missing, "btrfs file systems and their tools")


def _cgroups() -> tuple[Capability, ...]:
    """`cgroup1`: controllers of version 1 are mounted. `cgroup2`: version 2 is, and has the controllers."""
    try:
        mounts = mountinfo.parse(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
    except OSError:
        mounts = ()
    v1 = any(m.fstype == "cgroup" and not any(o.startswith("name=") for o in m.super_options) for m in mounts)
    v2 = any(m.fstype == "cgroup2" for m in mounts)
    had = _controllers(mounts)
    if rootless.inside():
        return _handed_cgroups(v2 and not v1 and delegation.obtained(), had)
    none = "no cgroup hierarchy is mounted"
    two = "" if v2 and not v1 else ("the controllers belong to cgroups of version 1 here" if v1 else none)
    return (
        _capability(
            "cgroup1", "" if v1 else "cgroups of version 1 are not in use here", "cgroups of version 1"
        ),
        _capability("cgroup2", two, "cgroups of version 2", "boot with systemd.unified_cgroup_hierarchy=1"),
        _capability(
            "hybrid", "" if v1 and v2 else "one version of cgroups is in use here, not both", "both versions"
        ),
        _capability("unified", "" if v2 else "cgroups of version 2 are not mounted", "cgroups of version 2"),
        _psi(v2),
        _capability("cgroups", "" if v1 or v2 else none, "groups of cgroups"),
        *(_controller(name, had) for name in cgroups.TAUGHT),
    )


def _controllers(mounts: Sequence[Mount]) -> frozenset[str]:
    """Those that are in a mounted hierarchy; cgroup_disable= of the kernel's command line takes one away."""
    found = {option for m in mounts if m.fstype == "cgroup" for option in m.super_options}
    for mount in mounts:
        if mount.fstype == "cgroup2":
            found.update(*(line.split() for line in _lines(f"{mount.target}/cgroup.controllers")))
    return frozenset(found)


def _controller(name: str, had: frozenset[str]) -> Capability:
    missing = "" if name in had else f"the {name} controller is in no cgroup hierarchy that is mounted"
    way = f"{cgroups.TOP}/{name}"
    one = f"mkdir {way} && mount -t cgroup -o {name} cgroup {way}"
    remedy = f"in version 1: {one}; in version 2: boot without cgroup_disable={name}"
    return _capability(name, missing, CAPABILITIES[name], remedy)


def _handed_cgroups(handed: bool, had: frozenset[str]) -> tuple[Capability, ...]:
    """Those of an ordinary account: only of version 2 can a part be handed over."""
    missing = "" if handed else "no part of the cgroup tree is this account's (--rootless)"
    remedy = f"log in where systemd has a session for you and cgroups of version 2; or {_AS_ROOT}"
    two = [(name, CAPABILITIES[name]) for name in ("cgroup2", "unified", "cgroups")]
    one = [(name, CAPABILITIES[name]) for name in ("cgroup1", "hybrid")]
    return (
        *(
            _controller(name, had) if handed else _capability(name, missing, CAPABILITIES[name], remedy)
            for name in cgroups.TAUGHT
        ),
        *(_capability(name, missing, what, remedy) for name, what in two),
        *(_capability(name, "version 1 is root's alone (--rootless)", what, _AS_ROOT) for name, what in one),
        _psi(handed),
    )


def _psi(v2: bool) -> Capability:
    """`/proc/pressure` is there when the kernel counts; a group's files are those of version 2 only."""
    missing = "" if Path("/proc/pressure/cpu").exists() else "this kernel does not count who waits"
    if not missing and not v2:
        missing = "the groups' pressure is in cgroups of version 2 only"
    return _capability("psi", missing, "pressure stall information", "boot with psi=1")


def _static(name: str) -> Capability:
    from workshop.images import is_static

    path = which(name)
    missing = ""
    if path is None:
        missing = f"{name} is not installed"
    elif not is_static(path):
        missing = f"{path} needs shared libraries, and an image has none"
    return _capability(name, missing, f"{path}, without libraries")


def _user_namespaces() -> Capability:
    limit = "".join(_lines("/proc/sys/user/max_user_namespaces")).strip()
    missing = ""
    if not Path("/proc/self/ns/user").exists():
        missing = "this kernel was built without user namespaces"
    elif limit == "0":
        missing = "user.max_user_namespaces is 0"
    return _capability("user-namespaces", missing, "user namespaces", "sysctl user.max_user_namespaces=10000")


def _tool(name: str) -> Capability:
    path = which(name)
    missing = "" if path else f"{name} is not installed"
    if path and name == "strace" and "".join(_lines("/proc/sys/kernel/yama/ptrace_scope")).strip() == "3":
        return _capability(
            name, "kernel.yama.ptrace_scope is 3: nobody may trace", "", "a reboot, with it at 1"
        )
    return _capability(name, missing, str(path))


def _nat() -> Capability:
    found = [name for name in ("nft", "iptables") if which(name)]
    missing = "" if found else "neither nftables nor iptables is installed"
    return _capability("nat", missing, " and ".join(found), f"apt install {packages.package_for('nft')}")


def _engines() -> tuple[Capability, ...]:
    found, answering = [], []
    for name in engines.NAMES:
        missing = ""
        if which(name) is None:
            missing = f"{name} is not installed"
        elif engines.socket_of(name) is None:
            missing = f"{name} is installed, but its service does not answer"
        else:
            answering.append(name)
        remedy = f"systemctl start {name}.socket" if missing.endswith("answer") else ""
        found.append(_capability(name, missing, f"{name} answers", remedy))
    missing = "" if answering else "neither Docker nor podman runs here"
    return (*found, _capability("engine", missing, " and ".join(answering)))


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
