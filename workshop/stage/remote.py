"""The way to the stage for speakers' screens: a unix socket, JSON a line, scenes out and orders in.

    /run/container-workshop/PID.stage/door      folder 0700, socket 0600

Both belong to the user who began the performance (under sudo, to the one who called it), and the kernel says
who is at the other end: SO_PEERCRED, unix(7). A screen that does not read is not waited for: it misses
scenes, and gets the newest one when it reads again.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from workshop import ledger
from workshop.errors import UsageError
from workshop.progress import owner_of
from workshop.stage.desk import Desk, Order
from workshop.stage.scene import COMMANDS, Scene, from_json, to_json

SUFFIX = ledger.STAGE
DOOR = "door"
RUN = Path("/run", ledger.NAME)
LONGEST = 64 * 1024
"""Bytes of an order; whoever sends more without a line feed is sent away."""
MOST = 16
"""Screens at once."""


class Door:
    """Open while it is entered. Serves from a thread of its own."""

    def __init__(self, desk: Desk, home: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._desk = desk
        self._home = home or ledger.home()
        self._owner = owner_of(environ)
        self.path = self._home / f"{os.getpid()}{SUFFIX}" / DOOR
        self._selector = selectors.DefaultSelector()
        self._guests: dict[int, _Guest] = {}
        self._scene = b""
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken, False)
        self._thread = threading.Thread(target=self._serve, name="door", daemon=True)
        self._over = False

    def __enter__(self) -> Door:
        sweep(self._home)
        self._listener = _listen(self.path, self._owner)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._end = self._desk.performance.subscribe(self._show)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._over = True
        self._nudge()
        self._thread.join(3)
        for guest in tuple(self._guests.values()):
            guest.socket.close()
        self._listener.close()
        self._selector.close()
        os.close(self._woken)
        os.close(self._wake)
        _remove(self.path.parent)

    def _show(self, scene: Scene) -> None:
        """In the engine's thread: note the newest scene, wait for nobody."""
        self._scene = to_json(scene).encode() + b"\n"
        self._nudge()

    def _nudge(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._wake, b".")

    def _serve(self) -> None:
        while not self._over:
            for key, events in self._selector.select():
                if key.fileobj is self._listener:
                    self._admit()
                elif key.fileobj == self._woken:
                    with suppress(BlockingIOError):
                        os.read(self._woken, 4096)
                    for guest in tuple(self._guests.values()):
                        self._send(guest)
                elif (known := self._guests.get(key.fd)) is not None:
                    if events & selectors.EVENT_READ:
                        self._hear(known)
                    if events & selectors.EVENT_WRITE and key.fd in self._guests:
                        self._send(known)

    def _admit(self) -> None:
        try:
            other, _ = self._listener.accept()
        except OSError:
            return
        if peer(other) not in (0, self._owner[0]) or len(self._guests) >= MOST:
            other.close()
            return
        other.setblocking(False)
        guest = _Guest(other)
        self._guests[other.fileno()] = guest
        self._selector.register(other, selectors.EVENT_READ)
        self._send(guest)

    def _hear(self, guest: _Guest) -> None:
        try:
            data = guest.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, guest.heard = (guest.heard + data).split(b"\n")
        if not data or len(guest.heard) > LONGEST:
            self._dismiss(guest)
            return
        for line in lines:
            if (order := order_from(line)) is not None:
                self._desk.give(order)

    def _send(self, guest: _Guest) -> None:
        """What is under way first, then the newest scene, as far as there is room."""
        try:
            while True:
                if not guest.leaving:
                    if guest.sent is self._scene:
                        break
                    guest.sent = self._scene
                    guest.leaving = memoryview(self._scene)
                guest.leaving = guest.leaving[guest.socket.send(guest.leaving) :]
        except BlockingIOError:
            pass
        except OSError:
            self._dismiss(guest)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if guest.leaving else 0)
        self._selector.modify(guest.socket, wanted)

    def _dismiss(self, guest: _Guest) -> None:
        self._selector.unregister(guest.socket)
        del self._guests[guest.socket.fileno()]
        guest.socket.close()


class _Guest:
    """A screen at the door."""

    def __init__(self, other: socket.socket) -> None:
        self.socket = other
        self.heard = b""
        self.leaving = memoryview(b"")
        self.sent = b""


def order_from(line: bytes) -> Order | None:
    """`{"command": "jump", "argument": "process-trees/ps-lies", "seen": 12}`; None for anything else."""
    try:
        found = json.loads(line)
        command, argument = found["command"], found.get("argument", "")
        seen = found.get("seen", -1)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if command not in COMMANDS or not isinstance(argument, str) or type(seen) is not int:
        return None
    return Order(command, argument, seen)


def peer(other: socket.socket) -> int:
    """The uid of the process at the other end, as it was when it connected."""
    _, uid, _ = struct.unpack("3i", other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)


def sweep(home: Path) -> None:
    """Remove the doors of performances that were killed."""
    for folder in _folders(home):
        if not Path("/proc", folder.stem).exists():
            _remove(folder)


def knock(home: Path | None = None) -> socket.socket:
    """A way to the performance that is running; the newest one, if there are several."""
    refused = False
    # The speaker's own account cannot write to /run, where root has put the door.
    homes = dict.fromkeys([home] if home else [ledger.home(), RUN])
    for folder in sorted((f for each in homes for f in _folders(each)), key=_age, reverse=True):
        other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            other.connect(str(folder / DOOR))
            return other
        except PermissionError:
            refused = True
        except OSError:
            pass
        other.close()
    if refused:
        raise UsageError(
            "A performance is running, but it is somebody else's.",
            "Only the user who began it, and root, can open its notes.",
        )
    raise UsageError("No performance is running.", "`workshop present` begins one, in another terminal.")


def scenes(other: socket.socket) -> Iterator[Scene]:
    """All that come, until the performance ends."""
    with other.makefile("r", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            with suppress(ValueError):
                yield from_json(line)


def order_line(order: Order) -> bytes:
    row = {"command": order.command, "argument": order.argument, "seen": order.seen}
    return json.dumps(row).encode() + b"\n"


def _listen(path: Path, owner: tuple[int, int]) -> socket.socket:
    """The folder is root's until all is in it: whoever owns a folder can put other things in their place."""
    _remove(path.parent)
    path.parent.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(MOST)
    if os.geteuid() == 0:
        os.chown(path, *owner)
        os.chown(path.parent, *owner)
    return listener


def _folders(home: Path) -> list[Path]:
    try:
        return [p for p in home.iterdir() if p.suffix == SUFFIX and p.stem.isdigit()]
    except OSError:
        return []


def _age(folder: Path) -> float:
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _remove(folder: Path) -> None:
    """Only what is ours by name: the folder belongs to a user, who may have put anything into it."""
    with suppress(OSError):
        (folder / DOOR).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
    with suppress(OSError):
        folder.parent.rmdir()  # only where it is empty
