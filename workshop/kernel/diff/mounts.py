"""The mounts that the host and the learner see, roots, loop devices: what differs."""

from __future__ import annotations

from collections.abc import Iterator

from workshop.kernel.diff.change import MANY, Change, Verb, added_removed, title
from workshop.kernel.model import Mount, Process, Root, Snapshot, mount_key


def mounts(before: Snapshot, now: Snapshot, old: Process | None, new: Process | None) -> Iterator[Change]:
    host_old, host_new = before.processes[before.host], now.processes[now.host]
    if old and new and _root(old.root) != _root(new.root):
        yield Change(
            "mounts",
            "changed",
            f"root directory of {title(new)}",
            _root_text(before, old),
            _root_text(now, new),
            f"/proc/{new.pid}/root",
        )
        inside = new.root is not None and _root(new.root) != _root(host_new.root)
    else:
        inside = False
    yield from _tables(before.mounts_of(host_old.pid), now.mounts_of(host_new.pid), "", host_new.pid)
    if old and new and new.ns and old.ns and mount_key(new) != mount_key(host_new):
        was = before.mounts_of(old.pid)
        yield from _tables(was, now.mounts_of(new.pid), f" for {title(new)}", new.pid, summary=inside)
    yield from added_removed("mounts", _loops(before), _loops(now))


def _root(root: Root | None) -> tuple[int, int] | None:
    return (root.dev, root.ino) if root else None


def _root_text(snapshot: Snapshot, process: Process) -> str | None:
    if process.root is None:
        return None
    top = [mount for mount in snapshot.mounts_of(process.pid) if mount.target == "/"]
    if _root(process.root) == _root(snapshot.processes[snapshot.host].root):
        return f"{process.root.path} (the host's)"
    return f"{process.root.path} ({top[-1].fstype} {top[-1].source})" if top else process.root.path


_Key = tuple[str, str, str, str]


def _tables(
    old: tuple[Mount, ...], new: tuple[Mount, ...], suffix: str, pid: int, *, summary: bool = False
) -> Iterator[Change]:
    """Two tables of one observer. `summary`: it has another root, so all places differ: what is there now."""
    if old == new:
        return
    source = f"/proc/{pid}/mountinfo"
    if summary:
        for mount in new:
            if mount.target != "/":
                yield Change("mounts", "added", f"{mount.target}{suffix}", None, _mount_text(mount), source)
        out = sum(1 for mount in old if mount.target != "/")
        if out and not any(_key(mount) in {_key(m) for m in old} for mount in new):
            yield Change("mounts", "removed", f"{out} mounts of before{suffix}", "out of sight", None, source)
        return
    was, is_ = _by_key(old), _by_key(new)
    removed = [mount for key in was.keys() - is_.keys() for mount in was[key]]
    removed += [mount for key in was.keys() & is_.keys() for mount in was[key][len(is_[key]) :]]
    added = [mount for key in is_.keys() - was.keys() for mount in is_[key]]
    added += [mount for key in was.keys() & is_.keys() for mount in is_[key][len(was[key]) :]]
    yield from _collapsed("removed", removed, suffix, source)
    yield from _collapsed("added", added, suffix, source)
    pairs = [
        pair for key in sorted(was.keys() & is_.keys()) for pair in zip(was[key], is_[key], strict=False)
    ]
    yield from _propagation(pairs, suffix, source)
    for before, after in pairs:
        gone, come = set(before.options) - set(after.options), set(after.options) - set(before.options)
        if gone or come:
            yield Change(
                "mounts",
                "changed",
                f"options of {after.target}{suffix}",
                ",".join(sorted(gone)) or None,
                ",".join(sorted(come)) or None,
                source,
            )


def _key(mount: Mount) -> _Key:
    return mount.target, mount.fstype, mount.source, mount.root


def _by_key(mounts: tuple[Mount, ...]) -> dict[_Key, list[Mount]]:
    found: dict[_Key, list[Mount]] = {}
    for mount in mounts:
        found.setdefault(_key(mount), []).append(mount)
    return found


def _mount_text(mount: Mount) -> str:
    what = mount.fstype if mount.fstype == mount.source else f"{mount.fstype} {mount.source}"
    return what if mount.root == "/" else f"{what}, its {mount.root}"


def _collapsed(verb: Verb, mounts: list[Mount], suffix: str, source: str) -> Iterator[Change]:
    mounts.sort(key=lambda mount: (mount.target, mount.id))
    told = [(mount.target, _mount_text(mount)) for mount in mounts]
    if len(told) > MANY:
        told = [(f"{len(told)} mounts", ", ".join(target for target, _ in told[:MANY]) + ", …")]
    for subject, text in told:
        before, after = (None, text) if verb == "added" else (text, None)
        yield Change("mounts", verb, f"{subject}{suffix}", before, after, source)


def _propagation(pairs: list[tuple[Mount, Mount]], suffix: str, source: str) -> Iterator[Change]:
    turned: dict[tuple[str, str], list[str]] = {}
    for before, after in pairs:
        if before.propagation != after.propagation:
            turned.setdefault((before.propagation, after.propagation), []).append(after.target)
    for (was, is_), targets in sorted(turned.items()):
        what = ", ".join(targets) if len(targets) <= MANY else f"{len(targets)} mounts"
        yield Change("mounts", "changed", f"propagation of {what}{suffix}", was, is_, source)


def _loops(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    for name, file in snapshot.loops.items():
        yield f"/dev/{name}", file, f"/sys/block/{name}/loop/backing_file"
