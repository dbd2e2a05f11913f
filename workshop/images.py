"""The root file systems that a container can start from, as tar files.

The workshop's own are made of busybox and a static bash, offline, and kept in root's XDG cache. One given by
path (`--image`) is a tar file, a folder, or an OCI image layout.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workshop import rootfs
from workshop.errors import MachineError, UsageError
from workshop.frozen import frozen
from workshop.ledger import NAME

if TYPE_CHECKING:
    import tarfile

DEBIAN = "debian.tar"
BUSYBOX = "busybox.tar"
_FORMAT = 2
"""Counted up whenever what is put into the images changes."""

_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
    "etc/resolv.conf": "",
    "etc/hostname": "container\n",
    "etc/profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n",
}
_FOLDERS = (
    "bin",
    "sbin",
    "usr/bin",
    "usr/sbin",
    "dev",
    "etc",
    "home",
    "mnt",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
    "var",
)


@frozen
class Tools:
    """The programs the images are made of."""

    busybox: Path
    bash: Path | None


def prepare(tools: Tools) -> dict[str, Path]:
    """The workshop's own images, made if they are not in the cache: name to file."""
    return {BUSYBOX: _cached(tools.busybox, None), DEBIAN: _cached(tools.busybox, tools.bash)}


def named(path: Path, work: Path) -> Path:
    """A tar file for the image at `path`; made in `work` where that is a folder."""
    import tarfile

    if not path.exists():
        raise UsageError(
            f"There is no image at {path}.", "Name a tar file, a folder, or an OCI image layout."
        )
    try:
        if path.is_dir():
            target = work / f"{path.resolve().name or 'image'}.tar"
            if (path / "oci-layout").exists():
                from workshop.oci import flatten

                flatten(path, target)
                rootfs.check_tar(target, path)
            else:
                rootfs.check_folder(path)
                with tarfile.open(target, "w") as tar:
                    tar.add(path, arcname=".")
            return target
        rootfs.check_tar(path, path)
    except (tarfile.TarError, EOFError) as error:
        raise UsageError(f"{path} is damaged: it ends too early.", "Make or fetch it again.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"The image {path} cannot be read: {reason}.", "Make or fetch it again.") from error
    return path.resolve()


def is_static(path: Path) -> bool:
    """Does a program run without a loader and libraries? elf(5): it has no PT_INTERP segment."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
            if head[:4] != b"\x7fELF" or len(head) < 64:
                return False
            order: Literal["little", "big"] = "little" if head[5] == 1 else "big"
            wide = head[4] == 2
            at, size, count = ((32, 8), 54, 56) if wide else ((28, 4), 42, 44)
            start = int.from_bytes(head[at[0] : at[0] + at[1]], order)
            each = int.from_bytes(head[size : size + 2], order)
            number = int.from_bytes(head[count : count + 2], order)
            file.seek(start)
            table = file.read(each * number)
    except (OSError, IndexError):
        return False
    interpreter = 3
    return all(int.from_bytes(table[n * each : n * each + 4], order) != interpreter for n in range(number))


def _cached(busybox: Path, bash: Path | None) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    parts = [f"{int(p.stat().st_mtime)}-{p.stat().st_size}" for p in (busybox, bash) if p]
    path = Path(base).expanduser() / NAME / f"{_FORMAT}-{'-'.join(parts)}.tar"
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f"{path.name}.{os.getpid()}")
            try:
                new.write_bytes(make(busybox, bash))
                new.replace(path)
            finally:
                new.unlink(missing_ok=True)
        except OSError as error:
            raise MachineError(
                f"The image cannot be written: {error.strerror}: {path}",
                "Is the disk full? XDG_CACHE_HOME moves it.",
            ) from error
    return path


def make(busybox: Path, bash: Path | None) -> bytes:
    """The tar of a small root file system: busybox under all its names, and bash if there is one."""
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in _FOLDERS:
            _add(tar, name, kind=tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
        for name, text in _FILES.items():
            _add(tar, name, text.encode())
        title = "Debian (the workshop's small one)" if bash else "busybox"
        text = f'NAME="{title}"\nPRETTY_NAME="{title}"\nID={"debian" if bash else "busybox"}\n'
        _add(tar, "etc/os-release", text.encode())
        _add(tar, "bin/busybox", busybox.read_bytes(), mode=0o755)
        if bash:
            _add(tar, "bin/bash", bash.read_bytes(), mode=0o755)
        for applet in applets(busybox):
            if applet not in ("bin/busybox", "bin/bash"):
                # A link has no mode of its own; but Python's tarfile sets the one that stands there.
                _add(tar, applet, kind=tarfile.LNKTYPE, mode=0o755, link="bin/busybox")
    return buffer.getvalue()


def applets(busybox: Path) -> tuple[str, ...]:
    """The paths of busybox's programs, as it names them itself (`busybox --list-full`)."""
    import subprocess

    done = subprocess.run((busybox, "--list-full"), capture_output=True, text=True, check=False)
    found = tuple(line.strip() for line in done.stdout.splitlines() if line.strip())
    if done.returncode != 0 or "bin/sh" not in found:
        raise MachineError(
            f"{busybox} does not say which programs it holds.", "Install Debian's busybox-static."
        )
    return found


def _add(
    tar: tarfile.TarFile,
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = b"0",
    mode: int = 0o644,
    link: str = "",
) -> None:
    info = tar.tarinfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, len(data)
    info.uname = info.gname = "root"
    tar.addfile(info, io.BytesIO(data))


def tools() -> Tools | None:
    """busybox and bash of this machine, those that need no libraries; None without busybox."""
    from workshop.machine import which

    busybox, bash = which("busybox"), which("bash-static")
    if busybox is None or not is_static(busybox):
        return None
    return Tools(busybox, bash if bash and is_static(bash) else None)
