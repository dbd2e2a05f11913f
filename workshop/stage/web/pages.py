"""A scene → the HTML of a page that follows the talk. Pure: the moment is an argument.

A page is a frame and named parts. The server sends the parts again when the talk goes on, so that what is
drawn at first and what is drawn later cannot differ. All that comes from a scene is escaped; Markdown is
rendered without raw HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape

from markdown_it import MarkdownIt

from workshop.lesson import SWITCHES
from workshop.stage.pace import clock, pace, to_skip
from workshop.stage.scene import COMMANDS, Found, Scene, Stop

LATE = 30.0
"""Seconds behind the plan that are worth a word."""
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
DRIVING = {"back": "Back", "run": "Run", "next": "Next"}
RESCUE = {
    "heal": "Heal",
    "retry": "Retry",
    "skip": "Skip",
    "replay": "Recording",
    "panic": "Panic",
    "pause": "Pause",
    "blank": "Blank",
    "theme": "Theme",
}
GUIDE = re.compile(r":[a-z?]")
"""How a line begins that is for the guide, and not for a shell."""
Parts = Mapping[str, str]


def audience(scene: Scene | None) -> Parts:
    """What a room may see. The scene is a public one."""
    if scene is None or not scene.step:
        return {"top": "", "now": "<h1>The talk has not begun</h1><p>This page follows it by itself.</p>"}
    return {
        "top": _top(scene),
        "now": f"<h1>{escape(scene.title)}</h1>{_key(scene)}{ENDED if scene.mode == 'over' else ''}",
        "commands": _commands(scene),
        "ran": "".join(_ran(scene)),
        "state": "".join(_state(scene)),
        "text": f"<h2>About this step</h2>{rendered(scene.text)}" if scene.text else "",
        "map": _map(scene),
    }


def speaker(scene: Scene | None, now: float) -> Parts:
    if scene is None or not scene.step:
        return {"time": "", "now": "<h1>The talk has not begun</h1>"}
    return {
        "time": "".join(_time(scene, now)),
        "now": "".join(_now(scene)),
        "notes": "".join(f'<div class="note">{rendered(note)}</div>' for note in scene.notes)
        or f'<p class="note">{escape(scene.key)}</p>',
        "next": "".join(_next(scene)),
        "ahead": "".join(_ahead(scene, now)),
    }


def document(title: str, body: str, *, kind: str, version: str, live: bool = True) -> str:
    """The frame. `version` makes a browser fetch style and script again when they have changed."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title>"
        f'<link rel="stylesheet" href="style.css?{version}">'
        f'<script src="live.js?{version}" defer></script>'
        '<noscript><meta http-equiv="refresh" content="5"></noscript>'
        f'</head><body class="{kind}"{" data-live=yes" if live else ""}>{body}</body></html>'
    )


def audience_body(parts: Parts) -> str:
    inside = "".join(_section(name, parts) for name in ("now", "commands", "state", "ran", "text", "map"))
    return f'<div id="top">{parts.get("top", "")}</div>{LINK}<main>{inside}</main>'


def speaker_body(parts: Parts, *, drive: bool, number: int) -> str:
    left = "".join(_section(name, parts) for name in ("now", "notes"))
    right = "".join(_section(name, parts) for name in ("next", "ahead"))
    buttons = _driving(number) if drive else ""
    return (
        f'<div id="time">{parts.get("time", "")}</div>{LINK}'
        f"<main><div>{left}</div><div>{right}</div></main>{buttons}"
    )


ENDED = '<p class="good">The talk has ended. This was its last step.</p>'
LINK = '<p id="link" class="bad" role="status"></p>'
NOWHERE = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<meta name=color-scheme content='light dark'>"
    "<title>Nothing here</title><h1>Nothing here</h1>"
    "<p>This link is not, or no longer, that of a talk. Ask the speaker for the right one.</p></html>"
)


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def rendered(text: str) -> str:
    return str(_markdown().render(text))


def inline(text: str) -> str:
    return str(_markdown().renderInline(text))


def words(line: str) -> str:
    """May be broken between its words only: a browser would break `--net` after its first dash."""
    return "".join(
        piece if piece.isspace() else f'<span class="word">{escape(piece)}</span>'
        for piece in re.split(r"(\s+)", line)
        if piece
    )


