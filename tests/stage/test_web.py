"""The pages over real connections: what they show and to whom, and what a hostile room can do to them."""

from __future__ import annotations

import gzip
import json
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from stage.fake_talk import scenes

from bench.share import resident, run
from workshop.errors import MachineError, UsageError
from workshop.stage.scene import Ran
from workshop.stage.web import app, server
from workshop.stage.web.server import Server

SHARE, NOTES = "share-secret", "notes-secret"
SCENE = next(scene for scene in scenes() if scene.ran and scene.notes)


class Answer:
    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest if line)}

    @property
    def text(self) -> str:
        return self.body.decode()


def raw(port: int, request: bytes, timeout: float = 5) -> bytes:
    """Send, and read until the other side closes."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout) as other:
        other.sendall(request)
        while piece := other.recv(65536):
            found += piece
    return found


def ask(port: int, path: str, method: str = "GET", body: str = "", **headers: str) -> Answer:
    every = {"Host": f"127.0.0.1:{port}", "Connection": "close"}
    every |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        every |= {"Content-Length": str(len(body)), "Content-Type": "application/x-www-form-urlencoded"}
    head = "".join(f"{name}: {value}\r\n" for name, value in every.items())
    return Answer(raw(port, f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode()))


class Follower:
    """A browser's stream of events."""

    opened: ClassVar[list[socket.socket]] = []

    def __init__(self, port: int, secret: str, *, packed: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.opened.append(self.socket)
        accept = "Accept-Encoding: gzip\r\n" if packed else ""
        self.socket.sendall(f"GET /{secret}/events HTTP/1.1\r\nHost: x\r\n{accept}\r\n".encode())
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if packed else None
        self._raw = b""
        self._text = b""
        while b"\r\n\r\n" not in self._raw:
            self._raw += self.socket.recv(1)
        self.headers = self._raw.decode().lower()
        self._raw = b""

    def event(self, name: str = "scene") -> str:
        """The data of the next event of this name."""
        while True:
            while b"\n\n" in self._text:
                event, _, self._text = self._text.partition(b"\n\n")
                if f"event: {name}\n".encode() in event:
                    return event.decode().partition("data: ")[2]
            self._text += self._chunk()

    def _chunk(self) -> bytes:
        while (
            not (found := re.match(rb"([0-9a-f]+)\r\n", self._raw))
            or len(self._raw) < found.end() + int(found[1], 16) + 2
        ):
            piece = self.socket.recv(65536)
            assert piece, "the stream has ended"
            self._raw += piece
        length = int(found[1], 16)
        chunk, self._raw = (
            self._raw[found.end() : found.end() + length],
            self._raw[found.end() + length + 2 :],
        )
        return self._unpack.decompress(chunk) if self._unpack is not None else chunk


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while Follower.opened:
        Follower.opened.pop().close()


@pytest.fixture
def served() -> Iterator[tuple[Server, int]]:
    with Server(share=SHARE, notes=NOTES) as found:
        found.publish(SCENE)
        port = int(found.links["share"].split(":")[2].partition("/")[0])
        follower = Follower(port, SHARE)
        while SCENE.title not in follower.event():
            pass
        follower.socket.close()
        yield found, port
        assert found.trouble == ""


def test_a_late_comer_sees_where_the_talk_is(served: tuple[Server, int]) -> None:
    page = ask(served[1], f"/{SHARE}/")
    assert page.status == 200
    assert (
        SCENE.title in page.text
        and "readlink /proc/self/ns/*" in page.text
        and SCENE.ran[0].output[:20] in page.text
    )


def test_an_audience_sees_neither_notes_nor_clock(served: tuple[Server, int]) -> None:
    note = SCENE.notes[0].split(".")[0]
    assert note in ask(served[1], f"/{NOTES}/").text
    shared = ask(served[1], f"/{SHARE}/").text + Follower(served[1], SHARE).event()
    assert note not in shared and "data-started" not in shared and str(SCENE.started) not in shared


def test_what_is_typed_beside_the_steps_is_not_shown(served: tuple[Server, int]) -> None:
    found, port = served
    typed = replace(
        SCENE, ran=(*SCENE.ran, Ran("host", "cat diary", "dear diary", 0, free=True)), changes=("read",)
    )
    found.publish(replace(typed, number=99, title="Another title"))
    follower = Follower(port, SHARE)
    while "Another title" not in (shown := follower.event()):
        pass
    assert "diary" not in shown and "diary" not in ask(port, f"/{SHARE}/").text
    with Server(share=SHARE, free=True) as other:
        other.publish(typed)
        follower = Follower(int(other.links["share"].split(":")[2].partition("/")[0]), SHARE)
        while "dear diary" not in follower.event():
            pass


def test_answers_are_no_commands(served: tuple[Server, int]) -> None:
    asked = replace(SCENE, ask="How many?", lines=("ps", ":container", "id", ":answer 3"), ran=(), number=50)
    served[0].publish(asked)
    follower = Follower(served[1], SHARE)
    while "How many?" not in (shown := follower.event()):
        pass
    assert (
        ":answer" not in shown
        and ":container" not in shown
        and "In the container's shell" in shown.replace("&#x27;", "'")
    )


def test_all_that_comes_from_a_scene_is_escaped(served: tuple[Server, int]) -> None:
    bad = "<script>alert(1)</script>"
    scene = replace(
        SCENE, number=60, title=bad, key=bad, text=bad, talk=bad, where=bad, next_line=bad,
        lines=(bad,), ask=bad, changes=(bad,), notes=(bad,), message=bad, mode="missed",
        ran=(Ran(bad, bad, bad, 0),),
        found=tuple(replace(each, expected=bad, found=bad) for each in SCENE.found),
        stops=tuple(replace(stop, title=bad, needed_by=bad, id=bad) for stop in SCENE.stops), step=bad,
    )  # fmt: skip
    served[0].publish(scene)
    for secret in (SHARE, NOTES):
        follower = Follower(served[1], secret)
        while "alert" not in (shown := follower.event()):
            pass
        page = ask(served[1], f"/{secret}/").text
        for text in (shown, page):
            assert "<script>alert" not in text and text.count("alert(1)") > 5


def test_a_wrong_secret_and_a_wrong_path_are_one_and_the_same(served: tuple[Server, int]) -> None:
    port = served[1]
    first = ask(port, "/wrong/")
    assert first.status == 404 and "Nothing here" in first.text
    for path in (
        "/", "/wrong/events", "/wrong/style.css", f"/{SHARE}/other", f"/{SHARE}/../{NOTES}/x",
        "/%2e%2e/%2e%2e/etc/passwd",
        f"/{SHARE}/style.css/../../etc/passwd", f"/{SHARE[:-1]}/", f"/{SHARE}x/", "/%ff%fe/",
        f"/{SHARE}/drive", f"/{SHARE}/%00", "/" + "a" * 5000 + "/",
    ):  # fmt: skip
        other = ask(port, path)
        assert (other.status, other.body) == (404, first.body), path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        assert ask(port, "/wrong/", method).body == ask(port, f"/{SHARE}/", method).body == first.body
    assert ask(port, f"/{SHARE}/", "HEAD").status == 200


def test_every_answer_has_the_headers_that_protect(served: tuple[Server, int]) -> None:
    port = served[1]
    answers = [ask(port, path) for path in (f"/{SHARE}/", f"/{NOTES}/", "/x/", f"/{SHARE}/live.js")]
    answers += [ask(port, f"/{NOTES}/drive", "POST", "x=y"), ask(port, "/", Content_Length="1000000000")]
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert "server" not in answer.headers
    assert answers[0].headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in Follower(port, SHARE).headers


def test_pages_have_no_script_and_no_style_of_their_own(served: tuple[Server, int]) -> None:
    for secret in (SHARE, NOTES):
        text = ask(served[1], f"/{secret}/").text
        assert not re.search(r"<script(?! src=\"live.js)|<style| style=| on\w+=|javascript:", text)
        assert not re.search(r"https?://", text)


def test_what_is_known_is_not_sent_again_and_what_is_sent_is_small(served: tuple[Server, int]) -> None:
    port = served[1]
    for path in (f"/{SHARE}/", f"/{SHARE}/style.css", f"/{SHARE}/live.js"):
        first = ask(port, path)
        again = ask(port, path, If_None_Match=first.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        packed = ask(port, path, Accept_Encoding="gzip, deflate")
        assert packed.headers["content-encoding"] == "gzip" and gzip.decompress(packed.body) == first.body
        assert len(packed.body) < len(first.body) * 0.6


@pytest.mark.parametrize("packed", [False, True])
def test_a_stream_begins_with_the_scene_of_now_and_goes_on(served: tuple[Server, int], packed: bool) -> None:
    found, port = served
    follower = Follower(port, SHARE, packed=packed)
    assert ("content-encoding: gzip" in follower.headers) == packed
    assert abs(float(follower.event("clock")) - time.time()) < 5
    assert json.loads(follower.event())["now"].startswith(f"<h1>{SCENE.title}</h1>")
    for number in range(100, 105):
        found.publish(replace(SCENE, number=number, title=f"Title {number}"))
        assert json.loads(follower.event())["now"].startswith(f"<h1>Title {number}</h1>")


def test_readers_of_all_kinds_get_pieces_that_were_packed_once(served: tuple[Server, int]) -> None:
    """Two that came at different times unpack the same pieces, each after its own beginning."""
    found, port = served
    early = Follower(port, SHARE, packed=True)
    early.event()
    found.publish(replace(SCENE, number=200, title="Second"))
    assert "Second" in early.event()
    late = Follower(port, SHARE, packed=True)
    assert "Second" in late.event()
    found.publish(replace(SCENE, number=201, title="Third"))
    assert "Third" in early.event() and "Third" in late.event()


def test_what_changes_only_for_the_speaker_is_not_sent_to_the_room(served: tuple[Server, int]) -> None:
    found, port = served
    audience, speaker = Follower(port, SHARE), Follower(port, NOTES)
    audience.event(), speaker.event()
    found.publish(replace(SCENE, number=300, message="not yet"))
    assert "not yet" in speaker.event()
    found.publish(replace(SCENE, number=301, title="Public"))
    assert "Public" in audience.event(), "the next event of the audience is the next public change"


def test_what_comes_too_fast_is_passed_over_and_the_last_one_arrives(served: tuple[Server, int]) -> None:
    found, port = served
    follower = Follower(port, SHARE)
    follower.event()
    for number in range(400, 700):
        found.publish(replace(SCENE, number=number, title=f"Title {number}"))
        time.sleep(0.003)
    events = 0
    while "Title 699" not in follower.event():
        events += 1
    assert events < 100, "of 300 in a second or more, at most twenty a second are sent"


def test_one_who_does_not_read_is_dropped_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "UNREAD", 1000)
    monkeypatch.setattr(server, "BREATH", 0.0)
    big = "x" * 60_000
    with Server(share=SHARE) as found:
        port = int(found.links["share"].split(":")[2].partition("/")[0])
        found.publish(replace(SCENE, text=big))
        asleep = socket.socket()
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.connect(("127.0.0.1", port))
        asleep.sendall(f"GET /{SHARE}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        awake = Follower(port, SHARE)
        awake.event()
        for number in range(40):
            found.publish(replace(SCENE, number=number, text=big, title=f"Title {number}"))
            assert f"Title {number}" in awake.event()
        before = resident()
        for number in range(40, 200):
            found.publish(replace(SCENE, number=number, text=big, title=f"Title {number}"))
            assert f"Title {number}" in awake.event()
        assert resident() - before < 4_000, "KiB; 160 updates are 9 MB for each"
        end = time.monotonic() + 30
        while found.readers > 1 and time.monotonic() < end:
            time.sleep(0.05)
        assert found.readers == 1
        asleep.close()


def test_a_gigabyte_is_refused_before_it_comes(served: tuple[Server, int]) -> None:
    port = served[1]
    for method, path in (("POST", f"/{NOTES}/drive"), ("GET", f"/{SHARE}/"), ("PUT", "/x")):
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
        answer = Answer(raw(port, head.encode()))
        assert answer.status == 413 and answer.headers["connection"] == "close"
    chunked = f"POST /{NOTES}/drive HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert Answer(raw(port, chunked.encode())).status == 411
    for size in ("-1", "1e9", "9" * 30, "x"):
        head = f"POST /{NOTES}/drive HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
        assert Answer(raw(port, head.encode())).status in (400, 411, 413)


def test_a_gigabyte_of_headers_is_refused_too(served: tuple[Server, int]) -> None:
    with socket.create_connection(("127.0.0.1", served[1]), 5) as other:
        other.sendall(b"GET / HTTP/1.1\r\n")
        sent = 0
        with pytest.raises(OSError):
            while sent < 1_000_000_000:
                sent += other.send(b"X-A: " + b"a" * 4000 + b"\r\n")
                time.sleep(0.001)
        assert sent < 10_000_000


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50]
)
def test_junk_gets_a_short_answer_or_none(served: tuple[Server, int], junk: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served[1]), 5) as other:
        other.sendall(junk + b"\r\n\r\n")
        other.shutdown(socket.SHUT_WR)
        found = other.recv(4096)
    assert found == b"" or found.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    assert ask(served[1], f"/{SHARE}/").status == 200


