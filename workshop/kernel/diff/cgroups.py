"""Groups, their settings and counters, and who is in them: what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workshop.kernel import cgroupfs
from workshop.kernel.diff.change import Change, added_removed, title
from workshop.kernel.model import Process, Snapshot

_BY_THEMSELVES = (
    "memory.current",
    "memory.peak",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.failcnt",
    "cpu.pressure",
    "pids.current",
    "pids.peak",
    "cgroup.type",
)
"""Files that tell use, not a setting."""
_COUNTERS: Mapping[str, tuple[str, ...]] = {
    "memory.events": ("oom", "oom_kill"),
    "memory.oom_control": ("oom_kill", "oom_kill_disable"),
    "cpu.stat": ("nr_throttled",),
    "pids.events": ("max",),
    "cgroup.events": ("frozen",),
}
"""Of files with counters, those that say something."""


def cgroups(before: Snapshot, now: Snapshot, old: Process | None, new: Process | None) -> Iterator[Change]:
    was = {(group.controller, group.path): group for group in before.cgroups}
    is_ = {(group.controller, group.path): group for group in now.cgroups}
    yield from added_removed(
        "cgroups",
        (
            (path, _controller(name), cgroupfs.place(before, name, path))
            for name, path in was.keys() - is_.keys()
        ),
        (
            (path, _controller(name), cgroupfs.place(now, name, path))
            for name, path in is_.keys() - was.keys()
        ),
    )
    for key in sorted(is_):
        settings = _settings(was[key].values) if key in was else None
        for name, value in _settings(is_[key].values).items():
            if settings is not None and settings.get(name) != value:
                source = f"{cgroupfs.place(now, *key)}/{name.partition(' ')[0]}"
                yield Change("cgroups", "changed", f"{name} of {key[1]}", settings.get(name), value, source)
    yield from _memberships(before, now, old, new)


def _settings(values: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in values.items():
        if name in _BY_THEMSELVES:
            continue
        if name in _COUNTERS:
            numbers = cgroupfs.parse_flat(text)
            found |= {f"{name} {key}": str(numbers[key]) for key in _COUNTERS[name] if key in numbers}
        else:
            found[name] = " ".join(text.split())
    return found


def _controller(name: str) -> str:
    return name or "v2"


def _memberships(
    before: Snapshot, now: Snapshot, old: Process | None, new: Process | None
) -> Iterator[Change]:
    then = {process.key: process for process in before.processes.values()}
    for pid in sorted(now.processes):
        process = now.processes[pid]
        was = then.get(process.key)
        if was is None and new is not None and pid == new.pid:
            was = old
        if was is None or was.cgroups == process.cgroups or process.state in ("Z", "X"):
            continue
        moved: dict[tuple[str | None, str], list[str]] = {}
        for name, path in sorted(process.cgroups.items()):
            if was.cgroups.get(name) != path:
                moved.setdefault((was.cgroups.get(name), path), []).append(_controller(name))
        for (source, path), names in moved.items():
            subject = f"{', '.join(names)} of {title(process)}"
            yield Change("cgroups", "changed", subject, source, path, f"/proc/{pid}/cgroup")