def _section(name: str, parts: Parts) -> str:
    return f'<section id="{name}">{parts.get(name, "")}</section>'


def _at(scene: Scene) -> int:
    return next((number for number, stop in enumerate(scene.stops, 1) if stop.id == scene.step), 0)


def _top(scene: Scene) -> str:
    at, of = _at(scene), len(scene.stops)
    done = of if scene.mode == "over" else max(0, at - 1)
    count = f"step {at} of {of}" if at else ""
    return (
        f'<header><span class="talk">{escape(scene.talk)}</span><span class="quiet">{count}</span></header>'
        f'<progress value="{done}" max="{of or 1}" aria-label="{done} of {of} steps done"></progress>'
    )


def _key(scene: Scene) -> str:
    return f'<p class="key">{inline(scene.key)}</p>' if scene.key else ""


def _commands(scene: Scene) -> str:
    """The lines to copy. Of those for the guide a switch becomes a heading; an answer is no command."""
    question = f'<p class="key">{escape(scene.ask)}</p>' if scene.ask else ""
    # The scene says where the shell is now, which need not be where the step began.
    shell = next((each.shell for each in scene.ran if not each.free), scene.shell)
    rows = []
    for line, state in _standings(scene):
        if line in SWITCHES:
            shell = line[1:]
        elif not GUIDE.match(line):
            rows.append((shell, line, state))
    found, last = [], ""
    for shell, line, state in rows:
        if shell != last:
            found.append(f"<h2>In the {escape(shell)}'s shell</h2>")
            last = shell
        found.append(
            f'<div class="command {state}"><pre tabindex="0">{words(line)}</pre>'
            f'<button type="button" data-copy class="screen-only">Copy</button></div>'
        )
    return "".join(found) + question


def _standings(scene: Scene) -> Iterator[tuple[str, str]]:
    """The step's lines: which have run, which comes next."""
    ran = [each.line.strip() for each in scene.ran if not each.free]
    pending = True
    for line in scene.lines:
        if line.strip() in ran:
            ran.remove(line.strip())
            yield line, "ran"
        elif pending and line == scene.next_line:
            pending = False
            yield line, "next"
        else:
            yield line, ""


def _ran(scene: Scene) -> Iterator[str]:
    if scene.ran:
        yield "<h2>On the screen</h2>"
    for each in scene.ran:
        status = f"\n[exit status {each.status}]" if each.status else ""
        output = f"\n{each.output.rstrip()}" if each.output.strip() else ""
        prompt = f'<span class="quiet">{escape(each.shell)} #</span>'
        yield f'<pre class="output">{prompt} <b>{escape(each.line)}</b>{escape(output + status)}</pre>'


def _state(scene: Scene) -> Iterator[str]:
    if scene.changes:
        changes = "".join(f"<li>{escape(change)}</li>" for change in scene.changes)
        yield f'<h2>What changed in the kernel</h2><ul class="changed">{changes}</ul>'
    yield from _verdicts(scene.found)
    yield f'<p class="quiet">The shell is here: <span class="where">{escape(scene.where)}</span></p>'


def _verdicts(found: tuple[Found, ...]) -> Iterator[str]:
    if not found:
        return
    yield '<ul class="plain">'
    for each in found:
        if each.passed:
            words = f'<span class="sign">✓</span> {escape(each.found or each.expected)}'
        else:
            words = (
                f'<span class="sign">✗</span> Expected: {escape(each.expected)}. '
                f"Found: {escape(each.found or 'nothing of it')}."
            )
        yield f'<li class="{"good" if each.passed else "bad"}">{words}</li>'
    yield "</ul>"


def _map(scene: Scene) -> str:
    signs = {"done": "✓", "here": "▶", "todo": "○", "skipped": "–"}
    rows = "".join(
        f"<li{' aria-current=step' if stop.id == scene.step else ''}>"
        f'<span class="quiet">{signs[stop.standing]}</span> {escape(stop.title)}'
        f"{' <span class=quiet>(left out)</span>' if stop.standing == 'skipped' else ''}</li>"
        for stop in scene.stops
    )
    return f'<details><summary>All steps</summary><ol class="plain map">{rows}</ol></details>' if rows else ""


# -- the speaker's


