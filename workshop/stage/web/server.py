"""The pages' server: a thread with an event loop of its own, beside the terminal program.

server = Server("127.0.0.1", 8000, share=new_secret(), notes=new_secret())
server.start()                          MachineError, UsageError: the address cannot be had
performance.subscribe(server.publish)   from any thread; waits for nobody
print(server.links["share"])
server.close()
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import resource
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from workshop.errors import MachineError, UsageError, WorkshopError
from workshop.stage.scene import Scene, public
from workshop.stage.web import pages
from workshop.stage.web.app import Drive, application, version
from workshop.stage.web.channel import Channel

PATIENCE = 10.0
"""Seconds in which a request has to be whole."""
UNREAD = 20_000
"""Milliseconds after which the kernel gives up a reader that takes nothing."""
BREATH = 0.05
"""Seconds between two updates: twenty a second are more than anybody sees."""
OWN_FILES = 200
"""Files that are left to the terminal program."""
LARGEST_HEADERS = 16 * 1024


def new_secret() -> str:
    return secrets.token_urlsafe(16)


class Server:
    """Two pages, each with its secret; without one, there is no such page."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        share: str = "",
        notes: str = "",
        free: bool = False,
        drive: Drive | None = None,
    ) -> None:
        """`free` shows the audience what is typed outside of the steps; `drive` lets the speaker's page give
        orders, and gets them in the server's thread."""
        self.trouble = ""
        self._host, self._port = host, port
        self._share, self._notes = share, notes
        self._free, self._drive = free, drive
        self._address: tuple[str, int] = (host, port)
        self._newest: Scene | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._ready = threading.Event()
        self._over = False
        self._channels: list[Channel] = []
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def links(self) -> Mapping[str, str]:
        """`share` and `notes`, as far as they are there."""
        host, port = self._address
        if host in ("0.0.0.0", "::"):
            host = outward(host)
        base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        given = {"share": self._share, "notes": self._notes}
        return {name: f"{base}/{secret}/" for name, secret in given.items() if secret}

    @property
    def readers(self) -> int:
        """How many browsers follow the pages now."""
        return sum(channel.readers for channel in self._channels)

    @property
    def alone(self) -> bool:
        """Can only this machine open the pages?"""
        return ipaddress.ip_address(self._address[0]).is_loopback

    def start(self) -> Server:
        self._socket = listening(self._host, self._port)
        self._address = self._socket.getsockname()[:2]
        self._thread.start()
        self._ready.wait(5)
        return self

    def publish(self, scene: Scene) -> None:
        with self._lock:
            self._newest = scene
            if self._loop is not None and not self._over:
                with suppress(RuntimeError):  # it has just been closed
                    self._loop.call_soon_threadsafe(self._wake.set)

    def close(self) -> None:
        with self._lock:
            self._over = True
            if self._loop is not None:
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._wake.set)
        if self._thread.ident is not None:
            self._thread.join(5)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- in the server's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # the talk goes on without its pages
            self.trouble = f"The web pages have ended: {error}"
        finally:
            self._ready.set()
            self._socket.close()

    async def _serve(self) -> None:
        for name in ("uvicorn.error", "uvicorn.access"):
            # What a stranger's browser does is no business of the stage's screen.
            logger = logging.getLogger(name)
            logger.propagate = False
            logger.handlers = [logging.NullHandler()]
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note)
        self._channels = self._made()
        app = application(
            self._channels, speakers=self._channels[-1] if self._notes else None, drive=self._drive
        )
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=Patient,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=3,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=LARGEST_HEADERS,
                backlog=1024,
            )
        )
        with self._lock:
            self._loop = loop
        serving = asyncio.ensure_future(server.serve(sockets=[self._socket]))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0.01)
            self._ready.set()
            self._wake.set()
            await self._publish_newest(serving)
        finally:
            for channel in self._channels:
                channel.close()
            server.should_exit = True
            await serving

    async def _publish_newest(self, serving: asyncio.Future[None]) -> None:
        """What comes faster than it can be seen is passed over: only the newest scene counts."""
        while not serving.done():
            await self._wake.wait()
            self._wake.clear()
            if self._over:
                return
            scene = self._newest
            if scene is not None:
                for channel in self._channels:
                    channel.publish(scene)
            await asyncio.sleep(BREATH)

    def _made(self) -> list[Channel]:
        found = []
        if self._share:
            found.append(Channel(self._share, self._audience, self._audience_page))
        if self._notes:
            found.append(Channel(self._notes, self._speaker, self._speaker_page, timed=True))
        return found

    def _audience(self, scene: Scene | None) -> pages.Parts:
        return pages.audience(public(scene, free=self._free) if scene is not None else None)

    def _audience_page(self, scene: Scene | None) -> str:
        body = pages.audience_body(self._audience(scene))
        title = f"{scene.title} · {scene.talk}" if scene is not None else "A talk"
        return pages.document(title, body, kind="audience", version=version())

    def _speaker(self, scene: Scene | None) -> pages.Parts:
        return pages.speaker(scene, time.time())

    def _speaker_page(self, scene: Scene | None) -> str:
        number = scene.number if scene is not None else 0
        body = pages.speaker_body(self._speaker(scene), drive=self._drive is not None, number=number)
        return pages.document("The speaker's page", body, kind="speaker", version=version())

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.trouble = str(context.get("exception") or context.get("message") or "")


class Patient(H11Protocol):
    """uvicorn's, with two limits that it has not: how many connections there are, and how long one may take
    until a request is whole."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(PATIENCE, self._too_slow)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _too_slow(self) -> None:
        self._waiting = None
        if self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete):
            self.transport.abort()


def most_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Not above 1024 altogether: select(2) in the terminal program cannot watch a larger number.
    return max(16, min(soft, 1024) - OWN_FILES)


def listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is no port.", "Ports go from 1 to 65535; 0 is any that is free.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise not_here(host) from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # tcp(7); those that are accepted here have it too. A phone that is asleep does not hold a connection.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.bind(address)
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise refused(error, host, port) from None
    return listener


def refused(error: OSError, host: str, port: int) -> WorkshopError:
    match error.errno:
        case errno.EADDRINUSE:
            return MachineError(
                f"Port {port} of {host} is taken.", "Choose another one; 0 takes any that is free."
            )
        case errno.EADDRNOTAVAIL:
            return not_here(host)
        case errno.EACCES:
            return MachineError(f"Port {port} is not for everybody.", "Choose one above 1023.")
    return MachineError(f"The pages cannot be served at {host}, port {port}: {error.strerror}.")


def not_here(host: str) -> UsageError:
    return UsageError(
        f"{host!r} is no address of this machine.", "`ip -br address` lists them; 127.0.0.1 is always one."
    )


def outward(host: str) -> str:
    """The address that others would see. Connecting a datagram socket sends nothing."""
    family = socket.AF_INET6 if host == "::" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as other:
        try:
            other.connect(("2001:db8::1" if host == "::" else "192.0.2.1", 9))
            return str(other.getsockname()[0])
        except OSError:
            return socket.gethostname()
