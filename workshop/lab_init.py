"""What a lab's first process does before it becomes `sleep infinity`: it builds the world of the learner.

It runs in a fork of the program, so it calls nothing but the kernel, and never returns. Its root is an
overlay: the machine's `/` below, a tmpfs of its own above. What is written there goes when the lab goes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pickle
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from workshop import libc
from workshop.frozen import frozen
from workshop.libc import SyscallError, mount

HOSTNAME = "lab"
NAMESPACES = (
    libc.CLONE_NEWNS | libc.CLONE_NEWNET | libc.CLONE_NEWUTS | libc.CLONE_NEWIPC | libc.CLONE_NEWCGROUP
)

_QUIET = libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC
_OWN = ("proc", "sys", "dev", "run", "tmp", "lab")
"""What is at these places in `/` is the lab's own, not the machine's."""

_DEV_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_HOSTS = f"127.0.0.1\tlocalhost\n127.0.1.1\t{HOSTNAME}\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_RESOLV = "# The lab has no way out, and so nobody to ask for names.\n"
_SUDOERS = (
    "# The marks by which the workshop tells where a shell is; and no terminal in between.\n"
    'Defaults env_keep += "PROMPT_COMMAND PS0 PS1 PS2"\n'
    "Defaults !use_pty\n"
)


@frozen
class CgroupMount:
    """One hierarchy as it is mounted in the lab: below /sys/fs/cgroup, or on it (`name` empty: pure v2)."""

    name: str
    options: str
    links: tuple[str, ...] = ()
    """Other names: `cpu` for `cpu,cpuacct`."""


@frozen
class Plan:
    """All that the first process has to know."""

    staging: str
    """An empty folder of the machine, on which the lab's root is put together (seen by nobody else)."""
    overlay: bool
    devices: bool
    """Has the lab's root the machine's devices? In a user namespace it has the harmless ones."""
    submounts: tuple[str, ...]
    """The machine's other file systems, to be seen read-only."""
    cgroups: tuple[CgroupMount, ...]
    leaf: tuple[str, ...]
    """The `cgroup.procs` of the leaves to move to when the cgroup namespace is made."""
    images: Mapping[str, str]
    """Name in /lab/images to the file to copy there."""
    bound: Mapping[str, str]
    """Path in the lab to the machine's file or socket that is to be found there."""


