"""Mounts: propagation, `pivot_root`, `/proc`, `/sys`, `/dev`, volumes. mount_namespaces(7), mountinfo."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel.model import Mount, Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

_PSEUDO = frozenset({"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs"})


def own_proc(view: View) -> Verdict:
    """Inside a pid namespace of its own, the process sees the `/proc` of that namespace.

    Evidence: `/proc/PID/ns/pid` and the pid namespace of the procfs at its `/proc`. Near misses: no
    procfs there, the old `/proc`, and a new one mounted over the host's because the mount namespace is
    still the host's.
    """
    expected = "a /proc that belongs to its own pid namespace"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "pid"):
        why = "forgot-fork" if facts.waits_for_child(view, process) else "no-new-namespace"
        found = "the pid namespace is still the host's"
        return missed(expected, found, facts.both(view, process, "pid"), diagnosis=why)
    proc = Evidence(
        "pid namespace of its /proc", f"pid:[{process.proc_pid_ns}]", f"/proc/{process.pid}/root/proc"
    )
    evidence = [facts.ns(process, "pid"), proc]
    if process.proc_pid_ns is None:
        found = "a new pid namespace, but nothing is mounted at /proc"
        return missed(expected, found, [facts.ns(process, "pid"), facts.root(process)], diagnosis="no-proc")
    if process.proc_pid_ns != process.ns["pid"]:
        found = "a new pid namespace, but /proc is still the old one"
        return missed(expected, found, evidence, diagnosis="old-proc")
    if not facts.differs(view, process, "mnt") and not facts.has_own_root(view, process):
        found = "its /proc is right, but it was mounted over the host's"
        return missed(
            expected, found, [*evidence, *facts.both(view, process, "mnt")], diagnosis="proc-over-host"
        )
    return passed(expected, "/proc shows its own pid namespace", evidence)


def private_mount(view: View, *, target: str, fstype: str = "") -> Verdict:
    """Something is mounted at `target` for the process in question, and not for the host.

    Evidence: `/proc/PID/mountinfo` of both. Near misses: mounted on the host; leaked out by shared
    propagation.
    """
    expected = f"a mount at {target} that the host does not see"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    theirs = facts.mounted_at(view.now.mounts_of(view.now.host), target)
    if not facts.differs(view, process, "mnt"):
        evidence = facts.both(view, process, "mnt")
        if theirs is not None:
            return missed(expected, "it is mounted on the host", evidence, diagnosis="mounted-on-host")
        found = "the mount namespace is still the host's"
        return missed(expected, found, evidence, diagnosis="no-new-namespace")
    ours = facts.mounted_at(view.now.mounts_of(process.pid), target)
    if ours is None:
        return missed(expected, f"nothing is mounted at {target}", [facts.ns(process, "mnt")])
    if fstype and ours.fstype != fstype:
        return missed(expected, f"{ours.fstype} is mounted there", [facts.mount(process, ours)])
    if theirs is not None and theirs.dev == ours.dev:
        evidence_of_leak = [facts.mount(process, ours), facts.mount(view.host, theirs)]
        return missed(expected, "the host sees it as well", evidence_of_leak, diagnosis="mount-leaks")
    return passed(expected, f"{target} is in its mountinfo only", [facts.mount(process, ours)])


def leaked(view: View, *, target: str) -> Verdict:
    """A mount made in another mount namespace has come out: the host has the same one at `target`.

    Evidence: the `shared:N` tag in `/proc/PID/mountinfo` of both, the same peer group. Near misses:
    mounted by the host itself, with no other namespace about; shared inside only.
    """
    expected = f"a mount at {target}, made in a new mount namespace and seen by the host"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "mnt"):
        why = "no-new-namespace"
        return missed(
            expected,
            "the mount namespace is still the host's",
            facts.both(view, process, "mnt"),
            diagnosis=why,
        )
    ours = facts.mounted_at(view.now.mounts_of(process.pid), target)
    if ours is None:
        return missed(expected, f"nothing is mounted at {target}", [facts.ns(process, "mnt")])
    theirs = facts.mounted_at(view.now.mounts_of(view.now.host), target)
    if theirs is None or theirs.dev != ours.dev:
        found = "the host does not see it"
        why = "shared-with-nobody" if _groups(ours) else "private-by-default"
        return missed(expected, found, [facts.mount(process, ours)], diagnosis=why)
    evidence = [facts.mount(process, ours), facts.mount(view.host, theirs)]
    if not set(_groups(ours)) & set(_groups(theirs)):
        return missed(expected, "both have it, but not by propagation", evidence)
    return passed(expected, "the mount came out: both are in the same peer group", evidence)


def private_mounts(view: View) -> Verdict:
    """In its own mount namespace, no mount of the process is `shared`: nothing that it mounts comes out.

    Evidence: the optional fields of `/proc/PID/mountinfo`; private, slave and unbindable all do. Near
    miss: `--make-private` without the r, which is for one mount only.
    """
    expected = "its own mount namespace, with no shared mount in it"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "mnt"):
        found = "the mount namespace is still the host's"
        evidence = facts.both(view, process, "mnt")
        return missed(expected, found, evidence, diagnosis="no-new-namespace")
    mounts = view.now.mounts_of(process.pid)
    if not mounts:
        return missed(expected, "it sees no mount at all", [facts.root(process)])
    shared = [entry for entry in mounts if _groups(entry)]
    if shared:
        top = facts.mounted_at(mounts, "/")
        why = "not-recursive" if top is not None and not _groups(top) else "still-shared"
        found = f"{len(shared)} of {len(mounts)} mounts are shared, {shared[0].target} is one"
        return missed(expected, found, [facts.mount(process, shared[0])], diagnosis=why)
    return passed(expected, f"none of its {len(mounts)} mounts is shared", [facts.mount(process, mounts[0])])


def pivoted(view: View) -> Verdict:
    """The root of the process is a mount of its own, in its own mount namespace: `pivot_root`, not `chroot`.

    Evidence: `/proc/PID/root` is `/` with another device and inode than the host's, and mountinfo has a
    mount at `/`. That the old root is still mounted somewhere is another question (`no_old_root`).
    """
    expected = "a process whose / is a mount of its own, by pivot_root"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "mnt"):
        found = "the mount namespace is still the host's"
        evidence = facts.both(view, process, "mnt")
        return missed(expected, found, evidence, diagnosis="no-new-namespace")
    if not facts.has_own_root(view, process):
        return missed(
            expected, "its / is still the host's", [facts.root(process)], diagnosis=_no_pivot(view, process)
        )
    mounts = view.now.mounts_of(process.pid)
    top = facts.mounted_at(mounts, "/")
    assert process.root is not None
    if process.root.path != "/" or top is None:
        found = "its / is another folder, but no mount of its own: that is chroot"
        return missed(expected, found, [facts.root(process)], diagnosis="chroot-not-pivot")
    return passed(expected, "its / is a mount of its own", [facts.root(process), facts.mount(process, top)])


def no_old_root(view: View) -> Verdict:
    """After `pivot_root`, the old root is mounted nowhere below the new one.

    Evidence: no line of `/proc/PID/mountinfo` shows the host's root file system or anything that the host
    had mounted. Near misses: the old root still at `/old`; hidden below another mount.
    """
    verdict = pivoted(view)
    expected = "a pivoted root in which the old one is mounted no more"
    process = view.process
    if not verdict.passed or process is None:
        return missed(expected, verdict.found, verdict.evidence, diagnosis=verdict.diagnosis)
    mounts = view.now.mounts_of(process.pid)
    old = _old_root(view, mounts)
    if old is not None:
        hidden = facts.mounted_at(mounts, old.target)
        why = "old-root-hidden" if hidden is not None and hidden is not old else "old-root-left"
        found = f"the old root is still mounted at {old.target}"
        return missed(expected, found, [facts.mount(process, old)], diagnosis=why)
    lines = ", ".join(entry.target for entry in mounts)
    evidence = Evidence("all its mounts", lines, f"/proc/{process.pid}/mountinfo")
    return passed(expected, "the old root is in no line of its mountinfo", [evidence])


def sealed(view: View) -> Verdict:
    """There is no way back to the host's root: pivoted, the old one let go, no host process in its `/proc`.

    Evidence: mountinfo, `/proc/PID/ns/pid`, and the pid namespace of its `/proc`. Near miss: pivoted, but
    in the host's pid namespace: `/proc/1/root` is a door.
    """
    expected = "a root of its own with no way back to the host's"
    verdict = no_old_root(view)
    process = view.process
    if not verdict.passed or process is None:
        return missed(expected, verdict.found, verdict.evidence, diagnosis=verdict.diagnosis)
    if not facts.differs(view, process, "pid"):
        found = "the old root is gone, but a host process is one /proc/PID/root away"
        evidence = facts.both(view, process, "pid")
        why = "forgot-fork" if facts.waits_for_child(view, process) else "door-in-proc"
        return missed(expected, found, evidence, diagnosis=why)
    if process.proc_pid_ns is None or process.proc_pid_ns != process.ns["pid"]:
        mounted = "no" if process.proc_pid_ns is None else "the host's"
        found = f"a pid namespace of its own, but {mounted} procfs at /proc"
        why = "no-proc" if process.proc_pid_ns is None else "old-proc"
        return missed(expected, found, [facts.ns(process, "pid"), facts.root(process)], diagnosis=why)
    return passed(expected, "no mount and no process leads out", verdict.evidence)


def system_mounts(view: View) -> Verdict:
    """The process has `/proc`, `/sys` and `/dev` of its own, inside a root of its own.

    Evidence: `/proc/PID/mountinfo`: procfs at `/proc`, sysfs at `/sys`, a tmpfs at `/dev`. Near miss: the
    host's devtmpfs at `/dev`, which has the host's disks in it.
    """
    expected = "/proc, /sys and a /dev of its own, in a root of its own"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.has_own_root(view, process) or not facts.differs(view, process, "mnt"):
        evidence = [facts.root(process), facts.ns(process, "mnt")]
        return missed(expected, "it is not in a root and a mount namespace of its own", evidence)
    mounts = view.now.mounts_of(process.pid)
    seen: list[Evidence] = []
    for target, fstype in (("/proc", "proc"), ("/sys", "sysfs"), ("/dev", "tmpfs")):
        entry = facts.mounted_at(mounts, target)
        if entry is None:
            return missed(expected, f"nothing is mounted at {target}", seen, diagnosis="not-mounted")
        seen.append(facts.mount(process, entry))
        if entry.fstype != fstype:
            why = "host-dev" if entry.fstype == "devtmpfs" else "not-mounted"
            return missed(expected, f"at {target} is {entry.fstype}", seen, diagnosis=why)
    return passed(expected, "all three are there", seen)


def bind_volume(view: View, *, target: str, source: str) -> Verdict:
    """The folder `source` of the host is bind mounted at `target` of the process's own root.

    Evidence: `/proc/PID/mountinfo`: the mount at `target` has the device and the root field of `source`.
    Near misses: a copy of the folder (no mount), another file system there, a mount made on the host's
    `/` only.
    """
    expected = f"{source} of the host at {target} of the container"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.has_own_root(view, process):
        found = "the process is not in a root of its own"
        return missed(expected, found, [facts.root(process)], diagnosis="root-is-the-hosts")
    entry = facts.mounted_at(view.now.mounts_of(process.pid), target)
    if entry is None:
        found = f"nothing is mounted at {target}"
        return missed(expected, found, [facts.root(process)], diagnosis="volume-not-mounted")
    home = facts.covering(view.now.mounts_of(view.now.host), source)
    evidence = [facts.mount(process, entry)]
    if home is None:
        return missed(expected, f"the host has no {source}", evidence)
    wanted = home.root.rstrip("/") + source.removeprefix(home.target.rstrip("/"))
    if (entry.dev, entry.root.rstrip("/")) != (home.dev, wanted.rstrip("/")):
        found = f"{entry.fstype} {entry.root} is mounted there, not {source}"
        return missed(expected, found, evidence, diagnosis="other-volume")
    return passed(expected, f"{target} is {source}", [*evidence, facts.mount(view.host, home)])


def _groups(entry: Mount) -> list[str]:
    return [tag for tag in entry.tags if tag.startswith("shared:")]


def _no_pivot(view: View, process: Process) -> str:
    """Why a pivot_root may not have worked."""
    mounts = view.now.mounts_of(process.pid)
    if any(_groups(entry) for entry in mounts):
        return "pivot-shared"
    inside = process.cwd or "/"
    return "not-pivoted" if facts.mounted_at(mounts, inside) else "pivot-no-mount-point"


def _old_root(view: View, mounts: tuple[Mount, ...]) -> Mount | None:
    """The first mount, but the root itself, that shows a file system which the host has too."""
    theirs = view.now.mounts_of(view.now.host)
    host_root = facts.mounted_at(theirs, "/")
    if host_root is None:
        return None
    for entry in mounts:
        if entry.target != "/" and entry.dev == host_root.dev and entry.root == host_root.root:
            return entry
    return None
