"""A scene → the rows of the speaker's own screen: what to say, what comes next, and the time. Pure: the
moment is an argument."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells

from workshop.render.stage import Row, View, map_rows, wrapped
from workshop.render.theme import UNICODE, Signs
from workshop.stage.pace import Pace, clock, pace, to_skip
from workshop.stage.scene import Scene

MODES = {
    "ready": "ready",
    "typing": "typing",
    "running": "running",
    "passed": "passed",
    "missed": "missed",
    "working": "rebuilding",
    "away": "a program has the shell",
    "replay": "a recording",
    "over": "the end",
}
LATE = 30.0
"""Seconds behind the plan that are worth a word."""


def rows(
    scene: Scene,
    now: float,
    height: int,
    columns: int,
    view: View = View(),  # noqa: B008
    signs: Signs = UNICODE,
) -> list[Row]:
    """Exactly so many rows."""
    columns = max(2, columns)
    going = pace(scene, now)
    head = [_clock(scene, going, columns), _step(scene, going, columns), []]
    if view.overlay == "map":
        body = map_rows(scene, height - len(head), columns, view.chosen, signs)
    else:
        body = _body(scene, going, columns, signs)
    drawn = [*head, *body][:height]
    return [*drawn, *([] for _ in range(height - len(drawn)))]


def _clock(scene: Scene, going: Pace, columns: int) -> Row:
    if not scene.started:
        time = f"0:00 of {clock(scene.minutes * 60)}   the clock starts with the first line"
    else:
        time = f"{clock(going.elapsed)} of {clock(scene.minutes * 60)}   {clock(going.left)} left"
        time += f"   {_pace(going)}"
        time += "   PAUSED" if scene.paused else ""
    bad = bool(scene.started) and (going.late > LATE or going.left < 0)
    text = chop_cells(f" {time}", columns)[0]
    style = "class:bar.bad" if bad else "class:bar.key"
    return [(style, text + " " * (columns - cell_len(text)))]


def _pace(going: Pace) -> str:
    if abs(going.late) < LATE:
        return "on time"
    return f"{clock(abs(going.late))} {'behind' if going.late > 0 else 'ahead'}"


def _step(scene: Scene, going: Pace, columns: int) -> Row:
    at = next((number for number, stop in enumerate(scene.stops, 1) if stop.id == scene.step), 0)
    mode = MODES.get(scene.mode, scene.mode)
    right = f"{clock(going.step)} of {clock(going.step_planned)}, {clock(going.each)} a step  {mode} "
    left = chop_cells(f" {at}/{len(scene.stops)} {scene.title}", max(1, columns - len(right) - 1))[0]
    style = {"passed": "class:good", "missed": "class:bad"}.get(scene.mode, "class:quiet")
    return [("class:key", left), ("", " " * (columns - cell_len(left) - len(right))), (style, right)]


def _body(scene: Scene, going: Pace, columns: int, signs: Signs) -> list[Row]:
    found: list[Row] = []
    for note in scene.notes:
        found += [*wrapped(" ".join(note.split()), columns - 1, "class:text"), []]
    if not scene.notes:
        found += [[("class:quiet", scene.key)], []]
    if scene.ask:
        found += [*wrapped(f"? {scene.ask}", columns - 1, "class:text"), []]
    found += _lines(scene, columns, signs)
    for each in scene.found:
        sign, style = (signs.good, "class:good") if each.passed else (signs.bad, "class:bad")
        found += wrapped(f"{sign} {each.found or each.expected}", columns - 1, style)
    if scene.message:
        found += [[], *wrapped(scene.message, columns - 1, "class:bad")]
    return [*found, *_rest(scene, going, columns)]


def _lines(scene: Scene, columns: int, signs: Signs) -> list[Row]:
    """The step's own lines: those that ran, the one that comes next, and the others."""
    ran = [each.line for each in scene.ran if not each.free]
    found: list[Row] = []
    pending = True
    for line in scene.lines:
        if line.strip() in ran:
            ran.remove(line.strip())
            sign, style = signs.good, "class:quiet"
        elif pending and line == scene.next_line:
            pending = False
            sign, style = signs.here, "class:command"
        else:
            sign, style = " ", "class:text"
        found.append([(style, chop_cells(f"{sign} {line}", columns - 1)[0])])
    return [*found, []] if found else []


def _rest(scene: Scene, going: Pace, columns: int) -> list[Row]:
    """What comes after this step, and what could be left out if time is short."""
    found: list[Row] = []
    todo = [stop for stop in scene.stops if stop.standing == "todo"]
    here = next((stop for stop in scene.stops if stop.id == scene.step), None)
    if todo:
        found += [[], [("class:quiet", chop_cells(f"Then: {todo[0].title}", columns - 1)[0])]]
    if here is not None and here.needed_by and scene.mode != "over":
        found += wrapped(f"This step is needed by: {here.needed_by}", columns - 1, "class:quiet")
    if scene.started and going.late > LATE and (chosen := to_skip(scene.stops, going.late)):
        names = ", ".join(f"{stop.title} ({stop.minutes:g} min)" for stop in chosen)
        found += wrapped(f"To catch up, leave out: {names}", columns - 1, "class:bad")
    return found
