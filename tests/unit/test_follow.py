"""From bytes to phases: what is shown, what is kept for later, where the echo ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.follow import KEPT, Echo, Follower, keep

NONCE = "beef"
ON, OFF = b"\x1b[?2004h", b"\x1b[?2004l\r"


def prompt(status: int = 0, pid: int = 7, clock: str = "1.0", bash: bool = True, kind: str = "A") -> bytes:
    return f"\x1b]133;{kind};{NONCE};{status};{pid};{clock};{'C' if bash else ''}\x07".encode()


START = f"\x1b]133;C;{NONCE};\x07".encode()


def at_prompt(*, bash: bool = True) -> Follower:
    follower = Follower(NONCE)
    assert follower.feed((ON if bash else b"") + prompt(clock="0.1" if bash else "", bash=bash)) == b""
    assert follower.phase == "idle"
    return follower


def feed(follower: Follower, stream: bytes, size: int) -> bytes:
    shown = b"".join(follower.feed(stream[i : i + size]) for i in range(0, len(stream), size))
    return shown + follower.release()


LINES = {
    "command": (b"echo hi", b"echo hi\r\n" + OFF + START + b"hi\r\n" + ON + prompt(), b"hi\r\n"),
    "paste": (b"true", b"\x1b[7mtrue\x1b[27m\r\n" + OFF + START + ON + prompt(), b""),
    "syntax": (
        b"for (",
        b"for (\r\n" + OFF + b"bash: syntax error\r\n" + ON + prompt(2),
        b"bash: syntax error\r\n",
    ),
    "history": (
        b"!!",
        b"!!\r\n" + OFF + b"echo x\r\n" + START + b"x\r\n" + ON + prompt(),
        b"echo x\r\nx\r\n",
    ),
    "empty": (b"", OFF + ON + prompt(), b""),
    "dumb terminal": (b"for (", b"for (\r\nbash: syntax error\r\n" + prompt(2), b"bash: syntax error\r\n"),
    "switches inside": (b"x", b"x\r\n" + OFF + START + ON + b"a" + ON + ON + prompt(), ON + b"a" + ON),
}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize("case", LINES)
def test_only_the_output_of_a_line_is_shown(case: str, size: int) -> None:
    line, stream, shown = LINES[case]
    follower = at_prompt()
    follower.typed(line)
    assert feed(follower, stream, size) == shown
    assert follower.phase == "idle"
    assert follower.paste == (case != "dumb terminal")


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_a_shell_without_a_start_mark_is_followed_by_its_echo(size: int) -> None:
    follower = at_prompt(bash=False)
    follower.typed(b"echo hi")
    stream = b"echo\r\n hi\x1b[6n\r\nhi\r\n" + prompt(4, clock="", bash=False)
    assert feed(follower, stream, size) == b"hi\r\n"
    assert follower.prompt is not None
    assert follower.prompt.status == 4
    assert follower.answers == b"\x1b[1;1R"


def test_a_prompt_that_is_drawn_again_ends_no_line() -> None:
    follower = at_prompt()
    follower.typed(b"sleep 9")
    assert follower.feed(b"\r" + prompt(clock="0.1") + b"sleep 9\r\n") == b""
    phases = [follower.phase]
    for stream in (START + prompt(clock="0.1"), prompt(clock="0.2")):
        follower.feed(stream)
        phases.append(follower.phase)
    assert phases == ["typed", "output", "idle"]


def test_what_is_printed_at_the_prompt_is_kept_for_later() -> None:
    follower = at_prompt()
    assert follower.feed(b"from a job\r\n\x1b[6n") == b""
    assert bytes(follower.background) == b"from a job\r\n"
    assert follower.answers == b"\x1b[1;1R"


def test_a_switch_that_no_prompt_follows_is_released() -> None:
    follower = at_prompt()
    follower.typed(b"python3")
    assert follower.feed(b"python3\r\n" + OFF + START + b">>> " + ON) == b">>> "
    assert follower.held
    assert follower.release() == ON
    assert not follower.held


@given(st.text("ab c[;1", max_size=30), st.integers(1, 9), st.binary(max_size=20))
def test_the_echo_ends_with_its_own_newline(line: str, width: int, rest: bytes) -> None:
    rows = [line[i : i + width] for i in range(0, len(line), width)]
    echo = "\r\n\x1b[J".join(rows).encode() + b"\r\n"
    assert Echo(line.encode()).feed(echo + rest) == rest


@given(st.lists(st.binary(max_size=3 * KEPT), max_size=6))
def test_no_more_than_the_end_is_kept(parts: list[bytes]) -> None:
    buffer = bytearray()
    for part in parts:
        keep(buffer, part)
    assert len(buffer) <= 4 * KEPT
    assert b"".join(parts)[-KEPT:] == bytes(buffer[-KEPT:])
