"""Root file systems: an unpacked image, `chroot`, the way out of it. chroot(2), `/proc/PID/root`."""

from __future__ import annotations

from checks import _facts as facts
from workshop.kernel.model import Process
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed


def unpacked(view: View, *, path: str, has: str = "bin/sh") -> Verdict:
    """The folder `path` holds a root file system: `has` is in it (a name, or `bin/NAME`).

    Evidence: the entries of the folder, by `/proc/PID/root` of the host's first process. Near misses: an
    empty folder (unpacked elsewhere), a tar file put in it.
    """
    expected = f"a root file system in {path}, with {has} in it"
    entries = view.now.folders.get(path)
    if entries is None:
        return missed(expected, f"there is no folder {path}", diagnosis="no-such-folder")
    listed = _listing(path, entries)
    if has not in entries:
        empty = not entries
        found = f"{path} is empty" if empty else f"{path} has no {has}"
        return missed(expected, found, [listed], diagnosis="unpacked-elsewhere" if empty else "not-unpacked")
    return passed(expected, f"{path} has {has}", [listed])


def lacks(view: View, *, path: str, name: str, other: str) -> Verdict:
    """`name` is gone from the root file system at `path`, while that at `other` still has it.

    Evidence: the entries of both, by `/proc/PID/root` of the host's first process. Near miss: removed
    from both, or from the wrong one.
    """
    expected = f"{name} is gone from {path}, and still in {other}"
    ours, theirs = view.now.folders.get(path), view.now.folders.get(other)
    if ours is None or theirs is None:
        return missed(expected, f"there is no folder {path if ours is None else other}")
    evidence = [_listing(path, ours)]
    if name in ours:
        where = None if name in theirs else "removed-from-image"
        return missed(expected, f"{path} still has {name}", evidence, diagnosis=where)
    if name not in theirs:
        return missed(expected, f"{other} has lost it too", evidence, diagnosis="removed-from-image")
    return passed(expected, f"{path} has lost {name}; {other} has not", evidence)


def has_more(view: View, *, path: str, other: str) -> Verdict:
    """The folder `path` has something at its top, or in its `bin`, that `other` does not have.

    Evidence: the entries of both, by `/proc/PID/root` of the host's first process. Near misses: nothing
    written; written into `other` as well.
    """
    expected = f"something in {path} that is not in {other}"
    ours, theirs = view.now.folders.get(path), view.now.folders.get(other)
    if ours is None or theirs is None:
        return missed(expected, f"there is no folder {path if ours is None else other}")
    more = sorted(set(ours) - set(theirs))
    if not more:
        evidence = [_listing(path, ours), _listing(other, theirs)]
        return missed(expected, "both have the same in them", evidence, diagnosis="nothing-written")
    return passed(
        expected, f"only the first has {more[0]}", [Evidence("only here", " ".join(more[:8]), path)]
    )


def holds_all_of(view: View, *, path: str, other: str) -> Verdict:
    """The folder `path` has all that `other` has at its top and in its `bin`; it may have more.

    Evidence: the entries of both, by `/proc/PID/root` of the host's first process. Near miss: one program
    put back of all that were there.
    """
    expected = f"in {path} all that is in {other}"
    ours, theirs = view.now.folders.get(path), view.now.folders.get(other)
    if ours is None or theirs is None:
        return missed(expected, f"there is no folder {path if ours is None else other}")
    lost = sorted(set(theirs) - set(ours))
    if lost:
        found = f"{path} lacks {', '.join(lost[:4])}" + (" and more" if lost[4:] else "")
        return missed(expected, found, [_listing(path, ours)], diagnosis="not-all-back")
    return passed(expected, f"nothing of {other} is missing", [_listing(path, ours)])


def entry(view: View, *, path: str, name: str) -> Verdict:
    """There is something called `name` in the folder `path`.

    Evidence: the entries of the folder, by `/proc/PID/root` of the host's first process. Near miss:
    another name.
    """
    expected = f"{name} in {path}"
    entries = view.now.folders.get(path, ())
    if name not in entries:
        return missed(expected, f"{path} has no {name}", [_listing(path, entries)], diagnosis="no-entry")
    return passed(expected, "it is there", [_listing(path, entries)])


