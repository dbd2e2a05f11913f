"""What a line changed → the block "What the kernel did"."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.kernel.diff import Change
from workshop.kernel.model import Snapshot
from workshop.kernel.told import MARKS, value
from workshop.render.layout import hanging, indented
from workshop.render.theme import UNICODE, Signs
from workshop.render.tree import tree

AREAS = {
    "namespaces": "Namespaces",
    "processes": "Processes",
    "hostname": "Host name",
    "ipc": "Shared memory and queues",
    "mounts": "Mounts",
    "layers": "Layers",
    "cgroups": "Cgroups",
    "network": "Network",
    "datasets": "Datasets",
}
MOST = 8
"""More changes than this in one area are counted, not shown; `:state` has them all."""


def changes(
    changes: Sequence[Change],
    now: Snapshot | None = None,
    before: Snapshot | None = None,
    signs: Signs = UNICODE,
) -> RenderableType:
    """Only what differs, area by area. With the two snapshots, new processes stand in their tree."""
    if not changes:
        return Text("No namespace, process, mount, link or dataset changed.", style="quiet")
    parts: list[RenderableType] = [Text("What the kernel did", style="label")]
    for area, title in AREAS.items():
        found = [change for change in changes if change.area == area]
        if found:
            parts.append(indented(Text(title)))
            parts.append(indented(_area(area, found, now, before, signs), 4))
    return Group(*parts)


def _area(
    area: str, found: Sequence[Change], now: Snapshot | None, before: Snapshot | None, signs: Signs
) -> RenderableType:
    parts: list[RenderableType] = []
    if area == "processes" and now is not None and before is not None:
        old = {process.key for process in before.processes.values()}
        new = [process.pid for process in now.processes.values() if process.key not in old]
        if new and any(change.verb == "added" for change in found):
            parts.append(tree(now, new, signs, marks=dict.fromkeys(new, "new")))
            found = [change for change in found if change.verb != "added"]
    parts += [change(each, signs) for each in found[:MOST]]
    if len(found) > MOST:
        parts.append(Text.assemble(f"{signs.ellipsis} {len(found) - MOST} more: ", (":state", "command")))
    return Group(*parts)


def change(change: Change, signs: Signs = UNICODE) -> RenderableType:
    """`~ pid of bash (41): 4026531836 → 4026532281  (/proc/41/ns/pid)`."""
    text = Text(overflow="fold").append(change.subject)
    text.append(value(change, signs.arrow))
    if change.source:
        text.append("  (").append(change.source, "source").append(")")
    return hanging(Text(MARKS[change.verb], change.verb), text)
