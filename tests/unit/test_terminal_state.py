"""What programs leave on at the terminal, what they ask it, and how lines are typed into editors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.keystrokes import PIECE, keystrokes
from workshop.modes import Modes
from workshop.queries import Queries


@pytest.mark.parametrize(
    ("written", "undo"),
    [
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?1049h..\x1b[?1049l", b""),
        (b"\x1b[?2004h\x1b[?1h\x1b=", b"\x1b>\x1b[?1l\x1b[?2004l"),
        (b"\x1b[?25l", b"\x1b[?25h"),
        (b"\x1b[?1000;1006h", b"\x1b[?1006l\x1b[?1000l"),
        (b"\x1b[>4;2m", b"\x1b[>4m"),
        (b"\x1b(0", b"\x1b(B"),
        (b"text\x0emore", b"\x0f"),
        (b"a\x0eb\x0fc", b""),
        (b"\x1b[?12345h\x1b[31m\x1b[m plain", b""),
    ],
)
def test_what_was_left_on_is_switched_off(written: bytes, undo: bytes) -> None:
    for size in (1, 3, 100):
        modes = Modes()
        for at in range(0, len(written), size):
            modes.feed(written[at : at + size])
        assert modes.undo() == undo
        again = Modes()
        again.feed(modes.redo())
        assert again.undo() == undo
        modes.forget()
        assert modes.undo() == b""


QUESTIONS = {
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[5n": b"\x1b[0n",
    b"\x1b[c": b"\x1b[?1;2c",
    b"\x1b[>c": b"\x1b[>0;0;0c",
    b"\x1b]11;?\x07": b"\x1b]11;rgb:0000/0000/0000\x07",
    b"\x1b]10;?\x1b\\": b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1b[?2026$p": b"\x1b[?2026;0$y",
}


@given(
    st.lists(st.sampled_from((*QUESTIONS, b"text", b"\x1b[1m", b"\x1b", b"\r\n")), max_size=8),
    st.integers(1, 9),
)
def test_each_question_is_answered_once(parts: list[bytes], size: int) -> None:
    stream = b"".join(parts)
    queries = Queries()
    answers = b"".join(queries.feed(stream[at : at + size])[1] for at in range(0, len(stream), size))
    assert answers == b"".join(QUESTIONS[part] for part in parts if part in QUESTIONS)


def test_questions_are_taken_out() -> None:
    assert Queries().feed(b"a\x1b[6nb\x1b[cc") == (b"abc", b"\x1b[1;1R\x1b[?1;2c")


@given(st.text(max_size=3 * PIECE))
def test_a_long_line_for_the_kernel_comes_in_pieces_that_it_can_hold(text: str) -> None:
    line = text.replace("\n", "").encode(errors="replace")
    pieces = keystrokes(line, "tty")
    assert all(len(piece) <= PIECE + 2 for piece in pieces)
    assert all(piece.endswith(b"\x04") for piece in pieces[:-1])
    typed = b"".join(piece.removesuffix(b"\x04") for piece in pieces)
    assert typed.endswith(b"\n")
    read, quoted = bytearray(), False
    for byte in typed[:-1]:
        if byte == 0x16 and not quoted:
            quoted = True
        else:
            read.append(byte)
            quoted = False
    assert bytes(read) == line


def test_other_editors() -> None:
    assert keystrokes(b"a\tb", "paste") == [b"\x1b[200~a\tb\x1b[201~\n"]
    assert keystrokes(b"a\x1b[201~b", "paste") == [b"\x1b[200~ab\x1b[201~\n"]
    assert keystrokes(b"", "paste") == [b"\n"]
    assert keystrokes(b"a\tb", "readline") == [b"a\x16\tb\n"]
    assert keystrokes(b"a\tb", "ash") == [b"a b\n"]


def test_a_letter_with_an_accent_is_no_key_with_meta() -> None:
    """In a container without a locale its last byte alone would be Meta-?, which lists all commands."""
    assert keystrokes("aÿ".encode(), "readline") == [b"a\x16\xc3\x16\xbf\n"]
    assert keystrokes("aÿ".encode(), "paste") == ["\x1b[200~aÿ\x1b[201~\n".encode()]
