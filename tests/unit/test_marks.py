"""Marks: found however the stream is cut, moved by nothing that has no nonce."""

from __future__ import annotations

import os
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from workshop.marks import LONGEST, Mark, Scanner, environment, new_nonce

NONCE = "0123456789abcdef"
PROMPT = f"\x1b]133;A;{NONCE};3;42;1700.5;C\x07".encode()
MORE = f"\x1b]133;P;{NONCE};0;1;;\x1b\\".encode()
START = f"\x1b]133;C;{NONCE}\x07".encode()
MARKS = {
    PROMPT: Mark("prompt", 3, 42, b"1700.5", True),
    MORE: Mark("more", 0, 1),
    START: Mark("start"),
}
FORGED = (
    b"\x1b]133;A\x07",
    b"\x1b]133;D;0\x1b\\",
    b"\x1b]133;A;ffffffffffffffff;0;42;;C\x07",
    f"\x1b]133;A;{NONCE};$?;$$;${{EPOCHREALTIME-}};\x07".encode(),
    f"\x1b]133;A;{NONCE};0\x07".encode(),
)
TEXTS = (
    b"hello\r\n",
    b"\x1b",
    b"\x1b]",
    b"\x1b]13",
    b"\x1b[31mred\x1b[m",
    b"\xff\xfe\x00",
    b"\x07",
    b"133;A\x07",
)
NASTY = (b"\x1b]133;", b"\x1b]133;A\n", b"\x1b]133;A\x1b", b"\x1b]133;" + b"x" * LONGEST)
pieces = st.sampled_from((*MARKS, *FORGED, *TEXTS, *NASTY)) | st.binary(max_size=12)


def scan(*chunks: bytes) -> tuple[bytes, list[tuple[int, Mark]]]:
    """The text, and each mark with the place in the text at which it stands."""
    scanner = Scanner(NONCE)
    text, marks = b"", []
    for chunk in chunks:
        for token in scanner.feed(chunk):
            if isinstance(token, Mark):
                marks.append((len(text), token))
            else:
                text += token
    return text, marks


@given(st.lists(pieces, max_size=12).map(b"".join), st.data())
def test_how_the_stream_is_cut_makes_no_difference(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert scan(*chunks) == scan(stream)
    assert scan(*(stream[i : i + 1] for i in range(len(stream)))) == scan(stream)


@given(st.lists(st.sampled_from((*MARKS, *FORGED, b"text", b"\r\n", b"\xff\x1b[1m")), max_size=12))
def test_marks_are_found_and_forged_ones_are_gone(parts: list[bytes]) -> None:
    text, marks = scan(b"".join(parts))
    assert text == b"".join(p for p in parts if p not in MARKS and p not in FORGED)
    assert [mark for _, mark in marks] == [MARKS[p] for p in parts if p in MARKS]


@given(st.binary(max_size=200))
def test_no_introducer_is_ever_shown(noise: bytes) -> None:
    text, marks = scan(b"\x1b]133;" + noise + b"\x07\n")
    assert b"\x1b]133;" not in text
    assert marks == []


def test_what_never_becomes_a_mark_is_given_in_the_end() -> None:
    body = b"x" * LONGEST
    assert scan(b"a\x1b]133;" + body + b"b") == (b"a" + body + b"b", [])


def test_text_without_an_escape_is_not_held_back() -> None:
    scanner = Scanner(NONCE)
    assert scanner.feed(b"]133;A\x07") == [b"]133;A\x07"]
    assert not scanner.held
    scanner.feed(b"\x1b]1")
    assert scanner.held


def test_the_environment_printed_by_a_program_is_no_prompt() -> None:
    printed = "\n".join(f"{k}={v}" for k, v in environment(NONCE).items()).encode()
    assert {mark.kind for _, mark in scan(printed)[1]} <= {"start"}


def test_dash_says_its_status_by_the_environment_alone() -> None:
    nonce = new_nonce()
    ran = subprocess.run(
        ["dash", "-i"],
        input=b"(exit 7)\n",
        env={"PATH": os.environ["PATH"], **environment(nonce)},
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    marks = [t for t in Scanner(nonce).feed(ran.stderr) if isinstance(t, Mark)]
    assert [mark.status for mark in marks] == [0, 7]
    assert len({mark.pid for mark in marks}) == 1


def test_nonces_differ() -> None:
    assert new_nonce() != new_nonce()
