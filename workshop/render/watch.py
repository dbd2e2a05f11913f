"""A lab at one moment → four panels: namespaces and who is in them, groups, mounts as layers, links."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.frozen import frozen
from workshop.kernel.model import NS_KINDS, Mount, Process, Snapshot
from workshop.kernel.sides import LIMITS, lowest
from workshop.kernel.subject import alive
from workshop.kernel.usage import Usage
from workshop.render.layout import indented
from workshop.render.network import picture
from workshop.render.theme import UNICODE, Signs, counted

TITLES = ("Namespaces", "Groups", "Mounts", "Links")
MOST = 8
"""More processes than this in one place are counted."""


@frozen
class Picture:
    """What is drawn: the snapshot, the process whose container it is about, and what groups use."""

    now: Snapshot
    pid: int
    used: Mapping[str, Usage]
    rates: Mapping[str, float]
    """Processor time used a second, by group."""


def panels(seen: Picture, signs: Signs = UNICODE) -> tuple[RenderableType, ...]:
    """In the order of TITLES."""
    draw = (_namespaces, _groups, _mounts, _links)
    return tuple(Group(*each(seen, signs)) for each in draw)


# -- namespaces ---------------------------------------------------------------------------------------------


def _namespaces(seen: Picture, signs: Signs) -> Iterator[RenderableType]:
    now = seen.now
    host = now.processes[now.host]
    everybody = [process for _, process in sorted(now.processes.items()) if alive(process)]
    shared = []
    for kind in NS_KINDS:
        spaces: dict[int, list[Process]] = {}
        for process in everybody:
            spaces.setdefault(process.ns.get(kind, 0), []).append(process)
        if spaces.keys() <= {host.ns.get(kind)}:
            shared.append(kind)
            continue
        yield Text(kind, style="label")
        for inode in sorted(spaces, key=lambda each: (each != host.ns.get(kind), each)):
            name = "host" if inode == host.ns.get(kind) else str(inode)
            text = Text(f"{name}: ", overflow="fold").append(_crowd(spaces[inode], kind == "pid", signs))
            yield indented(text)
    if shared:
        which = "all kinds" if len(shared) == len(NS_KINDS) else " ".join(shared)
        yield Text(f"{which}: the host's, for all {len(everybody)}", overflow="fold")
    if len(shared) == len(NS_KINDS):
        yield indented(Text(_crowd(everybody, False, signs), overflow="fold"))


def _crowd(processes: Sequence[Process], inner: bool, signs: Signs) -> str:
    """`bash 41 (1 inside), sleep 44`."""
    names = [
        f"{p.comm} {p.pid}" + (f" ({p.nspids[-1]} inside)" if inner and len(p.nspids) > 1 else "")
        for p in processes[:MOST]
    ]
    more = [f"{signs.ellipsis} {len(processes) - MOST} more"] if len(processes) > MOST else []
    return ", ".join([*names, *more])


# -- groups -------------------------------------------------------------------------------------------------


def _groups(seen: Picture, signs: Signs) -> Iterator[RenderableType]:
    paths = sorted({group.path for group in seen.now.cgroups} | seen.used.keys())
    if not paths:
        yield Text("None below the lab's own.")
    for path in paths:
        lead = "   " * (path.count("/") - 1)
        text = Text(overflow="fold").append(f"{lead}{path.rpartition('/')[2]}", "label")
        facts = [*_facts(seen, path)]
        yield text.append(f"  {f' {signs.dot} '.join(facts)}" if facts else "")


def _facts(seen: Picture, path: str) -> Iterator[str]:
    here = [group for group in seen.now.cgroups if group.path == path]
    used = seen.used.get(path, Usage())
    limits = {what: lowest(here, files) for what, files in LIMITS.items()}
    if used.memory is not None:
        yield f"memory {used.memory / 2**20:.1f}M{_of(limits['memory'])}"
    if used.pids is not None:
        yield f"pids {used.pids}{_of(limits['processes'])}"
    if path in seen.rates or limits["processors"]:
        yield f"cpu {100 * seen.rates.get(path, 0):.0f}%{_of(limits['processors'])}"
    if any(group.values.get("cgroup.freeze") == "1" for group in here):
        yield "frozen"
    if any(group.values.get("freezer.state") == "FROZEN" for group in here):
        yield "frozen"
    pids = sorted({pid for group in here for pid in group.pids})
    members = [seen.now.processes[pid] for pid in pids if pid in seen.now.processes]
    if members:
        yield ", ".join(f"{process.comm} {process.pid}" for process in members[:MOST])


def _of(limit: str | None) -> str:
    return f" of {limit}" if limit else ""


# -- mounts -------------------------------------------------------------------------------------------------


def _mounts(seen: Picture, signs: Signs) -> Iterator[RenderableType]:
    now = seen.now
    process, host = now.processes[seen.pid], now.processes[now.host]
    mounts = now.mounts_of(seen.pid)
    yield Text(f"as {process.comm} ({seen.pid}) sees them", overflow="fold")
    if not mounts:
        yield Text("Its root lies on no mount of its own (chroot to a plain folder).", overflow="fold")
        return
    same = process.ns.get("mnt") == host.ns.get("mnt") and process.root == host.root
    theirs = {(mount.target, mount.dev, mount.root) for mount in now.mounts_of(now.host)}
    if same:
        yield Text(f"The host's {counted(len(mounts), 'mount')}.")
    for mount in mounts:
        inherited = (mount.target, mount.dev, mount.root) in theirs
        if mount.target == "/" or not (same or inherited):
            yield from _stack(mount, signs)
    alike = sum((mount.target, mount.dev, mount.root) in theirs for mount in mounts if mount.target != "/")
    if alike and not same:
        yield Text(f"and {counted(alike, 'mount')} as on the host")


def _stack(mount: Mount, signs: Signs) -> Iterator[RenderableType]:
    """A mount, and below it what it is made of, the top layer first."""
    source = f" {mount.source}" if mount.source not in (mount.fstype, "none") else ""
    part = f" {mount.root}" if mount.root != "/" else ""
    text = Text(overflow="fold").append(mount.target, "label")
    yield text.append(f"  {mount.fstype}{source}{part}")
    if mount.fstype != "overlay":
        return
    options = dict(option.partition("=")[::2] for option in mount.super_options)
    layers = [f"upper  {options['upperdir']}"] if "upperdir" in options else []
    layers += [f"lower  {path}" for path in options.get("lowerdir", "").split(":") if path]
    for layer in layers:
        yield indented(
            Text(f"{signs.last if layer is layers[-1] else signs.fork}{layer}", overflow="fold"), 3
        )


# -- links --------------------------------------------------------------------------------------------------


def _links(seen: Picture, signs: Signs) -> Iterator[RenderableType]:
    yield picture(seen.now, seen.now.processes[seen.pid].ns.get("net"), signs)