def test_a_request_that_is_never_whole_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    with Server(share=SHARE) as found:
        port = int(found.links["share"].split(":")[2].partition("/")[0])
        assert ask(port, f"/{SHARE}/").status == 200
        for beginning in (b"", b"GET / HTTP/1.1\r\nHost:", b"GET /x/ HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"):
            with socket.create_connection(("127.0.0.1", port), 5) as other:
                other.sendall(beginning)
                began = time.monotonic()
                while True:
                    try:
                        if not other.recv(4096):
                            break
                    except ConnectionResetError:
                        break
                assert time.monotonic() - began < 4.5
        follower = Follower(port, SHARE)
        time.sleep(0.8)
        found.publish(SCENE)
        assert follower.event(), "a stream is a request that is whole"


def test_there_are_never_more_connections_than_the_program_can_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "most_connections", lambda: 5)
    with Server(share=SHARE) as found:
        port = int(found.links["share"].split(":")[2].partition("/")[0])
        followers = [Follower(port, SHARE) for _ in range(5)]
        with pytest.raises((OSError, IndexError)):
            ask(port, f"/{SHARE}/")
        followers.pop().socket.close()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                assert ask(port, f"/{SHARE}/").status == 200
                break
            except (OSError, IndexError):
                time.sleep(0.05)
        else:
            pytest.fail("a place that is free again is not given away")


