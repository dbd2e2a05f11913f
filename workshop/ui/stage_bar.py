"""The last row of a stage: what can be pressed now, or what the speaker should know. And the list of keys."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells

from workshop.render.stage import Row, View
from workshop.stage.scene import Scene
from workshop.ui.stage_keys import KEYS, RESCUE, short


def bar(scene: Scene, view: View, columns: int, notice: str = "") -> Row:
    """One row, of so many columns at the most."""
    if scene.blank:
        return []
    if notice:
        return _words(notice, columns, "bar.bad")
    if view.overlay == "map":
        return _words("Arrows or a number, Enter goes there, Esc closes", columns)
    if view.overlay:
        return _words("Esc closes", columns)
    if scene.mode == "missed":
        return _keys(short(*RESCUE), columns)
    if scene.message and scene.mode not in ("working", "running"):
        return _words(scene.message, columns)
    match scene.mode:
        case "running" | "away":
            return _keys((("Ctrl-]", "leaves the program"), ("F9", "panic")), columns)
        case "replay":
            return _words("A recording of the rehearsal", columns, "bar.bad")
        case "working" | "typing":
            return []
        case "passed" if not scene.next_line:
            return _keys((*short("next"), *short("back", "map", "keys")), columns)
    if scene.typed:
        return _keys((("Enter", "runs it"), ("PageDown", "too"), *short("back", "map", "keys")), columns)
    return _keys((("Enter", "runs it"), ("PageDown", "takes it"), *short("back", "map", "keys")), columns)


def help_rows(height: int, columns: int) -> list[Row]:
    """The keys; as many as fit."""
    rows: list[Row] = [[("class:key", " Keys")], []]
    rows.append([("class:command", f" {'Enter':<20}"), ("class:text", "run the line in the prompt")])
    for key in KEYS:
        rows.append(
            [("class:command", f" {'  '.join(key.keys):<20}"), ("class:text", key.about[: columns - 22])]
        )
    rows.append(
        [("class:command", f" {'Ctrl-Up Ctrl-Down':<20}"), ("class:text", "look through a long output")]
    )
    rows.append(
        [("class:command", f" {'Ctrl-]':<20}"), ("class:text", "leave a program that has the terminal")]
    )
    rows = rows[:height]
    return [*rows, *([] for _ in range(height - len(rows)))]


def _words(text: str, columns: int, style: str = "bar") -> Row:
    room = max(1, columns - 2)
    text = text if cell_len(text) <= room else f"{chop_cells(text, max(1, room - 1))[0]}…"
    return [(f"class:{style}", f" {text}")]


def _keys(items: tuple[tuple[str, str], ...], columns: int) -> Row:
    row: Row = []
    used = 1
    for key, word in items:
        needed = len(key) + len(word) + 3
        if used + needed > columns:
            break
        used += needed
        row += [("class:bar.key", f" {key}"), ("class:bar", f" {word} ")]
    return row
