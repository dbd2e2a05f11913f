"""Going into a namespace for a moment.

A thread may enter a network, uts, ipc or cgroup namespace by itself (setns(2) is per thread), and takes the
change with it when it ends. Mount, pid and user namespaces want a process with one thread: there `nsenter`
does it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

from workshop.kernel.procfs import Proc

T = TypeVar("T")

CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)

LONGEST = 10.0
"""Seconds after which a tool that was run in a namespace is taken to hang."""


def setns(path: str, kind: int) -> None:
    """Moves the calling thread; OSError when the namespace is gone or closed to us."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, kind) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
    finally:
        os.close(fd)


def apart(function: Callable[[], T]) -> T:
    """Calls it in a thread made for it, which may go into namespaces by `within`. One thread does for all
    that is asked: starting one takes longer than asking."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="in-namespaces")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def within(jobs: Iterable[tuple[str, int, Callable[[], T]]]) -> list[T | None]:
    """Calls each job's function in the namespace at its path. For a thread made by `apart`: it stays there.

    None where the namespace could not be entered, or the call failed with an OSError.
    """
    results: list[T | None] = []
    for path, kind, function in jobs:
        try:
            setns(path, kind)
            results.append(function())
        except OSError:
            results.append(None)
    return results


def hostnames(paths: Iterable[str]) -> list[str | None]:
    """The host name in each uts namespace (`/proc/PID/ns/uts`), uts_namespaces(7). For a thread of
    `apart`."""
    return within((path, CLONE_NEWUTS, socket.gethostname) for path in paths)


def run_in(proc: Proc, pid: int, argv: Iterable[str], kinds: Iterable[str] = ("mnt", "net", "uts")) -> str:
    """What a program prints that is run in namespaces of process `pid`, by nsenter(1).

    OSError when there is no nsenter; ValueError with what it said when it fails.
    """
    options = [f"--{_NSENTER[kind]}={proc}/{pid}/ns/{kind}" for kind in kinds]
    try:
        done = subprocess.run(
            ["nsenter", *options, "--", *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise ValueError(f"no answer after {LONGEST:g} s") from e
    if done.returncode != 0:
        raise ValueError(done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}")
    return done.stdout.decode(errors="replace")


_NSENTER = {
    "cgroup": "cgroup",
    "ipc": "ipc",
    "mnt": "mount",
    "net": "net",
    "pid": "pid",
    "time": "time",
    "user": "user",
    "uts": "uts",
}
