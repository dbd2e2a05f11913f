"""The lab's own cgroups: a group in every hierarchy of the machine, and all that the learner makes below it.

cgroups(7). Where a group of ours may stand:

- v1: below the program's own group of that controller.
- v2 without systemd: at the root, which alone may have processes *and* hand controllers down.
- v2 under systemd, which undoes what others do in its tree: a scope of our own with `Delegate=yes`.
- v2 for an ordinary account: below a scope that its own systemd gave the program; see `delegation`.
- v2 in a container: below the nearest group that hands controllers down; if there is none, below the
  program's own group, without controllers ("no internal processes").

In v2 the lab's processes live in a leaf, `LAB/init`, so that the lab's group, which is the root of the
lab's cgroup namespace, can hand its controllers down to the groups that the learner makes.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from workshop import rootless
from workshop.frozen import frozen
from workshop.kernel import mountinfo
from workshop.ledger import NAME, Entry, Ledger

TOP = Path("/sys/fs/cgroup")
TAUGHT = ("memory", "cpu", "pids")
"""The controllers whose limits the lessons set."""
LEAF = "init"
MOST_PROCESSES = 1000
"""How many processes (and threads) a lab may have: a fork bomb without a limit ends here."""
_OURS = re.compile(rf"{NAME}-[0-9a-f]{{12}}(\.scope)?")
_SYSTEMD = Path("/run/systemd/system")
_SECONDS = 10.0
"""For what systemd and the kernel do in milliseconds, on a slow machine too."""


@frozen
class Hierarchy:
    """A mounted hierarchy: its controllers (none for v2), where it is mounted, and the program's group."""

    controllers: tuple[str, ...]
    mount: Path
    folder: Path

    @property
    def v2(self) -> bool:
        return not self.controllers

    @property
    def place(self) -> Path:
        """Where the lab has it: where everybody expects it, wherever this machine has mounted it."""
        if self.mount == TOP or self.mount.parent == TOP:
            return self.mount
        return TOP / (",".join(name.removeprefix("name=") for name in self.controllers) or "unified")

    @property
    def options(self) -> str:
        """What mount(8) needs to mount it once more: `cpu,cpuacct`, `none,name=systemd`."""
        named = any(c.startswith("name=") for c in self.controllers)
        return ",".join((*(("none",) if named else ()), *self.controllers))


@frozen
class Group:
    """The lab's group in one hierarchy."""

    hierarchy: Hierarchy
    path: Path

    @property
    def leaf(self) -> Path:
        """Where the lab's own processes are."""
        return self.path / LEAF if self.hierarchy.v2 else self.path


