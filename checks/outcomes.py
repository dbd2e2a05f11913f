"""Predictions of what a line does: to mounts, files, names, links, ids."""

from __future__ import annotations

from checks import _facts as facts
from checks._answers import judge
from workshop.kernel.model import Mount
from workshop.kernel.verdict import Evidence, Verdict, View, missed


def predict_mount_seen(view: View, *, target: str) -> Verdict:
    """Answered `yes` or `no`: whether the host sees what the process has mounted at `target`.

    Evidence: `/proc/PID/mountinfo` of both, and the `shared:N` tag. Near miss: answered before anything was
    mounted in there.
    """
    expected = f"whether the host sees what is mounted at {target} in here"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.differs(view, process, "mnt"):
        found = "the mount namespace is still the host's"
        return missed(expected, found, facts.both(view, process, "mnt"), diagnosis="no-new-namespace")
    ours = facts.mounted_at(view.now.mounts_of(process.pid), target)
    if ours is None:
        return missed(expected, f"nothing is mounted at {target}", [facts.ns(process, "mnt")])
    theirs = facts.mounted_at(view.now.mounts_of(view.now.host), target)
    out = theirs is not None and theirs.dev == ours.dev
    evidence = [facts.mount(process, ours), _at_home(view, target, theirs)]
    return judge(view, expected, "yes" if out else "no", "mounts-travel", evidence)


def predict_copied(view: View, *, name: str, upper: str, lower: str) -> Verdict:
    """Answered `nothing` or `all`: how much of a file of the image a change of its mode has put into `upper`.

    Evidence: the sizes of both, and the bytes on the disk (`st_blocks`), lstat(2). Near miss: answered before
    the file was touched.
    """
    expected = f"how much of {name} is in the upper folder"
    ours, theirs = (view.now.layers.get(folder, {}).get(name) for folder in (upper, lower))
    if ours is None or theirs is None or ours.kind != "file":
        return missed(expected, f"{name} is not in {upper} yet", diagnosis="nothing-copied-up")
    truth = "all" if ours.allocated or not theirs.size else "nothing"
    evidence = [
        Evidence(f"{name} in {folder.rpartition('/')[2]}", f"{file.size} bytes", f"{folder}/{name}")
        for folder, file in ((upper, ours), (lower, theirs))
    ]
    return judge(view, expected, truth, "mode-copies-all", evidence)


def predict_space(view: View, *, name: str) -> Verdict:
    """Answered `all` or `changes`: how much of what it shows the clone `name` has on the disk for itself.

    Evidence: `used` and `referenced`, by zfs-list(8).
    """
    expected = f"how much of it {name} has for itself"
    dataset = view.now.datasets.get(name)
    if dataset is None:
        return missed(expected, f"there is no {name}", diagnosis="no-dataset")
    truth = "changes" if 2 * dataset.used < dataset.referenced else "all"
    evidence = [
        Evidence("for itself", f"{dataset.used >> 10} KiB", f"zfs get used {name}"),
        Evidence("to be seen in it", f"{dataset.referenced >> 10} KiB", f"zfs get referenced {name}"),
    ]
    return judge(view, expected, truth, "clone-shares", evidence)


def predict_written(view: View, *, path: str) -> Verdict:
    """Answered `yes` or `no`: whether root can write into the subvolume at `path`.

    Evidence: the read-only flag, by BTRFS_IOC_GET_SUBVOL_INFO (ioctl(2)).
    """
    expected = f"whether root can write into {path}"
    one = view.now.subvolumes.get(path)
    if one is None:
        return missed(expected, f"{path} is no subvolume", diagnosis="no-subvolume")
    flag = Evidence("read-only", "yes" if one.read_only else "no", f"btrfs property get {path} ro")
    return judge(view, expected, "no" if one.read_only else "yes", "frozen-for-root", [flag])


def predict_renamed(view: View) -> Verdict:
    """Answered `host` or `container`: whose name the process has just changed.

    Evidence: the host's name before and now, and `/proc/PID/ns/uts` of both. Near miss: answered before
    any name was changed.
    """
    expected = "whose name it was that changed"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    names = []
    for inode in (view.host.ns.get("uts", 0), process.ns.get("uts", 0)):
        names.append((view.before.hostnames.get(inode), view.now.hostnames.get(inode)))
    (was, now), (_, inside) = names
    evidence = [
        Evidence("host name of the host", f"{was}, now {now}", f"uname(2) in /proc/{view.host.pid}/ns/uts"),
        *facts.both(view, process, "uts"),
    ]
    if was == now and inside == now:
        return missed(expected, f"everybody is still called {now}", evidence, diagnosis="same-name")
    return judge(view, expected, "host" if was != now else "container", "name-was-the-hosts", evidence)


def predict_links(view: View) -> Verdict:
    """Answered `lo` or `host`: which links the process sees: none but `lo`, or the host's.

    Evidence: `/proc/PID/ns/net` of both, and the links in there by rtnetlink(7).
    """
    expected = "which links it sees"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    network = view.now.networks.get(process.ns.get("net", 0))
    names = " ".join(link.name for link in network.links) if network is not None else "not readable"
    links = Evidence("links", names, f"ip link, in /proc/{process.pid}/ns/net")
    truth = "lo" if facts.differs(view, process, "net") else "host"
    return judge(view, expected, truth, "links-of-the-host", [links, *facts.both(view, process, "net")])


def predict_ps(view: View) -> Verdict:
    """Answered `own` or `host`: whose processes the `/proc` shows that the process has.

    Evidence: the pid namespace of the procfs at its `/proc`, and `/proc/PID/ns/pid`. Near miss: no
    `/proc` at all.
    """
    expected = "whose processes ps shows in there"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if process.proc_pid_ns is None:
        return missed(expected, "nothing is mounted at its /proc", [facts.root(process)], diagnosis="no-proc")
    proc = Evidence("its /proc shows", f"pid:[{process.proc_pid_ns}]", f"/proc/{process.pid}/root/proc")
    truth = "host" if process.proc_pid_ns == view.host.ns.get("pid") else "own"
    return judge(view, expected, truth, "proc-shows-the-host", [proc, *facts.both(view, process, "pid")])


def predict_user(view: View) -> Verdict:
    """Answered: the number of the user that the process is on the host.

    Evidence: the `Uid` line of `/proc/PID/status`, as the host sees it, and `/proc/PID/ns/user` of both.
    """
    expected = "which user it is on the host"
    process = view.process
    if process is None or process.ids is None:
        return missed(expected, facts.gone(view))
    uid = str(process.ids.uid[1])
    also = ("root",) if uid == "0" else ()
    evidence = [
        Evidence("user id, seen from the host", uid, f"/proc/{process.pid}/status: Uid"),
        *facts.both(view, process, "user"),
    ]
    return judge(view, expected, uid, "nobody-in-between", evidence, also)


def _at_home(view: View, target: str, entry: Mount | None) -> Evidence:
    if entry is not None:
        return facts.mount(view.host, entry)
    return Evidence(f"mount at {target}", "none on the host", f"/proc/{view.host.pid}/mountinfo")
