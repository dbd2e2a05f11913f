"""Where the learner is → the prompt; the whole state of that process → tables."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workshop.kernel.model import NS_KINDS, Network, Process, Snapshot
from workshop.render.layout import Rows, indented
from workshop.render.network import picture, worth_drawing
from workshop.render.theme import UNICODE, Signs, counted
from workshop.render.tree import tree

if TYPE_CHECKING:
    from workshop.whereabouts import Where

Fragments = list[tuple[str, str]]
"""Styled text as prompt_toolkit wants it."""
MOST_MOUNTS = 30
SHORT_PROMPT = 3 / 5
"""A prompt that takes more than this share of the width gets a line of its own, so that there is room to
type."""


def prompt(where: Where, signs: Signs = UNICODE, width: int = 80) -> Fragments:
    """`host /lab # `, or `container [pid mnt · root /lab/containers/one] / # `, as the kernel says.

    The shell is named where it is not the one that one would think of.
    """
    facts = [" ".join(where.differs)] if where.differs else []
    if where.root != "/":
        facts.append(where.root if where.root.startswith("own") else f"root {where.root}")
    name = "container" if facts else "host"
    fragments: Fragments = [(f"class:{name}", name)]
    if facts:
        fragments.append(("class:facts", f" [{f' {signs.dot} '.join(facts)}]"))
    if name != where.shell:
        fragments.append(("", f" ({where.shell} shell)"))
    fragments.append(("class:path", f" {where.cwd}"))
    if sum(len(text) for _, text in fragments) + 3 > width * SHORT_PROMPT:
        return [*_folded(fragments, width), ("", f"\n{where.user} ")]
    return [*fragments, ("", f" {where.user} ")]


def _folded(fragments: Fragments, width: int) -> Fragments:
    """Lines of the width: prompt_toolkit cuts off what stands above the line that is typed in. A fragment
    goes to the next line as a whole, if it fits there."""
    found: Fragments = []
    column = 0
    for style, text in fragments:
        if column and column + len(text) > width:
            found.append(("", "\n"))
            text, column = text.lstrip(), 0
        rows = [text[at : at + width] for at in range(0, len(text), width)]
        found.append((style, "\n".join(rows)))
        column += len(rows[-1]) if rows else 0
    return found


def more_prompt() -> Fragments:
    return [("class:facts", "> ")]


def away_prompt(comm: str, signs: Signs = UNICODE) -> Fragments:
    """The learner has called the guide from the middle of a program, which is still there."""
    return [("class:facts", f"({comm or 'the program'} runs; Enter goes back to it)"), ("", " ")]


def plain(fragments: Fragments) -> str:
    return "".join(text for _, text in fragments)


def state(snapshot: Snapshot, pid: int, signs: Signs = UNICODE) -> RenderableType:
    """Everything about the process `pid`, beside the host's first process."""
    process = snapshot.processes.get(pid)
    host = snapshot.processes.get(snapshot.host)
    if process is None or host is None:
        return Text(f"The process {pid} has ended.")
    parts: list[RenderableType] = [_title(f"{process.comm}, pid {pid}", f"/proc/{pid}")]
    parts += [_namespaces(process, host, signs), _facts(snapshot, process, host)]
    parts += [
        Text(""),
        _title("Processes", "/proc/*/status"),
        tree(snapshot, _related(snapshot, process, host), signs),
    ]
    parts += [Text(""), _title("Mounts", f"/proc/{pid}/mountinfo"), _mounts(snapshot, process, host, signs)]
    inode = process.ns.get("net", 0)
    network = snapshot.networks.get(inode)
    if worth_drawing(snapshot):
        source = "ip link, address, route in each net namespace"
        parts += [Text(""), _title("Networks", source), indented(picture(snapshot, inode, signs))]
    elif network is not None:
        parts += [Text(""), _title("Network", "ip address, ip route"), _network(network)]
    if process.cgroups:
        parts += [Text(""), _title("Cgroups", f"/proc/{pid}/cgroup"), _cgroups(snapshot, process)]
    if snapshot.datasets:
        parts += [Text(""), _title("Datasets", "zfs list -t all"), _datasets(snapshot, signs)]
    return Group(*parts)


def _title(title: str, source: str) -> Text:
    return (
        Text(title, style="title", overflow="fold")
        .append("  (", "none")
        .append(source, "source")
        .append(")", "none")
    )


def _namespaces(process: Process, host: Process, signs: Signs) -> RenderableType:
    rows: list[tuple[str | Text, ...]] = []
    for kind in NS_KINDS:
        if kind not in process.ns:
            continue
        theirs, mine = host.ns.get(kind), process.ns[kind]
        same = theirs == mine
        rows.append((kind, str(theirs), str(mine), "same" if same else Text("its own", style="changed")))
    return indented(Rows(("namespace", "host", "here", ""), rows, signs))