def _time(scene: Scene, now: float) -> Iterator[str]:
    going = pace(scene, now)
    total = scene.minutes * 60
    rest = sum(stop.minutes for stop in scene.stops if stop.standing == "todo") * 60
    planned = 0.0 if scene.mode == "over" else going.step_planned
    late = bool(scene.started) and going.late > LATE
    words = "the clock starts with the first line"
    if scene.started:
        behind = f"{clock(abs(going.late))} {'behind' if going.late > 0 else 'ahead'}"
        words = "on time" if abs(going.late) < LATE else behind
    yield (
        f'<div class="time" data-number="{scene.number}" data-started="{scene.started}"'
        f' data-step-started="{scene.step_started}" data-paused="{scene.paused}" data-waited="{scene.waited}"'
        f' data-planned="{total}" data-rest="{rest}" data-step-planned="{planned}">'
        f'<span id="elapsed" class="elapsed">{clock(going.elapsed)}</span>'
        f"<span>of {clock(total)}<br>"
        f'<span id="left">{clock(going.left)} left</span></span>'
        f'<span id="pace" class="pace{" late" if late else ""}">{words}</span>'
        f"{'<b class=late>paused</b>' if scene.paused else ''}"
        f"{'<b class=late>blank</b>' if scene.blank else ''}"
        "</div>"
    )
    yield (
        f'<p class="quiet">This step: <span id="used">{clock(going.step)}</span> of '
        f"{clock(going.step_planned)}; from here on {clock(going.each)} a step</p>"
    )


def _now(scene: Scene) -> Iterator[str]:
    style = {"passed": "good", "missed": "bad"}.get(scene.mode, "quiet")
    yield f"<h1>{_at(scene)}/{len(scene.stops)} {escape(scene.title)} "
    yield f'<span class="{style}">· {MODES.get(scene.mode, scene.mode)}</span></h1>'
    if scene.message:
        yield f'<p class="message bad">{escape(scene.message)}</p>'
    if scene.next_line:
        yield f'<pre class="first">{words(scene.next_line)}</pre>'
    if not (scene.message and scene.mode == "missed"):  # the message says it already
        yield from _verdicts(scene.found)


def _next(scene: Scene) -> Iterator[str]:
    lines = list(_standings(scene))
    if not lines:
        return
    yield "<h2>Lines</h2>"
    for line, state in lines:
        sign = "✓ " if state == "ran" else ""
        yield f'<div class="command {state}"><pre>{sign}{words(line)}</pre></div>'
    yield f'<p class="quiet">The shell is here: <span class="where">{escape(scene.where)}</span></p>'


def _ahead(scene: Scene, now: float) -> Iterator[str]:
    todo = [stop for stop in scene.stops if stop.standing == "todo"]
    if todo:
        yield f'<p><span class="quiet">Then:</span> {escape(todo[0].title)}</p>'
    here = next((stop for stop in scene.stops if stop.id == scene.step), None)
    if here is not None and scene.mode != "over":
        yield _needed(here)
    going = pace(scene, now)
    if scene.started and going.late > LATE and (chosen := to_skip(scene.stops, going.late)):
        names = ", ".join(f"{escape(stop.title)} ({stop.minutes:g} min)" for stop in chosen)
        yield f'<p class="late">To catch up, leave out: {names}</p>'
    yield _map(scene)


def _needed(here: Stop) -> str:
    if here.needed_by:
        return f'<p class="quiet">This step is needed by: {escape(here.needed_by)}</p>'
    return '<p class="quiet">Nothing later stands on this step: it can be skipped.</p>'


def _driving(number: int) -> str:
    def buttons(words: Mapping[str, str]) -> str:
        return "".join(
            f'<button name="command" value="{name}"{" class=first" if name == "next" else ""}>{word}</button>'
            for name, word in words.items()
            if name in COMMANDS
        )

    seen = f'<input type="hidden" name="seen" value="{number}">'
    return (
        '<div class="drive screen-only"><p id="told" class="bad" role="status"></p>'
        f'<form method="post" action="drive">{seen}{buttons(DRIVING)}</form>'
        "<details><summary>Rescue, clock, screen</summary>"
        f'<form method="post" action="drive">{seen}{buttons(RESCUE)}</form></details></div>'
    )
