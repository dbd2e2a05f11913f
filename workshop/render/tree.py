"""Processes → a tree with their pids outside and inside (`NSpid` of `/proc/PID/status`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.kernel.model import Process, Snapshot
from workshop.render.theme import UNICODE, Signs, counted

MOST = 20
"""More processes than this are counted, not shown."""


def tree(
    snapshot: Snapshot,
    pids: Collection[int],
    signs: Signs = UNICODE,
    *,
    marks: Mapping[int, str] | None = None,
) -> RenderableType:
    """The processes `pids` with their ancestors below the host's first one; `marks` are words behind a
    pid."""
    wanted = set(_with_ancestors(snapshot, pids))
    tops = [pid for pid in sorted(wanted) if _parent(snapshot, pid) not in wanted]
    rows = [row for top in tops for row in _rows(snapshot, top, wanted, signs, "", "", marks or {})]
    if len(rows) > MOST:
        rows[MOST:] = [
            Text(f"{signs.ellipsis} and {counted(len(rows) - MOST, 'more process', 'more processes')}")
        ]
    return Group(*rows)


def label(process: Process) -> Text:
    """`bash 41` and, where it has another number inside, `pid 1 inside`."""
    text = Text(process.comm, style="title", overflow="fold").append(f" {process.pid}", "none")
    inner = process.nspids[1:]
    if inner:
        text.append(f", pid {' then '.join(map(str, inner))} inside", "changed")
    if process.state == "Z":
        text.append(", ended but not waited for", "bad")
    return text


def _parent(snapshot: Snapshot, pid: int) -> int:
    return snapshot.processes[pid].ppid


def _with_ancestors(snapshot: Snapshot, pids: Collection[int]) -> Iterator[int]:
    for pid in pids:
        seen: set[int] = set()
        while pid in snapshot.processes and pid not in seen:
            if pid == snapshot.host and pid not in pids:
                break
            seen.add(pid)
            yield pid
            pid = _parent(snapshot, pid)


def _rows(
    snapshot: Snapshot,
    pid: int,
    wanted: Collection[int],
    signs: Signs,
    lead: str,
    below: str,
    marks: Mapping[int, str],
) -> Iterator[Text]:
    row = Text(lead, overflow="fold").append_text(label(snapshot.processes[pid]))
    if pid in marks:
        row.append(f"  {marks[pid]}", "added")
    yield row
    children = [child for child in sorted(wanted) if child != pid and _parent(snapshot, child) == pid]
    for child in children:
        last = child == children[-1]
        step, rest = (signs.last, "   ") if last else (signs.fork, signs.pipe)
        yield from _rows(snapshot, child, wanted, signs, below + step, below + rest, marks)
