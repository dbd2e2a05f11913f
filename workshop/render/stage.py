"""A scene → the rows of the audience's screen. Pure: the same scene and size give the same rows.

From above: a bar with the talk and the step, the key sentence, then the lines that ran, each with its real
output and what it changed, and the verdict. The prompt stands below, always at the same place. What runs next
pushes the oldest away; nothing else does.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells

from workshop.frozen import frozen
from workshop.render.theme import UNICODE, Signs
from workshop.stage.scene import Ran, Scene, Stop

Row = list[tuple[str, str]]
"""Styled text as prompt_toolkit wants it: (`class:good`, `✓`)."""
ROWS, COLUMNS = 25, 80
"""The smallest screen that the stage is made for."""
FEWEST = (12, 40)
"""Below this many rows and columns there is no room for anything."""
FOLLOWS = 3
"""Rows below the body, besides the prompt's: a rule, where the shell is, and the bar."""


@frozen
class View:
    """What one screen has chosen to look at."""

    overlay: str = ""
    """`map`, `keys`, `text`; empty: the stage."""
    chosen: int = 0
    """The stop that is marked in the map."""
    scroll: int = 0
    """Rows up from the end, to look at what is too long for the screen."""
    number: str = ""
    """What was typed of a stop's number."""


def top(scene: Scene, rows: int, columns: int, view: View = View(), signs: Signs = UNICODE) -> list[Row]:  # noqa: B008
    """All above the prompt: exactly so many rows."""
    if scene.blank:
        return [[("class:blank", " " * columns)] for _ in range(rows)]
    head = [_header(scene, columns, signs), []]
    if view.overlay == "map":
        body = map_rows(scene, rows - len(head), columns, view.chosen, signs)
    elif view.overlay == "keys":
        body = []
    elif view.overlay == "text":
        body = [[("class:text", line)] for line in _paragraphs(scene.text, columns)]
    else:
        head += [*_key(scene, columns), []]
        body = _body(scene, rows - len(head), columns, view.scroll, signs)
    drawn = [*head, *body][:rows]
    return [*drawn, *([] for _ in range(rows - len(drawn)))]


def place(scene: Scene) -> Row:
    """Where the shell is, told from the kernel: `container: pid mnt   /`."""
    inside = scene.where != "host"
    row: Row = [("class:place" if inside else "class:title", scene.where)]
    if not scene.where.startswith(scene.shell):
        row.append(("class:quiet", f"  ({scene.shell} shell)"))
    row.append(("class:quiet", f"  {scene.cwd}"))
    return row


def overflow(scene: Scene, rows: int = ROWS, columns: int = COLUMNS) -> int:
    """How many rows of the line that ran last there is no room for."""
    height = rows - FOLLOWS - 1 - 3 - len(_key(scene, columns))
    blocks = _blocks(scene, columns, UNICODE)
    return max(0, len(blocks[-1]) - height) if blocks else 0


def too_wide(scene: Scene, columns: int = COLUMNS) -> int:
    """How many lines of the last output are wider than the screen."""
    lines = scene.ran[-1].output.split("\n") if scene.ran else []
    return sum(cell_len(line) > columns for line in lines)


def _key(scene: Scene, columns: int) -> list[Row]:
    """The sentence to take home, and the question while it is open."""
    asked = bool(scene.ask) and scene.mode not in ("passed", "over")
    question = wrapped(f"? {scene.ask}", columns, "class:text") if asked else []
    return [*wrapped(scene.key, columns, "class:key"), *question]


def _header(scene: Scene, columns: int, signs: Signs) -> Row:
    at = next((number for number, stop in enumerate(scene.stops, 1) if stop.id == scene.step), 0)
    right = f"{at} of {len(scene.stops)} " if at else ""
    left = f" {scene.title}"
    room = columns - cell_len(right) - cell_len(left)
    talk = f"  {signs.dot}  {scene.talk}"
    if cell_len(talk) < room:
        left += talk
    left = chop_cells(left, max(1, columns - cell_len(right)))[0]
    gap = " " * max(0, columns - cell_len(left) - cell_len(right))
    return [("class:bar", f"{left}{gap}{right}")]


def _body(scene: Scene, height: int, columns: int, scroll: int, signs: Signs) -> list[Row]:
    if scene.mode == "working":
        return [[], *_working(scene, columns, signs)]
    blocks = _blocks(scene, columns, signs)
    if scene.mode == "over":
        return map_rows(scene, height, columns, -1, signs)
    if not blocks:
        return []
    if scroll > 0:
        every = _joined(blocks)
        end = max(min(height, len(every)), len(every) - scroll)
        return every[max(0, end - height) : end]
    last = _shortened(blocks[-1], height, signs)
    rows = _joined([*blocks[:-1], last])
    if len(rows) > height and len(blocks) > 1:
        rows = [row for block in [*blocks[:-1], last] for row in block]  # no room for empty rows
    return rows[-height:] if height > 0 else []