def become(orders: int, status: int) -> NoReturn:
    """Wait for the program's plan on `orders`, build, report on `status`, turn into `sleep infinity`."""
    try:
        os.setsid()
        _only(orders, status)
        with open(orders, "rb") as file:
            received = file.read()
        if not received:  # the program died
            os._exit(1)
        libc.die_with_parent()
        # This fails if the program died before the kernel was told to let us die with it.
        _report(status, begun=True)
        plan: Plan = pickle.loads(received)
        os.umask(0o022)
        leaves = [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in plan.leaf]
        libc.unshare(NAMESPACES)
        for leaf in leaves:
            os.write(leaf, b"0")
        mount(None, "/", None, libc.MS_REC | libc.MS_PRIVATE)
        root, overlaid = _build(plan)
        os.chdir(root)
        libc.pivot_root(".", ".")
        libc.umount(".", libc.MNT_DETACH)
        os.chdir("/")
        socket.sethostname(HOSTNAME)
        _loopback_up()
        _forwarding_off()
        devices = [Path(path).stat().st_dev for path in ("/lab", "/tmp", "/run", "/")]
        _report(status, devices=devices, overlaid=overlaid)
        for number in (
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGHUP,
            signal.SIGPIPE,
            signal.SIGWINCH,
            signal.SIGQUIT,
        ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if not plan.devices:  # so that `nsenter --all` works: the machine's time is not for us to enter
            with contextlib.suppress(SyscallError):
                libc.unshare(libc.CLONE_NEWTIME)  # the execve goes there, since Linux 6.1
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the kernel reaps orphans for it
        os.execve("/bin/sleep", ("sleep", "infinity"), {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    except SyscallError as error:
        _report(status, message=error.message, hint=error.hint)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT)
        _report(status, message=str(error), hint="The machine is out of memory." if full else "")
    except BaseException as error:  # nobody above would hear of it
        _report(status, message=repr(error), hint="This is a mistake of the workshop, not of this machine.")
    finally:
        os._exit(1)


def _only(*fds: int) -> None:
    """Keep no file of the program open: not its terminal, and not the lock of its ledger."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    low = 3
    for fd in sorted(fds):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _report(status: int, **what: object) -> None:
    os.write(status, json.dumps(what).encode() + b"\n")


def _build(plan: Plan) -> tuple[str, bool]:
    """The root, and whether it is an overlay."""
    mount("lab", plan.staging, "tmpfs", data="mode=755")
    root = f"{plan.staging}/root"
    _folders(plan.staging, "root", "upper", "work", "dev-upper", "dev-work")
    overlaid = plan.overlay and _overlaid(plan, root)
    if overlaid:
        _folders(root, *_OWN)
        for path in plan.submounts:
            _bind_read_only(path, root + path, libc.MS_BIND)
    else:
        mount(None, plan.staging, None, libc.MS_UNBINDABLE)  # it may lie below a folder that is to be bound
        _binds(root)
        _programs(plan, root)
    mount("proc", f"{root}/proc", "proc", _QUIET)
    _sys(plan, f"{root}/sys")
    _cgroups(plan.cgroups, f"{root}/sys/fs/cgroup")
    (_dev if plan.devices else _harmless_dev)(plan, f"{root}/dev")
    for name, mode in (("run", "755"), ("tmp", "1777"), ("lab", "755")):
        mount(name, f"{root}/{name}", "tmpfs", libc.MS_NODEV if name == "run" else 0, f"mode={mode}")
    _folders(root, "run/lock", "lab/images", "lab/containers")
    for name, source in plan.images.items():
        _copy_file(source, f"{root}/lab/images/{name}")
    for path, source in plan.bound.items():
        _bind_file(source, root + path)
    _etc(f"{root}/etc")
    return root, overlaid


def _overlaid(plan: Plan, root: str) -> bool:
    """Overlays can be stacked twice: on a root that is one of two already, there is no third."""
    try:
        _overlay("/", root, f"{plan.staging}/upper", f"{plan.staging}/work")
    except SyscallError:
        return False
    return True


def _overlay(lower: str, target: str, upper: str, work: str, option: str = "") -> None:
    mount("overlay", target, "overlay", data=f"{option}lowerdir={lower},upperdir={upper},workdir={work}")


def _binds(root: str) -> None:
    """Without overlay: a tmpfs with the machine's folders read-only in it, and a copy of /etc."""
    mount("root", root, "tmpfs", data="mode=755")
    for source in sorted(Path("/").iterdir()):
        target = Path(root, source.name)
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.name == "etc":
            _copy(source, target)
        elif source.is_dir():
            target.mkdir(exist_ok=True)
            if source.name not in (*_OWN, "root", "mnt"):
                _bind_read_only(str(source), str(target), libc.MS_BIND | libc.MS_REC)
    _folders(root, *_OWN, "root")


def _programs(plan: Plan, root: str) -> None:
    """A place for the learner's programs. An overlay's top belongs to whoever made its upper folder."""
    own = f"{plan.staging}/programs"
    _folders(own, "")
    mount("programs", own, "tmpfs", data="mode=755")
    _folders(own, "upper", "work")
    with contextlib.suppress(SyscallError):
        _overlay("/usr/local/bin", f"{root}/usr/local/bin", f"{own}/upper", f"{own}/work", "userxattr,")


def _copy_file(source: str, target: str) -> None:
    with Path(source).open("rb") as old, Path(target).open("wb") as new:
        while os.sendfile(new.fileno(), old.fileno(), None, 1 << 30):
            pass


def _copy(source: Path, target: Path) -> None:
    import shutil

    with contextlib.suppress(shutil.Error):  # a socket, say: all else is copied
        shutil.copytree(source, target, symlinks=True)


def _bind_read_only(source: str, target: str, flags: int) -> None:
    """The machine's mount, or nothing where it cannot be had: a dead network share, another user's FUSE."""
    try:
        mount(source, target, None, flags)
    except SyscallError:
        return
    libc.make_read_only(target)


def _bind_file(source: str, target: str) -> None:
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    if Path(source).is_dir():
        Path(target).mkdir(exist_ok=True)
    else:
        Path(target).touch()
    mount(source, target, None, libc.MS_BIND)


def _sys(plan: Plan, target: str) -> None:
    """In a user namespace a sysfs can be mounted only where another is in sight, in full."""
    try:
        mount("sysfs", target, "sysfs", _QUIET)
    except SyscallError:  # something of the machine's is covered, as in a container: then it is the machine's
        mount("/sys", target, None, libc.MS_BIND | libc.MS_REC)
        mount("none", f"{target}/fs/cgroup", "tmpfs", _QUIET)
    if not plan.devices:  # `ip netns exec` unmounts one before it mounts the next
        mount(target, target, None, libc.MS_BIND | libc.MS_REC)


def _cgroups(hierarchies: Sequence[CgroupMount], target: str) -> None:
    """In the new cgroup namespace a mount shows the lab's group as its root."""
    if not hierarchies:
        return
    if hierarchies[0].name:
        mount("cgroup", target, "tmpfs", _QUIET, "mode=755")
    for one in hierarchies:
        place = f"{target}/{one.name}" if one.name else target
        Path(place).mkdir(exist_ok=True)
        mount("cgroup", place, "cgroup" if one.options else "cgroup2", _QUIET, one.options)
        for link in one.links:
            with contextlib.suppress(FileExistsError):
                Path(target, link).symlink_to(one.name)


def _dev(plan: Plan, target: str) -> None:
    """The machine's devices: they can be used, and removed without harm. The ptys come from outside."""
    try:
        if not plan.overlay:
            raise SyscallError("mount overlay", errno.ENODEV)
        _overlay("/dev", target, f"{plan.staging}/dev-upper", f"{plan.staging}/dev-work")
    except SyscallError:
        mount("/dev", target, None, libc.MS_BIND)
    _dev_mounts(target)


def _harmless_dev(plan: Plan, target: str) -> None:
    """The devices that every container has, each a mount of the machine's: no user namespace makes a node."""
    mount("dev", target, "tmpfs", libc.MS_NOSUID, "mode=755")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        _bind_file(f"/dev/{name}", f"{target}/{name}")
    for name, to in _DEV_LINKS.items():
        Path(target, name).symlink_to(to)
    _folders(target, "pts")
    _dev_mounts(target)


def _dev_mounts(target: str) -> None:
    for name, fstype, data in (("shm", "tmpfs", "mode=1777"), ("mqueue", "mqueue", "")):
        with contextlib.suppress(OSError, SyscallError):
            Path(f"{target}/{name}").mkdir(exist_ok=True)
            mount(name, f"{target}/{name}", fstype, libc.MS_NOSUID | libc.MS_NODEV, data)
    mount("/dev/pts", f"{target}/pts", None, libc.MS_BIND)


def _etc(etc: str) -> None:
    _put(f"{etc}/hostname", HOSTNAME + "\n")
    _put(f"{etc}/hosts", _HOSTS)
    _put(f"{etc}/resolv.conf", _RESOLV)
    if Path(f"{etc}/sudoers.d").is_dir():
        _put(f"{etc}/sudoers.d/container-workshop", _SUDOERS, 0o440)


def _put(path: str, text: str, mode: int = 0o644) -> None:
    """A file of the lab's own, also where the machine has a link to somewhere else."""
    Path(path).unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    os.write(fd, text.encode())
    os.close(fd)


def _folders(root: str, *names: str) -> None:
    for name in names:
        Path(f"{root}/{name}").mkdir(parents=True, exist_ok=True)


def _loopback_up() -> None:
    """netdevice(7): IFF_UP for `lo`; a new net namespace has it down, a machine has it up."""
    get, put, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16xh14x", fcntl.ioctl(anything, get, request))[0]
        fcntl.ioctl(anything, put, struct.pack("16sh14x", b"lo", flags | up))


def _forwarding_off() -> None:
    """A new net namespace takes this over from the machine, where Docker has perhaps turned it on."""
    with contextlib.suppress(OSError):
        Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
