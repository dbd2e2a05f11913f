"""The state of a performance, as every screen of it sees it. Frozen, serialisable: it goes over sockets."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any, Literal

from workshop.frozen import frozen

Mode = Literal["ready", "typing", "running", "passed", "missed", "working", "away", "replay", "over"]
"""What is going on: waiting for a line; a line is typed out; it runs; the step's goal is met; it is not;
the state is rebuilt; a program has the terminal; a recording is played; the talk has ended."""
AT_PROMPT: tuple[Mode, ...] = ("ready", "passed", "missed")
FREE: tuple[Mode, ...] = (*AT_PROMPT, "away", "over")
"""Nothing is going on: an order can be taken."""
Standing = Literal["done", "here", "todo", "skipped"]
COMMANDS = (
    "next",
    "back",
    "run",
    "heal",
    "retry",
    "skip",
    "replay",
    "panic",
    "jump",
    "pause",
    "blank",
    "theme",
)
"""What a speaker's second screen may ask for; `jump` takes a step's id as `argument`."""


@frozen
class Ran:
    """A line of the step that ran. `free` is true for what was typed outside of the step's own lines."""

    shell: str
    line: str
    output: str
    """What it printed, as text without control sequences, at most the last 4,000 characters."""
    status: int | None
    free: bool = False


@frozen
class Found:
    """A verdict of the step's checks in one line each."""

    passed: bool
    expected: str
    found: str


@frozen
class Stop:
    """A step of the talk, for maps and clocks. Minutes are planned ones, seconds were used."""

    id: str
    title: str
    minutes: float
    optional: bool
    standing: Standing
    seconds: float = 0.0
    needed_by: str = ""
    """The title of the next step that stands on this one's state; empty: it can be skipped without loss."""


@frozen
class Scene:
    """One moment of a performance. `number` grows by one with each change."""

    number: int
    talk: str
    step: str
    title: str
    key: str
    text: str
    """Markdown."""
    shell: str
    where: str
    """`host`, or `container: pid mnt`, told from the kernel."""
    mode: Mode
    next_line: str
    """The line that stands in the prompt; empty when the step has no more."""
    lines: tuple[str, ...]
    """The step's own lines, to copy."""
    ran: tuple[Ran, ...] = ()
    changes: tuple[str, ...] = ()
    """What the last line changed in the kernel, a sentence each."""
    found: tuple[Found, ...] = ()
    notes: tuple[str, ...] = ()
    stops: tuple[Stop, ...] = ()
    started: float = 0.0
    """When the talk began, seconds since the epoch (time.time()); 0: not yet."""
    step_started: float = 0.0
    paused: float = 0.0
    """Since when the clock stands, seconds since the epoch; 0: it runs."""
    waited: float = 0.0
    """Seconds that the clock stood still before that."""
    minutes: float = 0.0
    """Planned for the whole talk."""
    message: str = ""
    """What the speaker should know now: a miss in one line, a key that was refused and why."""
    theme: Literal["light", "dark"] = "dark"
    blank: bool = False
    typed: str = ""
    """How much of the next line the stage has typed into the prompt by itself; empty: it is only offered."""
    cwd: str = "/"
    user: str = "#"
    """How a prompt ends there: `#` for root, `$` for anybody else, `>` for the rest of an unfinished line."""
    ask: str = ""
    """The step's question; empty: it asks none."""
    share: float = -1.0
    """How far `working` and `replay` are, from 0 to 1; less: nobody knows."""


def public(scene: Scene, *, free: bool = False) -> Scene:
    """What an audience may see: no notes, no clock; lines typed outside the steps only with `free`."""
    values = {each.name: getattr(scene, each.name) for each in fields(scene)}
    shown = tuple(ran for ran in scene.ran if free or not ran.free)
    hidden = bool(scene.ran) and scene.ran[-1].free and not free
    return Scene(
        **{
            **values,
            "notes": (),
            "message": "",
            "ran": shown,
            "changes": () if hidden else scene.changes,
            "stops": tuple(Stop(s.id, s.title, 0.0, s.optional, s.standing) for s in scene.stops),
            "started": 0.0,
            "step_started": 0.0,
            "paused": 0.0,
            "waited": 0.0,
            "minutes": 0.0,
        }
    )


def to_json(scene: Scene) -> str:
    return json.dumps(asdict(scene), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Scene:
    """ValueError for what is no scene."""
    found: dict[str, Any] = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("a scene is a JSON object")
    try:
        return Scene(
            **{
                **found,
                "lines": tuple(found["lines"]),
                "changes": tuple(found["changes"]),
                "notes": tuple(found["notes"]),
                "ran": tuple(Ran(**each) for each in found["ran"]),
                "found": tuple(Found(**each) for each in found["found"]),
                "stops": tuple(Stop(**each) for each in found["stops"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a scene: {error}") from None