def entry_removed(view: View, *, path: str, prefix: str = "") -> Verdict:
    """Something that was in the folder `path` when the step began is there no more; nor is, with `prefix`,
    the network namespace or a group of that name behind the prefix.

    Evidence: the entries of the folder, then and now, `/run/netns`, `/sys/fs/cgroup`. Near misses: something
    new came and went; it is only empty; the folder alone was removed.
    """
    expected = f"something in {path} cleared away"
    was, now = view.before.folders.get(path, ()), view.now.folders.get(path, ())
    gone = sorted(set(was) - set(now))
    if not gone:
        found = "all that was in it is still there"
        return missed(expected, found, [_listing(path, now)], diagnosis="not-removed")
    if prefix:
        netns = {network.name for network in view.now.networks.values()}
        groups = {group.path.rpartition("/")[2] for group in view.now.cgroups}
        for name in (prefix + one for one in gone):
            if name in netns:
                left = Evidence("network namespace", name, f"/run/netns/{name}")
            elif name in groups:
                left = Evidence("group", name, "/sys/fs/cgroup")
            else:
                continue
            return missed(expected, f"the {left.what} {name} is still there", [left], diagnosis="left-behind")
    return passed(expected, f"{gone[0]} is gone", [_listing(path, now)])


def new_root(view: View, *, path: str = "") -> Verdict:
    """The process in question has another root directory than the host; with `path`, that folder.

    Evidence: `readlink` and `stat` of `/proc/PID/root`, by `chroot` or by `pivot_root`. Near misses: only
    the current folder is there; another folder; back at the host's prompt with a leftover in the
    background.
    """
    expected = f"a process whose / is {path}" if path else "a process whose / is not the host's"
    process = view.process
    if process is None:
        return missed(expected, facts.gone(view))
    evidence = [
        facts.root(process),
        Evidence("current folder", process.cwd or "?", f"/proc/{process.pid}/cwd"),
    ]
    if not facts.has_own_root(view, process):
        why = "cd-is-no-chroot" if path and process.cwd == path else "root-is-the-hosts"
        return missed(expected, "its / is still the host's", evidence, diagnosis=why)
    assert process.root is not None
    if path and not _is_at(view, process, path):
        return missed(expected, f"its / is {process.root.path}", evidence, diagnosis="other-root")
    return passed(expected, f"/ of process {process.pid} is {path or process.root.path}", evidence)


def escaped(view: View) -> Verdict:
    """A process has the host's root again, though it comes from inside a chroot.

    Evidence: `/proc/PID/root` of it, and of the ancestor that is still inside; or the same process had
    another root before the step. Near misses: `exit`, which only leaves; `chroot /`, which is the same root
    again.
    """
    expected = "a process started inside the chroot has the host's / again"
    inside = [p for p in view.now.processes.values() if facts.has_own_root(view, p)]
    outside = [p for p in view.now.processes.values() if _has_host_root(view, p)]
    for process in outside:
        before = view.before.processes.get(process.pid)
        if before is not None and before.key == process.key and facts.has_own_root(view, before):
            was = Evidence(
                "root directory before", before.root.path if before.root else "?", "before the step"
            )
            return passed(expected, "it was inside, and now it is out", [was, facts.root(process)])
        ancestor = next((p for p in _ancestors(view, process) if p in inside), None)
        if ancestor is not None:
            found = f"process {process.pid} is out, its ancestor {ancestor.pid} still inside"
            return passed(expected, found, [facts.root(process), facts.root(ancestor)])
    if inside:
        found = "nobody is out: / is still not the host's"
        return missed(expected, found, [facts.root(inside[-1])], diagnosis="still-inside")
    found = "nobody comes from inside a chroot any more"
    return missed(expected, found, [facts.root(view.host)], diagnosis="left-not-escaped")


def _has_host_root(view: View, process: Process) -> bool:
    return process.root is not None and facts.alive(process) and not facts.has_own_root(view, process)


def _listing(path: str, entries: tuple[str, ...]) -> Evidence:
    return Evidence("entries", " ".join(e for e in entries if "/" not in e) or "none", path)


def _ancestors(view: View, process: Process) -> list[Process]:
    """Parent, grandparent … of a process; a parent of another pid namespace counts too."""
    found: list[Process] = []
    parent = view.now.processes.get(process.ppid)
    while parent is not None and parent not in found:
        found.append(parent)
        parent = view.now.processes.get(parent.ppid)
    return found


def _is_at(view: View, process: Process, path: str) -> bool:
    """Whether the root is that folder: by its path after `chroot`, by its mount after `pivot_root`."""
    assert process.root is not None
    if process.root.path != "/":
        return process.root.path == path
    mine = facts.mounted_at(view.now.mounts_of(process.pid), "/")
    theirs = facts.covering(view.now.mounts_of(view.now.host), path)
    if mine is None or theirs is None or mine.dev != theirs.dev:
        return False
    return mine.root.rstrip("/") == (theirs.root.rstrip("/") + path.removeprefix(theirs.target.rstrip("/")))
