"""ZFS: datasets, snapshots, clones, and a root that is on one. zfs(8), `zfs list`, `/proc/PID/mountinfo`."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel.model import Dataset
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

_ZFS = ("zfs", "fuse.zfs", "fuse")


def datasets_exist(view: View, *, names: str) -> Verdict:
    """All these file systems exist (a list by spaces), each a dataset of its own.

    Evidence: zfs-list(8). Near miss: a plain folder where a dataset is wanted; one of several forgotten.
    """
    expected = f"file systems {', '.join(names.split())}"
    evidence: list[Evidence] = []
    for name in names.split():
        dataset = view.now.datasets.get(name)
        if dataset is None or dataset.type != "filesystem":
            return missed(expected, f"there is no file system {name}", evidence, diagnosis="no-dataset")
        evidence.append(_listed(dataset))
    return passed(expected, "all of them are there", evidence)


def dataset_gone(view: View, *, name: str) -> Verdict:
    """The dataset existed when the step began, and exists no more. Evidence: zfs-list(8), before and now."""
    expected = f"{name} is destroyed"
    if name in view.now.datasets:
        return missed(expected, f"{name} is still there", [_listed(view.now.datasets[name])])
    if name not in view.before.datasets:
        return missed(expected, f"there was no {name} when the step began")
    return passed(expected, f"{name} is gone", [Evidence(name, "not listed", "zfs list")])


def snapshot_exists(view: View, *, name: str) -> Verdict:
    """The snapshot `DATASET@TAG` exists, of that very dataset.

    Evidence: zfs-list(8) with `-t snapshot`. Near misses: a snapshot of the parent, which does not hold
    what the child holds; another tag; a file system instead.
    """
    expected = f"a snapshot {name}"
    dataset = view.now.datasets.get(name)
    if dataset is not None and dataset.type == "snapshot":
        return passed(expected, f"{name} is there", [_listed(dataset)])
    new = [
        d for d in view.now.datasets.values() if d.type == "snapshot" and d.name not in view.before.datasets
    ]
    if new:
        found = f"there is {new[0].name} instead"
        return missed(expected, found, [_listed(d) for d in new], diagnosis="other-snapshot")
    return missed(expected, f"there is no snapshot {name}", diagnosis="no-snapshot")


def clone_of(view: View, *, name: str, origin: str) -> Verdict:
    """The file system `name` is a clone of the snapshot `origin`.

    Evidence: the property `origin`, by zfs-list(8). Near misses: a file system with a copy in it, which
    has no origin; a clone of another snapshot.
    """
    expected = f"{name}, a clone of {origin}"
    dataset = view.now.datasets.get(name)
    if dataset is None:
        return missed(expected, f"there is no {name}", diagnosis="no-dataset")
    if dataset.origin is None:
        return missed(expected, f"{name} has no origin", [_listed(dataset)], diagnosis="copy-not-clone")
    source = Evidence("origin", dataset.origin, f"zfs get origin {name}")
    if dataset.origin != origin:
        return missed(expected, f"its origin is {dataset.origin}", [source], diagnosis="other-origin")
    return passed(expected, f"{name} grew out of {origin}", [source, _listed(dataset)])


def independent_copy(view: View, *, name: str, has: str) -> Verdict:
    """The file system `name` holds `has` and has no origin: it came by send and receive, or as a copy.

    Evidence: the property `origin`, by zfs-list(8), and its entries. Near miss: a clone, which is bound
    to its snapshot.
    """
    expected = f"{name}, a file system that depends on no snapshot, with {has} in it"
    dataset = view.now.datasets.get(name)
    if dataset is None:
        return missed(expected, f"there is no {name}", diagnosis="no-dataset")
    if dataset.origin is not None:
        source = Evidence("origin", dataset.origin, f"zfs get origin {name}")
        return missed(expected, "it is a clone", [source], diagnosis="clone-not-copy")
    entries = view.now.folders.get(dataset.mountpoint or "", ())
    if has not in entries:
        return missed(expected, f"it has no {has}", [_listed(dataset)], diagnosis="nothing-received")
    return passed(expected, f"{name} stands on its own", [_listed(dataset)])


def on_zfs_clone(view: View, *, name: str) -> Verdict:
    """The root of the process in question is the clone `name` itself: whatever it writes goes there.

    Evidence: in `/proc/PID/mountinfo`, the mount that its root is on is ZFS and its source the dataset;
    by zfs-list(8) that has an origin. Near misses: the root is the image itself; a plain dataset; a
    folder in a dataset.
    """
    expected = f"a process whose / is the clone {name}"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    if not facts.has_own_root(view, process):
        found = "its / is still the host's"
        return missed(expected, found, [facts.root(process)], diagnosis="root-is-the-hosts")
    top = facts.mounted_at(view.now.mounts_of(process.pid), "/")
    if top is None or top.fstype not in _ZFS:
        found = "its / is no ZFS file system"
        evidence = [facts.root(process)] if top is None else [facts.mount(process, top)]
        return missed(expected, found, evidence, diagnosis="not-on-zfs")
    evidence = [facts.mount(process, top)]
    if top.source != name or top.root not in ("/", ""):
        origins = {d.origin.partition("@")[0] for d in view.now.datasets.values() if d.origin}
        why = "on-the-image" if top.source in origins else "other-root"
        return missed(expected, f"its / is on {top.source}", evidence, diagnosis=why)
    dataset = view.now.datasets.get(name)
    if dataset is None or dataset.origin is None:
        return missed(expected, f"{name} is no clone", evidence, diagnosis="copy-not-clone")
    origin = Evidence("origin", dataset.origin, f"zfs get origin {name}")
    return passed(expected, f"its / is {name}, grown out of {dataset.origin}", [*evidence, origin])


def _listed(dataset: Dataset) -> Evidence:
    value = f"{dataset.type}, used {_size(dataset.used)}, refers to {_size(dataset.referenced)}"
    return Evidence(dataset.name, value, "zfs list -t all")


def _size(number: int) -> str:
    """A size as `zfs list` gives it: 4.51M."""
    size = float(number)
    for unit in ("B", "K", "M", "G"):
        if size < 1024:
            return f"{size:.0f}{unit}" if unit == "B" or size >= 100 else f"{size:.3g}{unit}"
        size /= 1024
    return f"{size:.3g}T"