def test_a_page_that_is_full_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_READERS", 1)
    with Server(share=SHARE) as found:
        port = int(found.links["share"].split(":")[2].partition("/")[0])
        follower = Follower(port, SHARE)
        follower.event()
        assert ask(port, f"/{SHARE}/events").status == 503
        assert ask(port, f"/{SHARE}/").status == 200


# -- driving


class Desk:
    def __init__(self) -> None:
        self.orders: list[tuple[str, str, int]] = []
        self.thread = ""

    def __call__(self, command: str, argument: str, seen: int) -> bool:
        self.orders.append((command, argument, seen))
        self.thread = threading.current_thread().name
        return command != "heal"


@pytest.fixture
def driven() -> Iterator[tuple[Desk, int]]:
    desk = Desk()
    with Server(share=SHARE, notes=NOTES, drive=desk) as found:
        found.publish(SCENE)
        yield desk, int(found.links["share"].split(":")[2].partition("/")[0])


def order(port: int, body: str, secret: str = NOTES, **headers: str) -> Answer:
    given = {"Origin": f"http://127.0.0.1:{port}", **headers}
    return ask(
        port, f"/{secret}/drive", "POST", body, **{name: value for name, value in given.items() if value}
    )


def test_an_order_arrives(driven: tuple[Desk, int]) -> None:
    desk, port = driven
    answer = order(port, "command=jump&argument=process-trees%2Fps-lies&seen=7")
    assert (answer.status, answer.headers["location"]) == (303, ".")
    assert desk.orders == [("jump", "process-trees/ps-lies", 7)] and desk.thread == "web"
    assert order(port, "command=heal&seen=7").status == 409


