"""The keys of a stage and of its speaker's screen: one table, for the bindings and for the help."""

from __future__ import annotations

from workshop.frozen import frozen


@frozen
class Key:
    """`command` is one of the stage's, or what a screen does by itself (`map`, `keys`, `text`, `quit`)."""

    command: str
    keys: tuple[str, ...]
    short: str
    about: str


KEYS = (
    Key("next", ("PageDown", "Ctrl-N"), "next", "put the next line there, run it, go on to the next step"),
    Key("back", ("PageUp", "Ctrl-P"), "back", "to the step before, in the kernel too"),
    Key("keys", ("F1", "Alt-H"), "keys", "this list"),
    Key("text", ("F2", "Alt-T"), "", "the step's text"),
    Key("map", ("F3", "Alt-M"), "map", "all steps: arrows or a number, and Enter to go there"),
    Key("heal", ("F4", "Alt-A"), "heal", "make the state that the step should have brought"),
    Key("retry", ("F6", "Alt-R"), "retry", "make the state before the step, and try again"),
    Key("skip", ("F7", "Alt-S"), "skip", "leave the step out; what stands on it is built"),
    Key("replay", ("F8", "Alt-V"), "recording", "play the step's recording, then go on for real"),
    Key("panic", ("F9", "Alt-X"), "panic", "everything anew, at this step"),
    Key("pause", ("F10", "Alt-C"), "", "stop the clock, or let it go on"),
    Key("blank", ("Alt-B",), "", "a black screen; a clicker's b and . do it too"),
    Key("theme", ("F12", "Alt-L"), "", "light or dark"),
    Key("quit", ("Ctrl-Q", "Alt-Q"), "", "end it; asks once"),
)
RESCUE = ("heal", "retry", "skip", "replay", "panic")


def sequence(key: str) -> tuple[str, ...]:
    """As prompt_toolkit names it. Alt is Escape and the letter."""
    kind, _, letter = key.partition("-")
    if kind == "Ctrl":
        return (f"c-{letter.lower()}",)
    if kind == "Alt":
        return "escape", letter.lower()
    return (key.lower(),)


def short(*commands: str) -> tuple[tuple[str, str], ...]:
    """The first key of each command, and its word, for a bar."""
    by_name = {key.command: key for key in KEYS}
    return tuple((by_name[name].keys[0], by_name[name].short) for name in commands)
