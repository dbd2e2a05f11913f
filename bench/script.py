"""What a script does instead of the workshop: an equal lab by unshare(1), lines piped to bash."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup")

_LAB = """
set -e
mount -t tmpfs tmpfs "$1"; cd "$1"; mkdir up work root
mount -t overlay overlay -o lowerdir=/,upperdir=up,workdir=work root
cd root
mount --rbind /dev dev; mount -t proc proc proc; mount -t sysfs sysfs sys
for each in run tmp lab; do mkdir -p $each; mount -t tmpfs tmpfs $each; done
mkdir -p run/lock lab/images lab/containers
for image in $2; do cp "${image#*=}" "lab/images/${image%%=*}"; done
pivot_root . mnt; cd /; umount -l /mnt
hostname lab; ip link set lo up
if [ "$3" = pool ]; then
    zfs-fuse -n --no-kstat-mount </dev/null >/dev/null 2>&1 &
    until zpool list >/dev/null 2>&1; do sleep 0.01; done
    truncate -s 1G /lab/tank.img
    zpool create -m /tank tank /lab/tank.img 2>/dev/null
fi
echo ready
exec sleep infinity
"""


class Bash:
    """A bash in the lab that reads its lines from a pipe; a shell inside it reads on where it stopped."""

    def __init__(self, first: int) -> None:
        enter = ("nsenter", "--target", str(first), *NAMESPACES, "--")
        self._process = subprocess.Popen(
            [*enter, "env", "--chdir=/lab", "HOME=/lab", "bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._lines, self._said = self._process.stdin, self._process.stdout
        self._turns = 0

    def run(self, lines: list[str]) -> None:
        """Type the lines; the last one has to succeed."""
        self._turns += 1
        self._lines.write("\n".join([*lines, f"echo turn {self._turns} $?", ""]).encode())
        self._lines.flush()
        said = b""
        for line in self._said:
            if line.startswith(b"turn %d " % self._turns):
                assert line.endswith(b" 0\n"), f"{lines}: {said.decode(errors='replace')}"
                return
            said += line
        raise AssertionError(f"{lines}: the shell has ended: {said.decode(errors='replace')}")

    def close(self) -> None:
        """After the lab has gone, and this with it."""
        self._lines.close()
        self._said.close()
        self._process.wait()


@contextmanager
def lab(images: Mapping[str, Path], *, pool: bool) -> Iterator[int]:
    """A lab with these images (name to file); the pid of its first process."""
    with tempfile.TemporaryDirectory() as staging:
        named = " ".join(f"{name}={path}" for name, path in images.items())
        command = ["bash", "-c", _LAB, "lab", staging, named, "pool" if pool else ""]
        with subprocess.Popen(
            ["unshare", "--kill-child", "--fork", *NAMESPACES, *command], stdout=subprocess.PIPE
        ) as unshare:
            try:
                assert unshare.stdout is not None
                assert unshare.stdout.readline() == b"ready\n"
                children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
                yield int(children.read_text())
            finally:
                unshare.kill()
