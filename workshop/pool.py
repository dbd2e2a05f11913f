"""The lab's ZFS pool on a sparse file: in the kernel's ZFS, or in a zfs-fuse of the lab's own.

zfs-fuse runs inside the lab, so its mounts are the lab's, its socket is in the lab's /run, and every lab
can have a pool called tank. The kernel's pools belong to the machine: the name is the first that is free,
and the file lies where the kernel, which knows nothing of the lab's mounts, finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from workshop.errors import LabError
from workshop.ledger import Entry, Ledger
from workshop.machine import Machine
from workshop.removal import STATE

NAME = "tank"
SIZE = 1 << 30
"""Bytes; the file is sparse."""

_FUSE = """
set -e
mkdir -p /run/zfs /var/lib/zfs 2>/dev/null || :
# Its own list of pools: the machine's is not the lab's to open.
if [ "$3" = private ] && [ -d /var/lib/zfs ]; then mount -t tmpfs zfs /var/lib/zfs; fi
: > "$2"; truncate -s "$4" "$2"
started=
if ! [ -S /run/zfs/zfs_socket ] || ! zpool list >/dev/null 2>&1; then
    rm -f /run/zfs/zfs_socket
    zfs-fuse -n --no-kstat-mount </dev/null >/run/zfs-fuse.log 2>&1 &
    started=$!
    i=0
    until [ -S /run/zfs/zfs_socket ]; do
        i=$((i + 1))
        if [ $i -gt 500 ] || ! kill -0 $started 2>/dev/null; then
            tail -n 3 /run/zfs-fuse.log >&2; echo "zfs-fuse does not start" >&2; exit 1
        fi
        sleep 0.01
    done
fi
exec zpool create -m "/$1" "$1" "$2"
"""
_KERNEL_MOUNT = """
set -e
zfs set canmount=on "$1"
zfs mount "$1" 2>/dev/null || :
grep -q " /$1 zfs " /proc/self/mounts
"""


def prepare(machine: Machine, ledger: Ledger, enter: Sequence[str], *, private: bool) -> str:
    """Make the pool and mount it in the lab; its name. `private` False: without a lab, on the machine."""
    machine.require("zfs")
    if machine.has("zfs-kernel"):
        return _kernel(ledger, enter)
    return _fuse(ledger, enter, private=private)


def _fuse(ledger: Ledger, enter: Sequence[str], *, private: bool) -> str:
    if private:
        _sh(enter, _FUSE, NAME, f"/lab/{NAME}.img", "private", str(SIZE))
        return NAME
    name, file = _claim(ledger, _names_taken())
    _sh(enter, _FUSE, name, str(file), "shared", str(SIZE))
    return name


def _kernel(ledger: Ledger, enter: Sequence[str]) -> str:
    """The pool is made in the machine's mount namespace, unmounted, and mounted by the lab."""
    taken = _names_taken()
    while True:
        name, file = _claim(ledger, taken)
        with file.open("wb") as backing:
            backing.truncate(SIZE)
        options = ("-o", "cachefile=none", "-O", "canmount=off", "-m", f"/{name}")
        try:
            _call(("zpool", "create", *options, name, str(file)))
        except LabError as error:
            if "already exists" not in error.message or len(taken) > 50:
                raise
            taken.add(name)  # by another lab, a moment ago
            continue
        _sh(enter, _KERNEL_MOUNT, name)
        return name


def _claim(ledger: Ledger, taken: set[str]) -> tuple[str, Path]:
    """A name that nobody has, and the file for it; both in the ledger."""
    name = next(name for name in _names() if name not in taken and not _in_the_way(Path("/", name)))
    folder = STATE / ledger.id
    file = folder / f"{name}.img"
    ledger.add(Entry("path", str(folder)))
    ledger.add(Entry("folder", f"/{name}"))
    ledger.add(Entry("mounts", f"/{name}"))
    ledger.add(Entry("pool", name, {"file": str(file)}))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return name, file


def _names() -> Iterator[str]:
    yield NAME
    for number in count(2):
        yield f"{NAME}{number}"


def _in_the_way(path: Path) -> bool:
    try:
        return path.exists() and (not path.is_dir() or any(path.iterdir()))
    except OSError:
        return True


def _names_taken() -> set[str]:
    try:
        return set(_call(("zpool", "list", "-H", "-o", "name")).split())
    except LabError:
        return set()  # no daemon runs, or no pool is there


def _sh(enter: Sequence[str], script: str, *args: str) -> None:
    _call((*enter, "/bin/sh", "-c", script, "pool", *args))


def _call(args: Sequence[str]) -> str:
    import subprocess

    try:
        done = subprocess.run(
            args,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(
            f"The ZFS pool could not be made: {error}", "`workshop doctor` says what is there."
        ) from error
    if done.returncode != 0:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        full = "o space left" in said or "annot allocate" in said
        hint = "Memory or disk is full." if full else "`workshop doctor` says what this machine has for ZFS."
        raise LabError(f"The ZFS pool could not be made: {said}", hint)
    return done.stdout
