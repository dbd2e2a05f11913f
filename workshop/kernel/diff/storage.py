"""Layers of overlays, data sets and subvolumes: what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from workshop.kernel.diff.change import MANY, Change, Verb, added_removed, size
from workshop.kernel.model import Dataset, File, Snapshot

GREW = 64 * 1024
"""Bytes by which a data set must have changed to be worth a word."""


def layers(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    old, new = _told_layers(before), _told_layers(now)
    for path in sorted(old.keys() - new.keys()):
        if not _is_there(now, path):
            yield Change("layers", "removed", path, _count(old[path]), None, path)
    for path in sorted(new.keys() - old.keys()):
        yield Change("layers", "added", path, None, _count(new[path]), path)
    for path in sorted(old.keys() & new.keys()):
        if old[path] != new[path]:
            yield from _layer(path, old[path], new[path])


def _told_layers(snapshot: Snapshot) -> Mapping[str, Mapping[str, File]]:
    """Without those of which only the top is read."""
    flat = {one.mountpoint for one in snapshot.datasets.values()} | snapshot.subvolumes.keys()
    return {path: files for path, files in snapshot.layers.items() if path not in flat}


def _is_there(snapshot: Snapshot, path: str) -> bool:
    """Is the folder known, though no overlay names it as a layer any more?"""
    above, _, name = path.rpartition("/")
    return path in snapshot.folders or name in snapshot.folders.get(above, ())


def _layer(path: str, old: Mapping[str, File], new: Mapping[str, File]) -> Iterator[Change]:
    came, went = new.keys() - old.keys(), old.keys() - new.keys()
    other = [name for name in old.keys() & new.keys() if _content(old[name]) != _content(new[name])]
    for verb, names in (("removed", went), ("added", came), ("changed", other)):
        if len(names) > MANY:
            yield Change("layers", cast(Verb, verb), path, None, f"{len(names)} files", path)
            continue
        for name in sorted(names):
            was, is_ = (_file(files.get(name)) for files in (old, new))
            yield Change("layers", cast(Verb, verb), f"{path}/{name}", was, is_, path)


def _content(file: File) -> tuple[object, ...]:
    """What of a file is told of. What is in a folder changes the folder's times; all whiteouts are one
    file, and each changes its times."""
    inside = () if file.kind in ("folder", "opaque", "whiteout") else (file.size, file.changed)
    return (file.kind, file.mode, *inside)


def _file(file: File | None) -> str | None:
    if file is None:
        return None
    return {"whiteout": "a whiteout: c 0 0", "opaque": "an opaque folder"}.get(file.kind) or (
        f"{file.kind}, {size(file.size)}" if file.kind == "file" else file.kind
    )


def _count(files: Mapping[str, File]) -> str:
    return f"{len(files)} file{'s' if len(files) > 1 else ''}" if files else "empty"


def datasets(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    yield from added_removed("datasets", _subvolumes(before), _subvolumes(now))
    old, new = before.datasets, now.datasets
    for name in sorted(old.keys() - new.keys()):
        yield Change("datasets", "removed", name, _dataset(old[name]), None, "zfs list -t all")
    for name in sorted(new.keys() - old.keys()):
        yield Change("datasets", "added", name, None, _dataset(new[name]), "zfs list -t all")
    for name in sorted(old.keys() & new.keys()):
        was, is_ = old[name], new[name]
        if was.origin != is_.origin:
            yield Change("datasets", "changed", f"origin of {name}", was.origin, is_.origin, "zfs get origin")
        if was.mountpoint != is_.mountpoint:
            yield Change(
                "datasets",
                "changed",
                f"mount point of {name}",
                was.mountpoint,
                is_.mountpoint,
                "zfs get mountpoint",
            )
        if abs(was.referenced - is_.referenced) >= GREW:
            yield Change(
                "datasets",
                "changed",
                f"data of {name}",
                size(was.referenced),
                size(is_.referenced),
                "zfs get referenced",
            )


def _subvolumes(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    paths = {one.uuid: one.path for one in snapshot.subvolumes.values()}
    for one in snapshot.subvolumes.values():
        kind = f"snapshot of {paths.get(one.parent, 'one that is gone')}" if one.parent else "subvolume"
        yield one.path, f"{kind}, read-only" if one.read_only else kind, "btrfs subvolume show"


def _dataset(dataset: Dataset) -> str:
    return f"clone of {dataset.origin}" if dataset.origin else dataset.type