def test_only_the_speakers_own_page_drives(driven: tuple[Desk, int]) -> None:
    desk, port = driven
    good = "command=next&seen=7"
    for origin in ("", "null", "http://evil.example", f"http://127.0.0.1:{port + 1}", "http://", "junk"):
        assert order(port, good, Origin=origin).status == 403, origin
    assert order(port, good, Sec_Fetch_Site="cross-site").status == 403
    assert order(port, good, SHARE).status == 404 and order(port, good, "wrong").status == 404
    assert ask(port, f"/{NOTES}/drive?{good}").status == 404, "not by a link"
    long = "command=next&seen=" + "1" * 50
    for body in (
        "command=rm",
        "command=next",
        "command=next&seen=-1",
        "command=next&seen=x",
        "&" * 100,
        long,
    ):
        assert order(port, body).status == 400, body
    assert desk.orders == []


def test_nobody_drives_unless_it_is_switched_on(served: tuple[Server, int]) -> None:
    assert order(served[1], "command=next&seen=7").status == 404
    assert "<button name" not in ask(served[1], f"/{NOTES}/").text


def test_the_speakers_page_has_the_buttons(driven: tuple[Desk, int]) -> None:
    assert ask(driven[1], f"/{NOTES}/").text.count("<button name") == 11
    assert "<button name" not in ask(driven[1], f"/{SHARE}/").text


