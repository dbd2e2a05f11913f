"""The pages as a Starlette application: a secret in the link, and nothing to be had without it.

    GET  /SECRET/            the page, drawn by the server: it is whole without scripts
    GET  /SECRET/events      server-sent events: the page's parts, now and whenever they change
    GET  /SECRET/style.css   GET /SECRET/live.js
    POST /SECRET/drive       an order of the speaker, if driving is switched on

All else is 404, with one page for a wrong secret and for a wrong path.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workshop.stage.assets import asset
from workshop.stage.scene import COMMANDS
from workshop.stage.web.channel import GZIP_HEADER, Body, Channel, event, packed
from workshop.stage.web.pages import NOWHERE

BEAT = 15.0
"""Seconds of silence after which a stream says that it is still there."""
MOST_READERS = 700
"""Streams at once on a page. More would take the files that the terminal program needs itself."""
LARGEST_ORDER = 2048
"""Bytes of a POST."""
Drive = Callable[[str, str, int], bool]
"""A command, its argument, and the number of the scene it was given on; False: refused. Any thread."""

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def application(
    channels: Sequence[Channel], *, speakers: Channel | None = None, drive: Drive | None = None
) -> ASGIApp:
    """`speakers` is the one of the channels that may drive."""

    def find(request: Request) -> Channel | None:
        """All secrets are compared, in a time that says nothing about them."""
        given = request.path_params["secret"].encode("utf-8", "replace")
        found = [each for each in channels if hmac.compare_digest(each.secret.encode(), given)]
        return found[0] if found else None

    async def page(request: Request) -> Response:
        channel = find(request)
        if channel is None:
            return nowhere()
        # A page with forms must say where it comes from, or its POST has the origin `null`.
        referrer = "same-origin" if channel is speakers else "no-referrer"
        headers = {"cache-control": "no-cache", "referrer-policy": referrer}
        return answer(request, channel.body(), "text/html; charset=utf-8", headers)

    async def static(request: Request) -> Response:
        if find(request) is None:
            return nowhere()
        name = request.url.path.rpartition("/")[2]
        kind = "text/css; charset=utf-8" if name == "style.css" else "text/javascript; charset=utf-8"
        return answer(request, assets()[name], kind, {"cache-control": "private, max-age=86400"})

    async def events(request: Request) -> Response:
        channel = find(request)
        if channel is None:
            return nowhere()
        if channel.readers >= MOST_READERS:
            return PlainTextResponse("The page is full.", 503, {"retry-after": "10"})
        return Stream(channel, "gzip" in request.headers.get("accept-encoding", ""))

    async def order(request: Request) -> Response:
        channel = find(request)
        if channel is None or channel is not speakers or drive is None:
            return nowhere()
        if not same_origin(request):
            return PlainTextResponse("This order does not come from the speaker's page.", 403)
        # Of several values the last one counts. A body is small, see Guard.
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        command, argument, seen = (form.get(name, "") for name in ("command", "argument", "seen"))
        if command not in COMMANDS or not (seen.isascii() and seen.isdigit() and len(seen) < 16):
            return PlainTextResponse("This is no order.", 400)
        if not drive(command, argument, int(seen)):
            return PlainTextResponse("Not now: the stage is busy, or has moved on.", 409)
        return RedirectResponse(".", 303)

    async def missing(request: Request, error: Exception) -> Response:
        return nowhere()

    app = Starlette(
        routes=[
            Route("/{secret}/", page),
            Route("/{secret}/events", events),
            Route("/{secret}/style.css", static),
            Route("/{secret}/live.js", static),
            Route("/{secret}/drive", order, methods=["POST"]),
        ],
        exception_handlers={404: missing, 405: missing},
    )
    return Guard(app)


class Guard:
    """Before anything is read: what is too large is sent away. After it: the headers of every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no lifespan, no websockets

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                more = {"referrer-policy": "no-referrer", "cache-control": "no-store", **HEADERS}
                message["headers"] = [
                    *message["headers"],
                    *((n.encode(), v.encode()) for n, v in more.items() if n.encode() not in names),
                ]
            await send(message)

        # A body that nobody will read: the connection has to end, or all of it would be read after all.
        limit = LARGEST_ORDER if scope["method"] == "POST" else 0
        if (size := announced(scope)) is None or size > limit:
            words = "This is too large." if size is not None else "Say how long it is."
            status = 413 if size is not None else 411
            await PlainTextResponse(words, status, {"connection": "close"})(scope, receive, sending)
            return
        await self._app(scope, receive, sending)


class Stream(Response):
    """Server-sent events for one reader: the newest state, then each newer one."""

    def __init__(self, channel: Channel, gzip: bool) -> None:
        self._channel = channel
        self._gzip = gzip
        headers = {"cache-control": "no-store", "x-accel-buffering": "no", "vary": "accept-encoding"}
        if gzip:
            headers["content-encoding"] = "gzip"
        super().__init__(None, 200, headers, "text/event-stream; charset=utf-8")
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b""})
            return
        self._channel.readers += 1
        tasks = (asyncio.ensure_future(self._send(send)), asyncio.ensure_future(_gone(receive)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._channel.readers -= 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async def body(plain: bytes, zipped: bytes, more: bool = True) -> None:
            content = zipped if self._gzip else plain
            # Returns when there is room again: so long, newer states replace the older ones.
            await send({"type": "http.response.body", "body": content, "more_body": more})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        first = b"retry: 2000\n\n" + event("clock", f"{time.time():.3f}")
        await body(first, GZIP_HEADER + packed(first))
        seen = -1
        while not self._channel.closed:
            update = self._channel.update
            if update.number != seen:
                seen = update.number
                await body(update.plain, update.packed)
            elif not await self._channel.changed(BEAT):
                await body(BEAT_LINE, BEAT_PACKED)
        await body(b"", b"", more=False)


BEAT_LINE = b": still here\n\n"
BEAT_PACKED = packed(BEAT_LINE)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def announced(scope: Scope) -> int | None:
    """How many bytes of body follow; None: it does not say, or not in a way that can be understood."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    size = headers.get(b"content-length", b"0")
    return int(size) if size.isdigit() and len(size) < 20 else None


def same_origin(request: Request) -> bool:
    """Browsers say which page sent a form; one that does not say is no browser of the speaker's."""
    origin = urlsplit(request.headers.get("origin", ""))
    fetched = request.headers.get("sec-fetch-site", "same-origin")
    return bool(origin.netloc) and origin.netloc == request.headers.get("host") and fetched == "same-origin"


def answer(request: Request, body: Body, kind: str, headers: Mapping[str, str]) -> Response:
    """With its tag, or only the word that nothing has changed (RFC 9110, 13.1.2)."""
    every = {**headers, "etag": body.tag, "vary": "accept-encoding"}
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if body.tag in known:
        return Response(None, 304, every)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(body.packed, 200, {**every, "content-encoding": "gzip"}, kind)
    return Response(body.plain, 200, every, kind)


def nowhere() -> Response:
    return Response(NOWHERE, 404, {"cache-control": "no-store"}, "text/html; charset=utf-8")


@cache
def assets() -> Mapping[str, Body]:
    return {
        "style.css": Body.of("\n".join(asset(n) for n in ("colours.css", "page.css", "live.css")).encode()),
        "live.js": Body.of(asset("live.js").encode()),
    }


@cache
def version() -> str:
    return "".join(body.tag[3:9] for body in assets().values())
