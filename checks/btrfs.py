"""btrfs: subvolumes, snapshots, and a root that is one. btrfs-subvolume(8), `/proc/PID/mountinfo`."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel.model import Subvolume
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

_SHOWN = "btrfs subvolume show"


def file_system_at(view: View, *, target: str, fstype: str) -> Verdict:
    """A file system of that type is mounted at `target` on the host.

    Evidence: `/proc/PID/mountinfo` of the host's first process. Near misses: made, but not mounted;
    another type; mounted where the host does not see it.
    """
    expected = f"a {fstype} file system at {target}"
    entry = facts.mounted_at(view.now.mounts_of(view.now.host), target)
    if entry is None:
        process = view.process
        elsewhere = process and facts.mounted_at(view.now.mounts_of(process.pid), target)
        found = "only your own mount namespace has it" if elsewhere else f"nothing is mounted at {target}"
        return missed(expected, found, diagnosis="mounted-inside" if elsewhere else "nothing-mounted")
    evidence = [facts.mount(view.host, entry)]
    if entry.fstype != fstype:
        return missed(expected, f"{entry.fstype} is mounted there", evidence, diagnosis="other-file-system")
    loop = view.now.loops.get(entry.source.removeprefix("/dev/"))
    if loop:
        evidence.append(Evidence("file behind it", loop, f"/sys/block/{entry.source[5:]}/loop/backing_file"))
    return passed(expected, f"{entry.source} is mounted at {target}", evidence)


def subvolume_with(view: View, *, path: str, has: str = "bin/sh") -> Verdict:
    """A subvolume of btrfs is at `path`, and `has` is in it (a name, or `bin/NAME`).

    Evidence: BTRFS_IOC_GET_SUBVOL_INFO (ioctl(2) on the folder), and the entries in it. Near misses: a
    plain folder, which cannot be frozen; an empty subvolume.
    """
    expected = f"a subvolume {path} with {has} in it"
    one = view.now.subvolumes.get(path)
    if one is None:
        return missed(expected, *_not_there(view, path), diagnosis=_why(view, path, "no-subvolume"))
    entries = view.now.folders.get(path, ())
    if has not in entries:
        why = "not-unpacked" if entries else "unpacked-elsewhere"
        return missed(expected, f"{path} has no {has}", [_shown(view, one)], diagnosis=why)
    return passed(expected, f"{path} is a subvolume, and has {has}", [_shown(view, one)])


def snapshots_of(view: View, *, paths: str, source: str) -> Verdict:
    """All of `paths` (a list by spaces) are writable snapshots of `source`, or of a snapshot of it.

    Evidence: the parent's UUID of each subvolume, by BTRFS_IOC_GET_SUBVOL_INFO (ioctl(2)). Near misses:
    copies, also those that share blocks, which have no parent; read-only snapshots; snapshots of another
    subvolume.
    """
    expected = f"writable snapshots of {source}: {', '.join(paths.split())}"
    origin = view.now.subvolumes.get(source)
    if origin is None:
        return missed(expected, f"there is no subvolume {source}", _others(view), diagnosis="no-subvolume")
    evidence = [_shown(view, origin)]
    for path in paths.split():
        one = view.now.subvolumes.get(path)
        if one is None:
            found, _ = _not_there(view, path)
            return missed(expected, found, evidence, diagnosis=_why(view, path, "copy-not-snapshot"))
        evidence.append(_shown(view, one))
        if one.parent is None:
            found = f"{path} is a subvolume, and no snapshot: it has no parent"
            return missed(expected, found, evidence, diagnosis="copy-not-snapshot")
        if origin.uuid not in _ancestors(view, one):
            return missed(expected, f"{path} has another parent", evidence, diagnosis="other-parent")
        if one.read_only:
            return missed(expected, f"{path} is read-only", evidence, diagnosis="read-only-snapshot")
    return passed(expected, f"all of them grew out of {source}", evidence)


def frozen_snapshot(view: View, *, path: str, source: str) -> Verdict:
    """A read-only snapshot of `source` is at `path`: a layer that cannot change any more.

    Evidence: the parent's UUID and the read-only flag, by BTRFS_IOC_GET_SUBVOL_INFO (ioctl(2)). Near
    misses: a writable snapshot; a snapshot of the image instead of the container.
    """
    expected = f"{path}, a read-only snapshot of {source}"
    one, origin = view.now.subvolumes.get(path), view.now.subvolumes.get(source)
    if one is None or origin is None:
        lacking = path if one is None else source
        why = _why(view, lacking, "copy-not-snapshot")
        return missed(expected, *_not_there(view, lacking), diagnosis=why)
    evidence = [_shown(view, one), _shown(view, origin)]
    if one.parent is None:
        return missed(expected, f"{path} has no parent", evidence, diagnosis="copy-not-snapshot")
    if origin.uuid not in _ancestors(view, one):
        return missed(expected, f"{path} has another parent", evidence, diagnosis="other-parent")
    if not one.read_only:
        return missed(expected, f"{path} can still be written", evidence, diagnosis="writable-snapshot")
    return passed(expected, f"{path} is a snapshot of {source}, and read-only", evidence)


def on_subvolume(view: View, *, path: str) -> Verdict:
    """The root of the process in question is the subvolume `path` itself, and that is a snapshot.

    Evidence: device and inode of `/proc/PID/root`: each subvolume has a device of its own. Near misses:
    the image's subvolume as root; a folder somewhere else.
    """
    expected = f"a process whose / is the snapshot {path}"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    evidence = [facts.root(process)]
    if not facts.has_own_root(view, process) or process.root is None:
        return missed(expected, "its / is still the host's", evidence, diagnosis="root-is-the-hosts")
    here = next((s for s in view.now.subvolumes.values() if s.dev == process.root.dev), None)
    if here is None:
        return missed(expected, "its / is on no subvolume", evidence, diagnosis="not-on-btrfs")
    evidence.append(_shown(view, here))
    if here.path != path:
        wanted = view.now.subvolumes.get(path)
        image = wanted is not None and here.uuid in _ancestors(view, wanted)
        why = "on-the-subvolume" if image else "other-root"
        return missed(expected, f"its / is {here.path}", evidence, diagnosis=why)
    if process.root.ino != _TOP:
        return missed(expected, f"its / is a folder in {path}", evidence, diagnosis="other-root")
    if here.parent is None:
        return missed(expected, f"{path} is no snapshot", evidence, diagnosis="copy-not-snapshot")
    return passed(expected, f"its / is {path}", evidence)


_TOP = 256
"""Inode of a subvolume's own folder."""