# -- beginning and end


def test_a_port_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(MachineError, match=f"Port {port} of 127.0.0.1 is taken") as found:
            Server("127.0.0.1", port, share=SHARE).start()
        assert found.value.hint


@pytest.mark.parametrize("host", ["192.0.2.7", "no such host", "", "1.2.3.4.5"])
def test_an_address_that_is_not_here(host: str) -> None:
    with pytest.raises(UsageError, match="no address of this machine"):
        Server(host, 0, share=SHARE).start()


@pytest.mark.parametrize("port", [-1, 65536, 10**30])
def test_what_is_no_port(port: int) -> None:
    with pytest.raises(UsageError, match="no port"):
        Server("127.0.0.1", port, share=SHARE).start()


def test_links(served: tuple[Server, int]) -> None:
    assert served[0].links == {
        "share": f"http://127.0.0.1:{served[1]}/{SHARE}/",
        "notes": f"http://127.0.0.1:{served[1]}/{NOTES}/",
    }
    first, second = server.new_secret(), server.new_secret()
    assert first != second and len(first) >= 20 and re.fullmatch(r"[\w-]+", first)


def test_only_loopback_unless_an_address_is_named() -> None:
    assert Server(share=SHARE)._host == "127.0.0.1"


def test_it_ends_at_once_though_browsers_hang_on_it() -> None:
    found = Server(share=SHARE).start()
    port = int(found.links["share"].split(":")[2].partition("/")[0])
    followers = [Follower(port, SHARE) for _ in range(3)]
    began = time.monotonic()
    found.close()
    assert time.monotonic() - began < 3
    found.publish(SCENE)
    found.close()
    assert all(follower.socket for follower in followers)
    assert not [thread for thread in threading.enumerate() if thread.name == "web"]
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_nothing_is_printed_whatever_happens() -> None:
    program = (
        "import socket, time\n"
        "from workshop.stage.web.server import Server\n"
        "def drive(*order): raise RuntimeError('a mistake of ours')\n"
        "with Server(share='s', notes='n', drive=drive) as server:\n"
        "    port = int(server.links['share'].split(':')[2].split('/')[0])\n"
        "    head = b'GET /s/events HTTP/1.1\\r\\nHost: x\\r\\n'\n"
        "    upgrade = b'Upgrade: websocket\\r\\nConnection: Upgrade\\r\\n'\n"
        "    order = b'POST /n/drive HTTP/1.1\\r\\nHost: x\\r\\nOrigin: http://x\\r\\nContent-Length: 19'\n"
        "    order += b'\\r\\n\\r\\ncommand=next&seen=1'\n"
        "    for junk in (order, b'junk\\r\\n\\r\\n', head + b'\\r\\n', head + upgrade + b'\\r\\n'):\n"
        "        other = socket.create_connection(('127.0.0.1', port))\n"
        "        other.sendall(junk); print(other.recv(20).decode()); other.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert "500" in done.stdout.splitlines()[0] and done.stderr == ""


def test_a_room_of_500_phones_follows() -> None:
    """All have an update in less than a second, and the memory that they need does not grow. The machine may
    have other things to do, so a typical update counts, and not the worst: bench/share.py measures that."""
    found = run(clients=500, updates=60, pause=0.0)
    assert len(found.reached) == 60
    assert found.all < 1
    assert found.after - found.before < 2_000, "KiB"


def test_the_guided_shell_loads_nothing_of_it() -> None:
    program = (
        "import sys\n"
        "import workshop.cli, workshop.ui.start, workshop.ui.learn, workshop.ui.headless\n"
        "print([name for name in ('starlette', 'uvicorn', 'anyio', 'h11', 'pyte') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_only_the_pages_know_the_web() -> None:
    root = Path(server.__file__).parents[2]
    users = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(
            r"^\s*(?:from|import) (?:starlette|uvicorn)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert users == {"stage/web/app.py", "stage/web/server.py"}
