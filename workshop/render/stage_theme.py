"""The colours of the stage. It sets its own background, so it knows what its text stands on.

Every colour is one of the fixed ones of xterm's 256 (the cube and the greys), so that it is the same with
24-bit colours and with 256. The 16 colours of a palette can be anything: there only bold, reverse and
underline are used, and the terminal's own colours. WCAG 2.1, 1.4.3 asks for 4.5 : 1 for text; a test computes
it for all of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Depth = Literal["full", "palette", "none"]
"""24-bit or 256 colours; the terminal's 16; no colours at all (NO_COLOR)."""
Theme = Literal["light", "dark"]

GROUND: Mapping[Theme, str] = {"dark": "#121212", "light": "#ffffff"}
BAR: Mapping[Theme, str] = {"dark": "#303030", "light": "#e4e4e4"}
"""The background of bars, and of what is chosen in a list."""
COLOURS: Mapping[Theme, Mapping[str, str]] = {
    "dark": {
        "text": "#eeeeee",
        "key": "#ffffff",
        "quiet": "#9e9e9e",
        "command": "#ffd75f",
        "offer": "#afafaf",
        "place": "#5fd7ff",
        "changed": "#d7afff",
        "good": "#87d787",
        "bad": "#ff8787",
    },
    "light": {
        "text": "#121212",
        "key": "#000000",
        "quiet": "#585858",
        "command": "#005faf",
        "offer": "#585858",
        "place": "#5f00af",
        "changed": "#87005f",
        "good": "#005f00",
        "bad": "#af0000",
    },
}
ON_BAR: Mapping[Theme, Mapping[str, str]] = {
    "dark": {"bar": "#eeeeee", "bar.key": "#ffd75f", "bar.bad": "#ff8787", "chosen": "#ffffff"},
    "light": {"bar": "#121212", "bar.key": "#005f87", "bar.bad": "#af0000", "chosen": "#000000"},
}
BOLD = ("key", "command", "good", "bad", "bar.key", "bar.bad", "chosen", "title", "place")
PLAIN: Mapping[str, str] = {"bar": "reverse", "bar.key": "reverse bold", "bar.bad": "reverse bold"}
"""Without colours of our own; the others are bold or as they come."""


def styles(theme: Theme, depth: Depth) -> dict[str, str]:
    """A style for each class, in the words of prompt_toolkit (`bold #ffffff bg:#121212`)."""
    names = (*COLOURS[theme], *ON_BAR[theme], "title", "ground", "blank")
    if depth != "full":
        plain = {name: "bold" if name in BOLD else "" for name in names}
        return {**plain, **PLAIN, "chosen": "reverse bold", "offer": "underline" if depth == "none" else ""}
    found = {name: f"{colour} bg:{GROUND[theme]}" for name, colour in COLOURS[theme].items()}
    found |= {name: f"{colour} bg:{BAR[theme]}" for name, colour in ON_BAR[theme].items()}
    found |= {"title": found["text"], "ground": found["text"], "blank": "#000000 bg:#000000"}
    return {name: f"bold {style}" if name in BOLD else style for name, style in found.items()}


def contrast(first: str, second: str) -> float:
    """WCAG 2.1: (lighter + 0.05) / (darker + 0.05) of the relative luminances; 1 to 21."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