def _facts(snapshot: Snapshot, process: Process, host: Process) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    root = process.root
    if root is not None and host.root is not None:
        same = (root.dev, root.ino) == (host.root.dev, host.root.ino)
        table.add_row("root", "the host's" if same else f"its own: {root.path}, inode {root.ino}")
    table.add_row("folder", process.cwd or "unknown")
    name = snapshot.hostnames.get(process.ns.get("uts", 0))
    if name:
        table.add_row("host name", name)
    if process.proc_pid_ns is None:
        table.add_row("/proc", "not mounted")
    else:
        own = process.proc_pid_ns == process.ns.get("pid")
        table.add_row("/proc", "of its own pid namespace" if own else "of another pid namespace")
    if process.ids is not None:
        table.add_row("user", f"uid {process.ids.uid[1]}, gid {process.ids.gid[1]}")
        table.add_row(
            "capabilities", f"{process.ids.cap_eff:016x} effective, {process.ids.cap_bnd:016x} at most"
        )
    return indented(table)


def _related(snapshot: Snapshot, process: Process, host: Process) -> Collection[int]:
    """The process, its children, and all that share a pid namespace which is not the host's."""
    space = process.ns.get("pid")
    shared = space if space != host.ns.get("pid") else None
    return [
        other.pid
        for other in snapshot.processes.values()
        if other.pid == process.pid or other.ppid == process.pid or (shared and other.ns.get("pid") == shared)
    ]


def _mounts(snapshot: Snapshot, process: Process, host: Process, signs: Signs) -> RenderableType:
    mounts = snapshot.mounts_of(process.pid)
    if not mounts:
        return indented(Text("None: its root lies on no mount point of its own (chroot to a plain folder)."))
    theirs = {mount.id for mount in snapshot.mounts_of(host.pid)}
    if process.ns.get("mnt") == host.ns.get("mnt"):
        return indented(Text(f"The host's {counted(len(theirs or mounts), 'mount')}."))
    rows: list[tuple[str, ...]] = [
        (mount.target, mount.fstype, mount.source, mount.propagation) for mount in mounts[:MOST_MOUNTS]
    ]
    if len(mounts) > MOST_MOUNTS:
        rows.append((f"{signs.ellipsis} and {len(mounts) - MOST_MOUNTS} more",))
    return indented(Rows(("target", "type", "source", "propagation"), rows, signs))


def _network(network: Network) -> RenderableType:
    lines: list[RenderableType] = []
    for link in network.links:
        held = [address.address for address in network.addresses if address.index == link.index]
        kind = f" ({link.kind})" if link.kind else ""
        about = ", ".join(["up" if link.up else "down", *(held or ["no address"])])
        lines.append(Text(f"{link.name}{kind}: {about}", overflow="fold"))
    names = {link.index: link.name for link in network.links}
    for route in network.routes:
        if route.table == _MAIN_TABLE:
            by = f" via {route.gateway}" if route.gateway else ""
            lines.append(
                Text(f"route {route.destination}{by} dev {names.get(route.index or 0, '?')}", overflow="fold")
            )
    return indented(Group(*(lines or [Text("No interface at all.")])))


_MAIN_TABLE = 254
"""RT_TABLE_MAIN of rtnetlink(7); the local table is noise."""


def _cgroups(snapshot: Snapshot, process: Process) -> RenderableType:
    by_path: dict[str, list[str]] = {}
    for controller, path in process.cgroups.items():
        by_path.setdefault(path, []).append(controller or "v2")
    lines: list[RenderableType] = [
        Text(f"{path}: {', '.join(controllers)}", overflow="fold") for path, controllers in by_path.items()
    ]
    for group in snapshot.cgroups:
        if process.pid in group.pids and group.values:
            lines += [
                Text(f"{name} = {'; '.join(value.split(chr(10)))}", overflow="fold")
                for name, value in group.values.items()
                if name == "cgroup.freeze" or (not name.startswith("cgroup.") and not name.endswith(".stat"))
            ]
    return indented(Group(*lines))


def _datasets(snapshot: Snapshot, signs: Signs) -> RenderableType:
    rows = [
        (each.name, each.type, each.origin or "-", size(each.used), each.mountpoint or "-")
        for each in snapshot.datasets.values()
    ]
    return indented(Rows(("name", "type", "origin", "used", "mounted at"), rows, signs))


def size(amount: int) -> str:
    """`24K`, `1.3M`, as zfs(8) writes it."""
    value = float(amount)
    for unit in ("B", "K", "M", "G"):
        if value < 1024:
            return f"{value:.3g}{unit}"
        value /= 1024
    return f"{value:.3g}T"
