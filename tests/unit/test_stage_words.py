"""Outputs as plain text, and which of them want the whole screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.kernel.diff import Change
from workshop.stage.words import MOST, MOST_CHANGES, cleared, plain, sentences, wants_screen


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (b"a\r\nb\r\n", "a\nb"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07x\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "xlink"),
        (b"100%\r 20\rok", "ok0%"),
        (b"abc\b\bX", "aXc"),
        (b"a\tb", "a       b"),
        (b"\xff\xfe ok", "\ufffd\ufffd ok"),
        (b"bell\x07\x00", "bell"),
        (b"cut \x1b[3", "cut "),
        (b"\x1b(Bplain\x1b=", "plain"),
        ("ünï ✓".encode(), "ünï ✓"),
    ],
)
def test_plain(output: bytes, text: str) -> None:
    assert plain(output) == text


@given(st.binary(max_size=300))
def test_nothing_that_moves_a_cursor_is_left(output: bytes) -> None:
    found = plain(output)
    assert len(found) <= MOST
    assert all(letter == "\n" or ord(letter) >= 0x20 for letter in found)
    assert not any(0x7F <= ord(letter) < 0xA0 for letter in found)


@pytest.mark.parametrize(
    "output",
    [b"\x1b[?1049h", b"x\x1b[?47hy", b"\x1b[5;10H", b"\x1b[?1h\x1b=\x1b[H", b"\x1b[J", b"\x1b[1;24r"],
)
def test_a_program_that_draws_the_screen(output: bytes) -> None:
    assert wants_screen(output)


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"ls\r\n",
        b"\x1b[31m",
        b"\x1b[H\x1b[2J\x1b[3J",
        b"\x1b[H\x1b[J",
        b"\x1b[K",
        b"\x1b[?25l",
        b"\x1b[6n",
    ],
)
def test_a_program_that_does_not(output: bytes) -> None:
    assert not wants_screen(output)


def test_only_what_comes_after_clear_counts() -> None:
    assert cleared(b"old\r\n\x1b[H\x1b[2J\x1b[3Jnew") == b"new"


def change(
    area: str, subject: str, before: str | None = None, after: str | None = None, verb: str = "added"
) -> Change:
    return Change(area, verb, subject, before, after, "")  # type: ignore[arg-type]


def test_what_the_step_is_about_comes_alone() -> None:
    found = (
        change("processes", "sleep (6)", None, "6"),
        change("namespaces", "uts of sleep (6)", "1", "2", "changed"),
    )
    assert sentences(found, ("namespaces",)) == ("uts of sleep (6): 1 → 2",)
    assert sentences(found, ("mounts",)) == ("new process sleep (6)", "uts of sleep (6): 1 → 2")


def test_many_changes_are_counted() -> None:
    found = tuple(change("mounts", f"/{n}", None, "tmpfs") for n in range(9))
    said = sentences(found)
    assert len(said) == MOST_CHANGES and said[0] == "new: /0, tmpfs" and said[-1] == "and 5 more changes"


def test_what_was_removed_is_gone() -> None:
    assert sentences([change("mounts", "/mnt", "tmpfs none", verb="removed")]) == ("gone: /mnt, tmpfs none",)
    assert sentences([change("mounts", "/mnt", verb="removed")]) == ("gone: /mnt",)