def hierarchies(proc: Path = Path("/proc")) -> tuple[Hierarchy, ...]:
    """The hierarchies that are mounted: `/proc/self/cgroup` and `/proc/self/mountinfo`."""
    mounts = [
        m for m in mountinfo.parse((proc / "self/mountinfo").read_text()) if m.fstype in ("cgroup", "cgroup2")
    ]
    found = []
    for line in (proc / "self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        controllers = tuple(names.split(",")) if names else ()
        for mount in mounts:
            if controllers:
                fits = mount.fstype == "cgroup" and set(controllers) <= set(mount.super_options)
            else:
                fits = mount.fstype == "cgroup2"
            if fits and (path == mount.root or path.startswith(mount.root.rstrip("/") + "/")):
                folder = Path(mount.target) / path[len(mount.root.rstrip("/")) :].lstrip("/")
                found.append(Hierarchy(controllers, Path(mount.target), folder))
                break
    return tuple(found)


def join(pid: int, ledger: Ledger) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """Make the lab's groups and move a process into them; the groups, and why some could not be had."""
    name = f"{NAME}-{ledger.id}"
    scope = _scope(f"{name}.scope", pid, ledger)
    groups, problems = [], []
    there = hierarchies()
    for hierarchy in there:
        inside = scope.get(",".join(hierarchy.controllers))
        path = inside or _parent(hierarchy) / name
        try:
            if hierarchy.v2 and inside is None:
                _hand_down(path.parent, ledger)  # the earlier in the ledger, the later undone
            ledger.add(Entry("cgroup", str(path)))
            path.mkdir(exist_ok=inside is not None)
            if "cpuset" in hierarchy.controllers:
                _fill_cpuset(path)
            _cap(path)
            if hierarchy.v2:
                (path / LEAF).mkdir(exist_ok=True)
            _write(path / "cgroup.procs", str(pid))
        except OSError as error:
            label = ",".join(hierarchy.controllers) or "cgroup v2"
            problems.append(f"no group of its own for {label}: {error.strerror}: {path}")
        else:
            groups.append(Group(hierarchy, path))
    return tuple(groups), (*problems, *_not_mounted(there))


def _not_mounted(there: Sequence[Hierarchy]) -> Iterator[str]:
    """Why a lesson on limits cannot be played: its controllers are in no hierarchy."""
    had = {name for each in there for name in each.controllers}
    had |= {name for each in there if each.v2 for name in _words(each.mount / "cgroup.controllers")}
    for name in TAUGHT:
        if name not in had:
            how = f"mount -t cgroup -o {name} cgroup {TOP}/{name}"
            yield f"no limits on {name}: its controller is not mounted (in version 1: {how})"


def enable(groups: Sequence[Group]) -> None:
    """v2: let the lab's group hand down every controller it has; its processes are in the leaf by now."""
    for group in groups:
        if group.hierarchy.v2:
            for controller in _words(group.path / "cgroup.controllers"):
                with contextlib.suppress(OSError):  # for example cpu, while there are realtime processes
                    _write(group.path / "cgroup.subtree_control", f"+{controller}")


def places(groups: Sequence[Group], *, namespace: bool = True) -> Mapping[str, str]:
    """Where a learner makes groups, by what is to be limited; `cgroup2` and `freezer` are for freezing.

    In a cgroup namespace that begins at the lab's groups, each is at the top of its hierarchy."""
    seen = {group: str(group.hierarchy.place if namespace else group.path) for group in groups}
    by_name = {name: place for group, place in seen.items() for name in group.hierarchy.controllers}
    two = next((place for group, place in seen.items() if group.hierarchy.v2), None)
    found = {name: by_name.get(name) or two for name in TAUGHT}
    found |= {"cgroup2": two, "freezer": two or by_name.get("freezer")}
    return {name: place for name, place in found.items() if place is not None}


def remove(path: Path) -> str:
    """Remove a group of ours with all below it: thaw, kill, rmdir from the bottom. Why not, or nothing."""
    if not any(_OURS.fullmatch(part) for part in path.parts):
        return "it does not have a name of ours, so it was left alone"
    deadline = time.monotonic() + _SECONDS
    while True:
        problem = _remove_once(path)
        if not problem or time.monotonic() > deadline:
            return problem
        for other in found():
            if other.name == path.name:
                kill(other)  # what is left here may be frozen there, in another hierarchy
        time.sleep(0.005)


def members(path: Path) -> tuple[int, ...]:
    """The processes in a group and all below it (`cgroup.procs`); those of other pid namespaces show as 0."""
    pids: list[int] = []
    for folder in _tree(path):
        pids += [int(word) for word in _words(folder / "cgroup.procs") if word != "0"]
    return tuple(pids)


def kill(path: Path) -> None:
    """Thaw and kill whatever is in a group and below it."""
    for folder in _tree(path):
        for file, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            if (folder / file).exists():
                with contextlib.suppress(OSError):
                    _write(folder / file, word)
    for pid in members(path):
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def take_back(entry: Entry) -> str:
    """Undo `_hand_down`, unless another group below may have come to rely on it."""
    folder = Path(entry.name)
    if any(child.is_dir() for child in _children(folder)):
        return ""
    for controller in entry.proof.get("added", "").split():
        with contextlib.suppress(OSError):
            _write(folder / "cgroup.subtree_control", f"-{controller}")
    return ""


def stop_scope(entry: Entry) -> str:
    """Let systemd forget the scope; its processes are gone, and often it is too."""
    if _OURS.fullmatch(entry.name) and _SYSTEMD.is_dir():
        _busctl("StopUnit", "ss", entry.name, "replace")
    return ""


def found(mounts: Sequence[Hierarchy] | None = None) -> tuple[Path, ...]:
    """Every group on this machine that has a name of ours."""
    paths = []
    for hierarchy in mounts if mounts is not None else hierarchies():
        for folder in _tree(hierarchy.mount):
            if _OURS.fullmatch(folder.name):
                paths.append(folder)
    return tuple(sorted(paths))


def _remove_once(path: Path) -> str:
    if not path.exists():
        return ""
    kill(path)
    problem = ""
    for folder in _tree(path):
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:
            problem = f"{error.strerror}: {folder}"
    return problem


def _tree(path: Path) -> Iterator[Path]:
    """A group and all below it, the deepest first."""
    for child in _children(path):
        if child.is_dir() and not child.is_symlink():
            yield from _tree(child)
    yield path


def _children(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _parent(hierarchy: Hierarchy) -> Path:
    """Below which group the lab's is made; see the top of this file."""
    if not hierarchy.v2 or _is_root(hierarchy.folder):
        return hierarchy.folder
    if _is_root(hierarchy.mount) and not rootless.inside():
        return hierarchy.mount
    folder = hierarchy.folder
    while folder != hierarchy.mount:
        folder = folder.parent
        if _words(folder / "cgroup.subtree_control"):
            return folder
    return hierarchy.folder


def _is_root(folder: Path) -> bool:
    """Only the real root of the hierarchy has no `cgroup.type`."""
    return folder.is_dir() and not (folder / "cgroup.type").exists()


def _hand_down(folder: Path, ledger: Ledger) -> None:
    """Have the group above the lab's hand down what it can."""
    missing = set(_words(folder / "cgroup.controllers")) - set(_words(folder / "cgroup.subtree_control"))
    if not missing:
        return
    ledger.add(Entry("controllers", str(folder), {"added": " ".join(sorted(missing))}))
    for controller in missing:
        with contextlib.suppress(
            OSError
        ):  # it has processes of its own, or the controller is in use otherwise
            _write(folder / "cgroup.subtree_control", f"+{controller}")


def _cap(path: Path) -> None:
    if (path / "pids.max").exists():
        _write(path / "pids.max", str(MOST_PROCESSES))


def _fill_cpuset(path: Path) -> None:
    """v1: a new cpuset has no processors and no memory, and takes no process before it has some."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        _write(path / file, (path.parent / file).read_text().strip())


def _scope(unit: str, pid: int, ledger: Ledger) -> Mapping[str, Path]:
    """Under systemd: have it put the process into a scope; controllers to the group in each hierarchy."""
    if not _SYSTEMD.is_dir() or rootless.inside():  # then the program is in one, which has room for it
        return {}
    ledger.add(Entry("scope", unit))
    properties = ("2", "PIDs", "au", "1", str(pid), "Delegate", "b", "true")
    if not _busctl("StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", *properties, "0"):
        return {}
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        places = {}
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if path.endswith(f"/{unit}"):
                places[names] = path
        if places:
            return _on_disk(places)
        time.sleep(0.002)
    return {}


def _on_disk(places: Mapping[str, str]) -> Mapping[str, Path]:
    """Controllers to the folder of a group, from its path as `/proc/PID/cgroup` gives it."""
    mounts = mountinfo.parse(Path("/proc/self/mountinfo").read_text())
    found = {}
    for hierarchy in hierarchies():
        names = ",".join(hierarchy.controllers)
        mount = next(m for m in mounts if m.target == str(hierarchy.mount) and m.fstype.startswith("cgroup"))
        if names in places:
            found[names] = hierarchy.mount / places[names].removeprefix(mount.root).lstrip("/")
    return found


def _busctl(method: str, *args: str) -> bool:
    import subprocess

    manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    try:
        done = subprocess.run(
            ("busctl", "--quiet", "call", *manager, method, *args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _write(path: Path, text: str) -> None:
    """Files of cgroupfs are opened, never created or truncated."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
