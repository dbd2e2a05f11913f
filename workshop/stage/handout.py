"""A talk as it really ran, for reading: the log's scenes → a handout → Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from workshop.frozen import frozen
from workshop.stage.log import PASSING, Logged, Moment
from workshop.stage.scene import Found, Ran, Scene

FENCE = re.compile(r"^ {0,3}(`{3,})", re.MULTILINE)
REAL = "Every output is what the machine really said."
ANSWER = ":answer "
SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


@frozen
class Line:
    """A line that ran, and what it changed."""

    ran: Ran
    changes: tuple[str, ...] = ()


@frozen
class Part:
    """One step, as it ran."""

    step: str
    title: str
    key: str
    text: str
    ask: str
    """Its question; empty: it asks none."""
    lines: tuple[Line, ...]
    found: tuple[Found, ...]
    passed: bool
    free: bool = False
    """Was something typed during this step that does not belong to it?"""


@frozen
class Handout:
    talk: str
    started: float
    """Seconds since the epoch; 0: not known."""
    parts: tuple[Part, ...]
    left_out: tuple[str, ...] = ()
    """Titles of the steps that nobody saw."""
    trouble: str = ""

    @property
    def when(self) -> str:
        return f"{datetime.fromtimestamp(self.started):%Y-%m-%d}" if self.started else ""


def gather(logged: Logged, *, free: bool = False) -> Handout:
    """The steps in the order of the talk, each as it was when it went best. What was typed beside the steps
    is left out unless it is wanted (`free`)."""
    moments = [moment for moment in logged.moments if moment.scene.mode not in PASSING]
    best: dict[str, Part] = {}
    tainted: set[str] = set()
    for visit in _visits(moments):
        part = _part(visit, free)
        if part.free:
            tainted.add(part.step)
        before = best.get(part.step)
        if before is None or _worth(part) >= _worth(before):
            best[part.step] = part
    last = moments[-1].scene if moments else None
    order = [stop.id for stop in last.stops] if last is not None else []
    titles = {stop.id: stop.title for stop in last.stops} if last is not None else {}
    seen = [step for step in order if step in best] + [step for step in best if step not in order]
    started = max((moment.scene.started for moment in moments), default=0.0)
    return Handout(
        last.talk if last is not None else "",
        started,
        tuple(
            replace(best[step], free=step in tainted)
            for step in seen
            if best[step].lines or best[step].passed
        ),
        tuple(
            titles[step] for step in order if step not in best or not (best[step].lines or best[step].passed)
        ),
        logged.trouble,
    )


def _visits(moments: Sequence[Moment]) -> Iterator[list[Scene]]:
    """The scenes of one step, one after the other; a step that is begun again is a new visit."""
    visit: list[Scene] = []
    for moment in moments:
        scene = moment.scene
        if visit and (scene.step != visit[-1].step or len(scene.ran) < len(visit[-1].ran)):
            yield visit
            visit = []
        visit.append(scene)
    if visit:
        yield visit


def _part(visit: Sequence[Scene], free: bool) -> Part:
    lines: dict[int, Line] = {}
    for scene in visit:
        for number, ran in enumerate(scene.ran):
            known = lines.get(number, Line(ran))
            newest = number == len(scene.ran) - 1
            lines[number] = Line(ran, scene.changes if newest else known.changes)
    last = visit[-1]
    kept = tuple(line for line in lines.values() if free or not line.ran.free)
    judged = [scene for scene in visit if scene.mode == "passed"] or [last]
    return Part(
        last.step, last.title, last.key, last.text, last.ask, kept, judged[-1].found,
        any(scene.mode == "passed" for scene in visit), any(line.ran.free for line in lines.values()),
    )  # fmt: skip


def _worth(part: Part) -> tuple[bool, bool]:
    return part.passed, bool(part.lines)


def markdown(handout: Handout) -> str:
    blocks = [f"# {escaped(handout.talk or 'A talk')}"]
    if handout.when:
        blocks.append(f"As it ran on {handout.when}. {REAL}")
    if handout.trouble:
        blocks.append(f"The log of this talk is not whole. {escaped(handout.trouble)}")
    for number, part in enumerate(handout.parts, 1):
        blocks += [f"## {number}. {escaped(part.title)}", *_body(part)]
    if handout.left_out:
        blocks.append(f"Left out this time: {escaped(', '.join(handout.left_out))}.")
    return "\n\n".join(blocks) + "\n"


def _body(part: Part) -> Iterator[str]:
    if part.key:
        yield f"**{part.key.strip()}**"
    for line in part.lines:
        if said := answer(line.ran):
            yield f"Asked: {escaped(part.ask)} Answered: {escaped(said)}"
        else:
            yield fenced(console(line.ran), "console")
        if line.changes:
            yield "What changed:\n\n" + "\n".join(f"- {escaped(_one(change))}" for change in line.changes)
    if verdicts := [f"- {escaped(verdict(found))}" for found in part.found]:
        yield f"{'What the kernel says' if part.passed else 'Not reached'}:\n\n" + "\n".join(verdicts)


def answer(ran: Ran) -> str:
    """What was said to the step's question, if this line did."""
    return ran.line.removeprefix(ANSWER).strip() if ran.line.startswith(ANSWER) else ""


def console(ran: Ran) -> str:
    """As it stood on the screen: the prompt, the line, what it printed, and a status other than 0."""
    status = f"[exit status {ran.status}]" if ran.status else ""
    return "\n".join(filter(None, (f"{ran.shell} # {ran.line}", ran.output.rstrip("\n"), status)))


def verdict(found: Found) -> str:
    if found.passed:
        return _one(found.found or found.expected)
    return f"expected {_one(found.expected)}; found {_one(found.found) or 'nothing of it'}"


def fenced(text: str, language: str) -> str:
    """A fence longer than any in the text."""
    longest = max((len(found[1]) for found in FENCE.finditer(text)), default=2)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{language}\n{text}\n{mark}"


def escaped(text: str) -> str:
    """Plain text, so that Markdown shows it as it is."""
    return SPECIAL.sub(r"\\\1", text)


def _one(text: str) -> str:
    return " ".join(text.split())
