"""Measures that the learner takes and writes down, held against the file systems' own numbers.

What is noted in `/lab/notes/NAME` is a line for each way: its name, then numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from checks import _facts as facts
from workshop.kernel.layers import overlay
from workshop.kernel.model import File, Snapshot
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed

MIB = 1 << 20
NEAR = 2.0
"""MiB by which a measure may be off, or a tenth: tools round, and what else is in the image counts too."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to have a container's files: what is measured, and where that was read."""

    name: str
    where: str
    source: str


def measured_creation(
    view: View, *, note: str, file: str, copy: str, merged: str, snapshot: str, clone: str = ""
) -> Verdict:
    """Four containers with a large `file` in them are there, by copy, overlay, btrfs and ZFS, and the learner
    has noted of each the milliseconds that it took, and the MiB that it uses.

    Evidence: `st_blocks` (stat(2)) of the copy and of the overlay's upper folder, FIEMAP on btrfs, `used`
    of the clone. ZFS is asked for where there is a pool. Near misses: one is missing, or made in another
    way; a number that is not the kernel's.
    """
    expected = "a line for each way: its name, milliseconds, MiB in use"
    evidence: list[Evidence] = []
    for way in _ways(view, copy, merged, snapshot, clone):
        lacking = _lacking(view.now, way, file)
        bytes_used = _used(view.now, way, file)
        if lacking or bytes_used is None:
            found = f"{way.name}: {lacking or f'no container at {way.where}'}"
            return missed(expected, found, evidence, diagnosis="container-missing")
        evidence.append(_told(way, bytes_used))
        numbers = _noted(view, note, way.name)
        wrong = _judge(way, numbers, 2, 1, bytes_used)
        if wrong:
            return missed(expected, wrong[0], evidence, diagnosis=wrong[1])
    return passed(expected, "all of them noted, as the kernel has it", evidence)


def measured_byte(
    view: View, *, note: str, file: str, copy: str, merged: str, snapshot: str, clone: str = ""
) -> Verdict:
    """In each of the containers the large `file` was written to, and the learner has noted how many MiB more
    it uses since.

    Evidence: `st_blocks` and the times of stat(2), and the rest as of `measured_creation`, before the
    step and now, and when each file was changed. Near misses: not written in all of them; a number that
    is not the kernel's.
    """
    expected = "a line for each way: its name, and the MiB that one byte has cost"
    evidence: list[Evidence] = []
    for way in _ways(view, copy, merged, snapshot, clone):
        was, is_ = _used(view.before, way, file), _used(view.now, way, file)
        if was is None or is_ is None:
            found = f"{way.name}: no container at {way.where}"
            return missed(expected, found, evidence, diagnosis="container-missing")
        before, now = _file(view.before, way, file), _file(view.now, way, file)
        if now is None or (before is not None and before.written == now.written):
            found = f"{way.name}: nothing was written to {file}"
            return missed(expected, found, evidence, diagnosis="not-written")
        if before is not None and now.size != before.size and abs(now.size - before.size) > MIB:
            found = f"{way.name}: {file} has {now.size} bytes now, and had {before.size}"
            return missed(expected, found, evidence, diagnosis="not-one-byte")
        evidence.append(_told(way, is_ - was))
        wrong = _judge(way, _noted(view, note, way.name), 1, 0, is_ - was)
        if wrong:
            return missed(expected, wrong[0], evidence, diagnosis=wrong[1])
    return passed(expected, "all of them noted, as the kernel has it", evidence)


def _ways(view: View, copy: str, merged: str, snapshot: str, clone: str) -> list[_Way]:
    found = [
        _Way("copy", copy, f"st_blocks of {copy}"),
        _Way("overlay", merged, f"st_blocks of the upper folder of {merged}"),
        _Way("btrfs", snapshot, f"btrfs filesystem du -s {snapshot}"),
    ]
    if clone and view.now.datasets:
        found.append(_Way("zfs", clone, f"zfs get used {clone}"))
    return found


def _used(now: Snapshot, way: _Way, file: str) -> int | None:
    """The bytes that the container takes for itself; None when it is not there, or is not made that way."""
    if way.name == "zfs":
        dataset = now.datasets.get(way.where)
        return dataset.used if dataset and dataset.origin else None
    if way.name == "btrfs":
        one = now.subvolumes.get(way.where)
        files = now.layers.get(way.where, {})
        if one is None or one.parent is None or file not in files:
            return None
        return sum(each.exclusive or 0 for each in files.values())
    if way.name == "overlay":
        upper = _upper(now, way.where)
        return None if upper is None else _allocated(now.layers.get(upper, {}))
    files = now.layers.get(way.where, {})
    return _allocated(files) if file in files else None


def _lacking(now: Snapshot, way: _Way, file: str) -> str:
    """What there is not yet of a container that is made in this way."""
    if way.name == "zfs":
        dataset = now.datasets.get(way.where)
        return f"{way.where} is no clone" if dataset and not dataset.origin else ""
    one = now.subvolumes.get(way.where)
    if way.name != "btrfs" or one is None or one.parent is None:
        return ""
    image = next((each.path for each in now.subvolumes.values() if each.uuid == one.parent), way.where)
    places = (place for place in (image, way.where) if file not in now.layers.get(place, {}))
    return next((f"{place} has no {file}, and it is to come from the image" for place in places), "")


def _file(now: Snapshot, way: _Way, file: str) -> File | None:
    """The large file as it is in the container; of an overlay only one that was copied up."""
    if way.name == "zfs":
        dataset = now.datasets.get(way.where)
        return now.layers.get(dataset.mountpoint or "", {}).get(file) if dataset else None
    folder = _upper(now, way.where) if way.name == "overlay" else way.where
    return now.layers.get(folder or "", {}).get(file)


def _upper(now: Snapshot, merged: str) -> str | None:
    entry = facts.mounted_at(now.mounts_of(now.host), merged)
    made = overlay(entry, now.layers) if entry is not None else None
    return made.upper if made is not None else None


def _allocated(files: Mapping[str, File]) -> int:
    return sum(file.allocated for file in files.values() if file.kind == "file")


def _noted(view: View, note: str, name: str) -> list[float] | None:
    """The numbers of the last line that begins with that name; what else is in it does not matter."""
    lines = [line.split() for line in view.now.notes.get(note, "").splitlines()]
    of_it = [words[1:] for words in lines if words and words[0].casefold().rstrip(":") == name]
    if not of_it:
        return None
    numbers = []
    for word in of_it[-1]:
        found = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?:ms|MiB|MB|M)?", word, re.ASCII)
        if found is not None:  # not a unit, a path
            numbers.append(float(found[1]))
    return numbers


def _judge(
    way: _Way, numbers: list[float] | None, wanted: int, which: int, truth: int
) -> tuple[str, str] | None:
    """What is wrong with a line, and its diagnosis; the number at `which` is to be the truth in MiB."""
    if numbers is None:
        return f"{way.name}: no line of that name is noted", "line-missing"
    if len(numbers) < wanted:
        return f"{way.name}: {len(numbers)} of {wanted} numbers are noted", "line-missing"
    if min(numbers[:wanted]) < 0:
        return f"{way.name}: a number below zero is noted", "line-missing"
    said, real = numbers[which], truth / MIB
    if abs(said - real) > max(NEAR, real / 10):
        return f"{way.name}: you noted {said:g} MiB, and it is {real:.1f}", "measured-wrong"
    return None


def _told(way: _Way, count: int) -> Evidence:
    return Evidence(way.name, f"{count / MIB:.1f} MiB", way.source)
