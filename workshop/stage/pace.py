"""The plan of a talk, and how it goes against the clock. Pure: moments are arguments."""

from __future__ import annotations

from collections.abc import Sequence

from workshop.frozen import frozen
from workshop.lesson import Course, Track
from workshop.stage.scene import Scene, Stop


@frozen
class Pace:
    """Where the talk is. All in seconds."""

    elapsed: float
    left: float
    """Of the planned time of the talk; negative when it is over time."""
    step: float
    """Used by this step."""
    step_planned: float
    steps_left: int
    """This one among them."""
    each: float
    """Time left over steps left: what each of them may take from here on."""
    late: float
    """How far behind the plan; negative: ahead of it."""


def plan(course: Course, track: Track, playable: Sequence[str] | None = None) -> tuple[Stop, ...]:
    """The stops of a track; of those that this machine can play, if they are given."""
    entries = [entry for entry in track.steps if playable is None or entry.step in playable]
    titles = {entry.step: step.title for entry in entries if (step := course.step(entry.step)) is not None}
    ids = [entry.step for entry in entries]
    return tuple(
        Stop(
            entry.step,
            titles.get(entry.step, entry.step),
            entry.minutes,
            entry.optional,
            "todo",
            needed_by=titles.get(needed_by(ids, at), ""),
        )
        for at, entry in enumerate(entries)
    )


def needed_by(ids: Sequence[str], at: int) -> str:
    """The next step that stands on the one at `at`: the lesson's next; another lesson starts afresh."""
    lesson = ids[at].partition("/")[0]
    return next((other for other in ids[at + 1 :] if other.partition("/")[0] == lesson), "")


def elapsed(scene: Scene, now: float) -> float:
    """How long the talk has been going, without the time that its clock stood still."""
    return max(0.0, (scene.paused or now) - scene.started - scene.waited) if scene.started else 0.0


def pace(scene: Scene, now: float) -> Pace:
    used = elapsed(scene, now)
    here = next((stop for stop in scene.stops if stop.id == scene.step), None)
    step = max(0.0, (scene.paused or now) - scene.step_started) if scene.started else 0.0
    planned = here.minutes * 60 if here is not None else 0.0
    total = scene.minutes * 60
    rest = [stop for stop in scene.stops if stop.standing == "todo"]
    over = scene.mode == "over"
    due = sum(stop.minutes for stop in rest) * 60 + (0.0 if over else max(0.0, planned - step))
    steps_left = len(rest) + (0 if over else 1)
    left = total - used
    return Pace(used, left, step, planned, steps_left, left / steps_left if steps_left else left, due - left)


def skippable(stops: Sequence[Stop]) -> tuple[Stop, ...]:
    """What is still to come and can be left out: what the plan calls optional first, then whatever no later
    step stands on. The end of the talk is no such thing."""
    todo = [stop for stop in stops[:-1] if stop.standing in ("todo", "here")]
    optional = [stop for stop in todo if stop.optional]
    return (*optional, *(stop for stop in todo if not stop.optional and not stop.needed_by))


def to_skip(stops: Sequence[Stop], late: float) -> tuple[Stop, ...]:
    """As many of the skippable ones as make up for being so many seconds late."""
    chosen: list[Stop] = []
    for stop in skippable(stops):
        if late <= 0:
            break
        chosen.append(stop)
        late -= stop.minutes * 60
    return tuple(chosen)


def clock(seconds: float) -> str:
    """`12:05`, `-0:30`, `1:02:03`."""
    sign, whole = ("-" if seconds <= -0.5 else ""), round(abs(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{sign}{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{sign}{minutes}:{whole % 60:02}"


def keystroke_delays(line: str) -> tuple[float, ...]:
    """Seconds before each character of a line that is typed out: quick within a word, slower at its ends.
    Always the same for the same line, so that a rehearsal tells the truth."""
    delays = []
    for at, letter in enumerate(line):
        wobble = (ord(letter) * 7 + at * 13) % 11 / 11
        pause = 0.09 if letter in " /-|&" else 0.03
        delays.append(pause + 0.05 * wobble)
    return tuple(delays)