def _ancestors(view: View, one: Subvolume) -> set[str]:
    """The UUIDs of its parent, grandparent …, as far as they are still there."""
    by_uuid = {each.uuid: each for each in view.now.subvolumes.values()}
    found: set[str] = set()
    here: Subvolume | None = one
    while here is not None and here.parent is not None and here.parent not in found:
        found.add(here.parent)
        here = by_uuid.get(here.parent)
    return found


def _is_folder(view: View, path: str) -> bool:
    """Is there a folder of that name at the top of a subvolume?"""
    above, _, name = path.rpartition("/")
    return name in view.now.folders.get(above, ())


def _not_there(view: View, path: str) -> tuple[str, list[Evidence]]:
    found = f"{path} is no subvolume" if _is_folder(view, path) else f"there is no {path} yet"
    return found, _others(view)


def _why(view: View, path: str, folder: str) -> str | None:
    """A folder in its place is a mistake; nothing there is only not done yet."""
    return folder if _is_folder(view, path) else None


def _shown(view: View, one: Subvolume) -> Evidence:
    paths = {each.uuid: each.path for each in view.now.subvolumes.values()}
    parent = f"parent {paths.get(one.parent, one.parent)}" if one.parent else "no parent"
    flags = ", read-only" if one.read_only else ""
    return Evidence(one.path, f"subvolume {one.id}, {parent}{flags}", f"{_SHOWN} {one.path}")


def _others(view: View) -> list[Evidence]:
    return [_shown(view, one) for one in view.now.subvolumes.values()]
