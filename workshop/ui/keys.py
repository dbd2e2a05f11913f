"""Keys: one table (`commands.table()`), from which the bindings, the help and the toolbar are made.

Every command has a function key or a Ctrl key and an Alt key, since terminals, tmux and screen each take some
of them for themselves; and every one has its `:` command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from workshop.language import tr
from workshop.render.where import Fragments
from workshop.ui.commands import Command, Control, key_of, table

Press = Callable[[KeyPressEvent, Control], None]


def sequence(key: str) -> tuple[str, ...]:
    """`F1`, `Ctrl-N`, `Alt-H` as prompt_toolkit names them. Alt is Escape and the letter."""
    kind, _, letter = key.partition("-")
    if kind == "Ctrl":
        return (f"c-{letter.lower()}",)
    if kind == "Alt":
        return "escape", letter.lower()
    return (key.lower(),)


def bind(bindings: KeyBindings, press: Press) -> None:
    """Bind the keys of all commands; Ctrl-D depends on the line, and is the prompt's own."""
    for command in table():
        for key in command.keys:
            if key != "Ctrl-D":
                bindings.add(*sequence(key))(_handler(press, command))


def _handler(press: Press, command: Command) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        press(event, Control(command.name))

    return handle


def toolbar(items: Sequence[tuple[str, str]], width: int) -> Fragments:
    """As many `KEY word` as fit into one line of `width` columns, the first ones first."""
    fragments: Fragments = []
    used = 0
    for key, word in items:
        needed = len(key) + 1 + len(word) + (2 if fragments else 0)
        if used + needed >= width:
            break
        fragments += [("", "  ")] if fragments else []
        fragments += [("class:toolbar.key", key), ("", f" {word}")]
        used += needed
    return fragments


def items(*, passed: bool, ghost: bool, away: bool) -> list[tuple[str, str]]:
    """What is most useful now."""
    by_name = {c.name: (key_of(c.name), tr(c.short)) for c in table() if c.short}
    first = [("Enter", tr("back into the program"))] if away else []
    first += [("Right", tr("takes the line"))] if ghost and not passed else []
    order = ["help", "next"] if passed else ["help", "hint"]
    order += [
        name
        for name in ("check", "state", "inside", "undo", "calls", "shell", "next", "hint", "map")
        if name not in order
    ]
    named = [by_name[name] for name in order]
    return [*first, *named] if not passed else [named[1], named[0], *named[2:]]
