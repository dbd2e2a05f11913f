"""The handout as one HTML file: it plays the recording and shows the text, asks no other address for
anything, and can be read and printed without scripts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape

from workshop.stage.assets import asset
from workshop.stage.frames import LOW, Film, Style, film
from workshop.stage.handout import REAL, Handout, Part, answer, console, verdict
from workshop.stage.recording import Cast
from workshop.stage.web.pages import inline, rendered


def page(handout: Handout, cast: Cast | None, *, free: bool = False) -> str:
    """The page. Steps in which something was typed that is not the talk's are not played, unless that is
    wanted (`free`)."""
    closed = {part.step for part in handout.parts if part.free and not free}
    known = {part.step: part.title for part in handout.parts}
    reel = film(cast, lambda label: label in known and label not in closed) if cast is not None else None
    if reel is not None and not reel.frames:
        reel = None
    style = "\n".join(asset(name) for name in ("colours.css", "page.css", "handout.css"))
    script = asset("player.js") if reel is not None else ""
    policy = f"default-src 'none'; style-src '{_digest(style)}'"
    policy += f"; script-src '{_digest(script)}'" if script else ""
    title = escape(handout.talk or "A talk")
    body = "".join(_body(handout, reel, closed, cast))
    data = f'<script id="film" type="application/json">{_data(reel, known)}</script>' if reel else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>{style}</style></head>\n<body>\n{body}{data}"
        f"{f'<script>{script}</script>' if script else ''}</body></html>\n"
    )


def _body(handout: Handout, reel: Film | None, closed: set[str], cast: Cast | None) -> Iterator[str]:
    yield f"<h1>{escape(handout.talk or 'A talk')}</h1>\n"
    if handout.when:
        yield f'<p class="quiet">As it ran on {handout.when}. {REAL}</p>\n'
    for what, trouble in (("log", handout.trouble), ("recording", cast.trouble if cast else "")):
        if trouble:
            yield f'<p class="late">The {what} of this talk is not whole. {escape(trouble)}</p>\n'
    played: set[str] = set()
    if reel is not None:
        yield PLAYER
        played = {mark.label for mark in reel.marks}
    yield "<main>\n"
    for number, part in enumerate(handout.parts, 1):
        yield from _part(number, part, part.step in played, part.step in closed and cast is not None)
    if handout.left_out:
        yield f'<p class="quiet">Left out this time: {escape(", ".join(handout.left_out))}.</p>\n'
    yield "</main>\n"


PLAYER = """<section class="player" aria-label="The recording">
<div class="stage"><pre class="terminal" id="screen" role="img" aria-label="The terminal of the talk; its text is below"></pre></div>
<div class="controls"><button type="button" id="play">Play</button>
<input type="range" id="where" min="0" value="0" step="0.1" aria-label="Time"><output id="time"></output>
<select id="steps" aria-label="Step"></select>
<select id="speed" aria-label="Speed"><option value="0.5">half speed</option><option value="1" selected>normal</option><option value="2">twice</option><option value="4">four times</option></select></div>
</section>
"""  # noqa: E501


def _part(number: int, part: Part, played: bool, closed: bool) -> Iterator[str]:
    yield f'<article>\n<h2 id="step-{number}">{number}. {escape(part.title)}</h2>\n'
    if part.key:
        yield f'<p class="key">{inline(part.key)}</p>\n'
    if played:
        yield f'<button type="button" hidden data-step="{escape(part.step)}">Play this step</button>\n'
    elif closed:
        yield '<p class="quiet">Not played here: more was typed in this step than belongs to the talk.</p>\n'
    if part.text:
        yield rendered(part.text)
    for line in part.lines:
        if said := answer(line.ran):
            yield f"<p>Asked: {escape(part.ask)} Answered: <b>{escape(said)}</b></p>\n"
        else:
            yield f'<pre tabindex="0">{escape(console(line.ran))}</pre>\n'
        if line.changes:
            changes = "".join(f"<li>{escape(change)}</li>" for change in line.changes)
            yield f'<h3>What changed</h3><ul class="changed">{changes}</ul>\n'
    if part.found:
        yield f"<h3>{'What the kernel says' if part.passed else 'Not reached'}</h3>"
        rows = "".join(
            f'<li class="{"good" if found.passed else "bad"}"><span class="sign">'
            f"{'✓' if found.passed else '✗'}</span> {escape(verdict(found))}</li>"
            for found in part.found
        )
        yield f'<ul class="plain">{rows}</ul>\n'
    yield "</article>\n"


def _data(reel: Film, titles: dict[str, str]) -> str:
    """As JSON that cannot end the element it stands in."""
    data = {
        "columns": reel.columns,
        "height": reel.height,
        "styles": [_classes(style) for style in reel.styles],
        "rows": reel.rows,
        "frames": [[frame.at, frame.columns, frame.rows] for frame in reel.frames],
        "marks": [[mark.at, mark.label, titles.get(mark.label, mark.label)] for mark in reel.marks],
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _classes(style: Style) -> str:
    text, ground, bold, italic, underlined = style
    names: Sequence[str] = (
        f"b{ground}" if ground else "",
        "on" if ground and ground != LOW else f"f{text}" if text else "",
        "bo" if bold else "",
        "it" if italic else "",
        "ul" if underlined else "",
    )
    return " ".join(filter(None, names))


def _digest(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
