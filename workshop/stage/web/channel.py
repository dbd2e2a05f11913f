"""The newest state of a page, encoded once for all who read it.

Whoever is slow gets the newest state when there is room again, and never what came in between: nothing is
kept for anybody, so memory does not grow with the talk nor with the room.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from hashlib import sha256

from workshop.frozen import frozen
from workshop.stage.scene import Scene
from workshop.stage.web.pages import Parts

GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""RFC 1952, 2.3: deflate, no flags, no time, an unknown system."""


@frozen
class Body:
    """Something to send, as it is and compressed."""

    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def of(cls, content: bytes) -> Body:
        digest = sha256(content).hexdigest()[:20]
        return cls(content, gzip.compress(content, 6, mtime=0), f'W/"{digest}"')


@frozen
class Update:
    """An event of the stream. Packed, it is a piece of a gzip stream that can follow on any other."""

    number: int
    plain: bytes
    packed: bytes


def event(name: str, data: str) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html; JSON has no bare line feeds."""
    return f"event: {name}\ndata: {data}\n\n".encode()


def packed(content: bytes) -> bytes:
    """Blocks of deflate that end at a byte and refer to nothing before them (RFC 1951): one piece, compressed
    once, fits into the stream of every reader."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)


class Channel:
    """Belongs to the server's event loop."""

    def __init__(
        self,
        secret: str,
        parts: Callable[[Scene | None], Parts],
        page: Callable[[Scene | None], str],
        *,
        timed: bool = False,
    ) -> None:
        """`timed`: the page shows a clock, and is drawn for each request."""
        self.secret = secret
        self.scene: Scene | None = None
        self.closed = False
        self.readers = 0
        self._parts = parts
        self._page = page
        self._timed = timed
        self._body: Body | None = None
        self._changed = asyncio.Event()
        self.update = self._encoded(0, parts(None))

    def publish(self, scene: Scene) -> None:
        self.scene = scene
        self._body = None
        found = self._encoded(self.update.number + 1, self._parts(scene))
        if found.plain == self.update.plain:
            return  # what changed is not for these readers
        self.update = found
        self._wake()

    def close(self) -> None:
        self.closed = True
        self._wake()

    async def changed(self, seconds: float) -> bool:
        """Wait for the next update, at most so long."""
        changed = self._changed
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return False
        return True

    def body(self) -> Body:
        if self._body is None or self._timed:
            self._body = Body.of(self._page(self.scene).encode())
        return self._body

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _encoded(self, number: int, parts: Parts) -> Update:
        plain = event("scene", json.dumps(parts, ensure_ascii=False))
        return Update(number, plain, packed(plain))
