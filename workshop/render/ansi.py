"""Rows of a screen → the bytes that draw it on a terminal, for recordings of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workshop.render.stage import Row

WORDS = {"bold": "1", "underline": "4", "reverse": "7"}


def drawn(rows: Sequence[Row], styles: Mapping[str, str]) -> str:
    """A whole screen, from its corner on."""
    ground = sgr(styles.get("ground", ""))
    lines = []
    for row in rows:
        parts = [f"{sgr(styles.get(name.removeprefix('class:'), ''))}{text}" for name, text in row]
        lines.append(f"{ground}\x1b[2K{''.join(parts)}")
    return "\x1b[H" + "\r\n".join(lines) + "\x1b[0m"


def sgr(style: str) -> str:
    """`bold #ffffff bg:#121212` → the sequence that switches it on, and all else off."""
    codes = ["0"]
    for word in style.split():
        if word in WORDS:
            codes.append(WORDS[word])
        elif word.startswith("#"):
            codes.append(f"38;2;{_rgb(word)}")
        elif word.startswith("bg:#"):
            codes.append(f"48;2;{_rgb(word[3:])}")
    return f"\x1b[{';'.join(codes)}m"


def _rgb(colour: str) -> str:
    return ";".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