def _blocks(scene: Scene, columns: int, signs: Signs) -> list[list[Row]]:
    """For each line that ran: the line, what it printed; for the last one its changes and the verdict."""
    blocks = [_ran(ran, columns) for ran in scene.ran]
    tail: list[Row] = []
    for change in scene.changes:
        tail += _hanging(f"{signs.here} ", change, columns, "class:changed")
    if scene.found and scene.mode == "missed":
        first = next((found for found in scene.found if not found.passed), scene.found[0])
        tail += _hanging(f"{signs.bad} ", f"Expected {first.expected}.", columns, "class:bad")
        tail += _hanging("  ", f"Found: {first.found or 'nothing of it'}.", columns, "class:bad")
    elif scene.mode == "missed" and scene.message:
        tail += _hanging(f"{signs.bad} ", scene.message, columns, "class:bad")
    elif scene.mode == "passed":
        for found in scene.found:
            tail += _hanging(f"{signs.good} ", found.found or found.expected, columns, "class:good")
    if blocks:
        blocks[-1] += tail
    elif tail:
        blocks = [tail]
    return blocks


def _ran(ran: Ran, columns: int) -> list[Row]:
    rows = _hanging(f"{ran.shell} # ", ran.line, columns, "class:command", "class:quiet")
    for line in ran.output.split("\n") if ran.output else ():
        rows += [[("class:text", part)] for part in (chop_cells(line, columns) if line else [""])]
    return rows


def _joined(blocks: Sequence[list[Row]]) -> list[Row]:
    rows: list[Row] = []
    for block in blocks:
        rows += [[], *block] if rows else block
    return rows


def _shortened(block: list[Row], height: int, signs: Signs) -> list[Row]:
    """The beginning and the end of what is too long, and how much is missing between them."""
    if len(block) <= height:
        return block
    head = max(1, (height - 1) // 3)
    tail = max(0, height - 1 - head)
    missing = len(block) - head - tail
    mark: Row = [("class:quiet", f"{signs.ellipsis} {missing} more lines {signs.ellipsis}")]
    return [*block[:head], mark, *(block[-tail:] if tail else [])]


def _working(scene: Scene, columns: int, signs: Signs) -> list[Row]:
    rows = wrapped(scene.message or "Getting ready", columns, "class:text")
    if scene.share >= 0:
        width = min(40, columns - 8)
        done = round(min(1.0, scene.share) * width)
        full = "#" if signs.ascii else "█"
        rows += [
            [],
            [("class:place", full * done), ("class:quiet", signs.line * (width - done)),
             ("class:text", f" {scene.share:4.0%}")],
        ]  # fmt: skip
    return rows


def map_rows(scene: Scene, height: int, columns: int, chosen: int, signs: Signs) -> list[Row]:
    """The steps, the chosen one marked; around it, where there is no room for all."""
    first = max(0, min(chosen - height // 2, len(scene.stops) - height)) if chosen >= 0 else 0
    shown = list(enumerate(scene.stops))[first : first + height]
    return [_stop(number, stop, columns, number == chosen, signs) for number, stop in shown]


def _stop(number: int, stop: Stop, columns: int, chosen: bool, signs: Signs) -> Row:
    mark = {"done": signs.good, "here": signs.here, "todo": signs.todo, "skipped": signs.dash}[stop.standing]
    right = f"{'optional  ' if stop.optional else ''}{stop.minutes:g} min "
    left = chop_cells(f" {number + 1:2} {mark} {stop.title}", max(1, columns - len(right) - 1))[0]
    gap = " " * max(1, columns - cell_len(left) - len(right))
    styles = {"done": "good", "here": "key", "todo": "text", "skipped": "quiet"}
    return [("class:chosen" if chosen else f"class:{styles[stop.standing]}", f"{left}{gap}{right}")]


def _paragraphs(markdown: str, columns: int) -> list[str]:
    lines: list[str] = []
    for paragraph in markdown.split("\n\n"):
        lines += [*textwrap.wrap(" ".join(paragraph.split()), min(columns, 76)), ""]
    return lines


def wrapped(text: str, columns: int, style: str) -> list[Row]:
    return [[(style, line)] for line in textwrap.wrap(text, max(1, columns), break_on_hyphens=False)]


def _hanging(mark: str, text: str, columns: int, style: str, mark_style: str = "") -> list[Row]:
    """A mark, and text beside it that does not go on below the mark."""
    width = max(1, columns - cell_len(mark))
    lines = [part for line in text.split("\n") for part in _fold(line, width)]
    rows: list[Row] = [[(mark_style or style, mark), (style, lines[0] if lines else "")]]
    return rows + [[("class:ground", " " * cell_len(mark)), (style, line)] for line in lines[1:]]


def _fold(line: str, width: int) -> list[str]:
    wrapped = textwrap.wrap(line, width, break_on_hyphens=False, break_long_words=False)
    return [part for piece in wrapped for part in chop_cells(piece, width)] or [""]
