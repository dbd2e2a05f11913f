"""Where the learner is, told from the kernel."""

from __future__ import annotations

from workshop.frozen import frozen
from workshop.kernel.model import NS_KINDS, NsKind, Process, Snapshot
from workshop.lesson import ShellName


@frozen
class Where:
    """Where the learner is, told from the kernel."""

    shell: ShellName
    pid: int
    differs: tuple[NsKind, ...]
    root: str
    """`/` for the host's root, the path of a `chroot`, `own root` where `/` is a mount of its own."""
    cwd: str
    user: str
    comm: str


def where(now: Snapshot | None, pid: int, shell: ShellName) -> Where:
    """Where the process `pid` is that has this shell's terminal, as of a look at the kernel."""
    process = now.processes.get(pid) if now else None
    if now is None or process is None:
        return Where(shell, pid, (), "/", "/", "#", "")
    reference = now.processes[now.host]
    return Where(
        shell,
        pid,
        tuple(kind for kind in NS_KINDS if differs(process, reference, kind)),
        _root_name(process, reference),
        _inside(process),
        "#" if process.ids is None or process.ids.uid[1] == 0 else "$",
        process.comm,
    )


def differs(process: Process, reference: Process, kind: NsKind) -> bool:
    return bool(process.ns) and process.ns.get(kind) != reference.ns.get(kind)


def _inside(process: Process) -> str:
    """The current directory, as the process itself would name it: below its root."""
    cwd, root = process.cwd or "/", process.root.path if process.root else "/"
    return cwd.removeprefix(root.rstrip("/")) or "/"


def _root_name(process: Process, reference: Process) -> str:
    mine, hosts = process.root, reference.root
    if mine is None or hosts is None or (mine.dev, mine.ino) == (hosts.dev, hosts.ino):
        return "/"
    return mine.path if mine.path != "/" else "own root"
