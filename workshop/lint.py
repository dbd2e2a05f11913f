"""Every rule for authors of lessons. Needs no root: it looks at files and at the signatures of checks.

A rule is a small function from the course, a lesson or a step to problems; what cannot even be read was found
by `parse` before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from workshop import parse, registry, sentences, translation
from workshop.conditions import holds, machines
from workshop.lesson import Course, Lesson, Place, Script, Step, Track
from workshop.options import unknown
from workshop.problems import Problem, in_order, suggest
from workshop.variables import used

CONTROL = re.compile(r":[A-Za-z?]\S*")
"""A line that is for the guide and not for the shell; `: > file` is the shell's."""
TOLERANCE = 0.05
"""Minutes: what rounding the shares of a lesson's steps may cost."""

StepRule = Callable[[Step, Lesson, Course], Iterator[Problem]]
LessonRule = Callable[[Lesson], Iterator[Problem]]


def lint(path: Path = parse.COURSE) -> tuple[Problem, ...]:
    """All that is wrong with a lesson, or with a course and all its files."""
    reading = parse.read(path)
    unread = tuple(problem.place for problem in reading.problems if problem.unread)
    found = [*reading.problems, *problems(reading.course, unread)]
    if path.is_dir():
        found += stray_files(path)
        for folder in translation.languages(path):
            found += translation.problems(reading.course, folder, parse.shown(folder))
        found += unused_diagnoses(reading.course, path) if not _lost(unread, ".md") else ()
        found += better_diagnoses(reading.course)
    if path.resolve() == parse.COURSE and not _lost(unread, parse.DIAGNOSES):
        found += diagnoses_of_checks(reading.course)
        found += sentences.problems()
    return in_order(found)


def problems(course: Course, unread: Sequence[Place] = ()) -> Iterator[Problem]:
    """What is wrong with a course. What was `unread` is judged by nobody: the cause is said, once."""
    yield from duplicate_lessons(course)
    unknown = {mistakes_are_known} if _lost(unread, parse.DIAGNOSES) else set()
    rules = [rule for rule in STEP_RULES if rule not in unknown]
    for lesson in course.lessons:
        for lesson_rule in LESSON_RULES:
            yield from lesson_rule(lesson)
        for step in lesson.steps:
            if not any(step is _step_at(place, lesson) for place in unread):
                for rule in rules:
                    yield from rule(step, lesson, course)
    if not _lost(unread, ".md"):  # a lesson that nobody could read has no minutes
        for track in course.tracks.values():
            yield from track_minutes(track)
        yield from steps_for_a_stage(course)


def _lost(unread: Sequence[Place], ending: str) -> bool:
    """Could a file whose name ends like that not be read?"""
    return any(place.path.endswith(ending) for place in unread)


def _step_at(place: Place, lesson: Lesson) -> Step | None:
    """The step in whose lines a place is."""
    if place.path != lesson.place.path:
        return None
    return next((step for step in reversed(lesson.steps) if step.place.line <= place.line), None)


# -- the course ---------------------------------------------------------------------------------------------


def duplicate_lessons(course: Course) -> Iterator[Problem]:
    by_id: dict[str, Lesson] = {}
    by_number: dict[int, Lesson] = {}
    for lesson in course.lessons:
        if lesson.id in by_id:
            other = by_id[lesson.id].place.path
            yield _error(lesson.place, f"{other} is called {lesson.id} too", "give this file another name")
        elif lesson.number in by_number:
            other = by_number[lesson.number].place.path
            yield _error(
                lesson.place, f"{other} is number {lesson.number} too", "give this file another number"
            )
        by_id.setdefault(lesson.id, lesson)
        by_number.setdefault(lesson.number, lesson)


def stray_files(folder: Path) -> Iterator[Problem]:
    """A folder of lessons holds lessons, tracks and diagnoses; `parse` has found the misnamed lessons."""
    for path in sorted(folder.iterdir()):
        if (path.suffix in (".md", ".toml") and path.is_file()) or path.name in (
            "__init__.py",
            "__pycache__",
        ):
            continue
        if path in translation.languages(folder):
            continue
        place = Place(parse.shown(path), 1)
        wrong = "this is no lesson, track, diagnoses.toml or options.toml"
        yield _error(place, wrong, "move it out of the folder")


def unused_diagnoses(course: Course, folder: Path) -> Iterator[Problem]:
    given = {m.diagnosis for lesson in course.lessons for step in lesson.steps for m in step.mistakes}
    given |= registry.mentioned()
    own = parse.shown(folder / parse.DIAGNOSES)
    for diagnosis in course.diagnoses.values():
        if diagnosis.place.path == own and diagnosis.id not in given and not diagnosis.message:
            wrong = (
                f"nobody is ever shown {diagnosis.id!r}: no mistake or check names it, and it has no message"
            )
            yield Problem(diagnosis.place, wrong, "use it in a ```sh mistake, or take it away", warning=True)


def better_diagnoses(course: Course) -> Iterator[Problem]:
    for diagnosis in course.diagnoses.values():
        for name in diagnosis.unless:
            if name not in course.diagnoses:
                yield _error(diagnosis.place, f"there is no diagnosis {name!r}", _diagnosis(name, course))


def diagnoses_of_checks(course: Course) -> Iterator[Problem]:
    for name, (path, line) in registry.diagnoses().items():
        if name not in course.diagnoses:
            place = Place(parse.shown(Path(path)), line)
            yield _error(place, f"there is no diagnosis {name!r}", _diagnosis(name, course))


def track_minutes(track: Track) -> Iterator[Problem]:
    total = sum(step.minutes for step in track.steps)
    if not track.steps:
        yield _error(track.place, "a track without steps", "write [[step]] or [[lesson]] with an id")
    elif abs(total - track.minutes) > TOLERANCE:
        wrong = f"the steps take {total:g} minutes, and the plan says {track.minutes:g}"
        yield _error(track.place, wrong, f"write minutes = {total:g}, or change the steps'")


def steps_for_a_stage(course: Course) -> Iterator[Problem]:
    """A track is played in front of people: the screen shows a step's key, the speaker reads its notes."""
    played = {entry.step: track.id for track in course.tracks.values() for entry in track.steps}
    for lesson in course.lessons:
        for step in lesson.steps:
            if (track_id := played.get(step.id)) is None:
                continue
            by = f"the track {track_id} has this step, and it has no"
            if not step.key:
                yield Problem(step.place, f"{by} key", 'write key = "…" in its ```toml step', warning=True)
            if not step.notes:
                yield Problem(step.place, f"{by} note", "write a ```text note for the speaker", warning=True)


# -- a lesson -----------------------------------------------------------------------------------------------


def lesson_has_steps(lesson: Lesson) -> Iterator[Problem]:
    if not lesson.steps:
        yield _error(lesson.place, "a lesson without steps", "write a ## heading for each")


def lesson_explains(lesson: Lesson) -> Iterator[Problem]:
    for what, says in (("why", "why things are so"), ("docker", "what Docker does at this place")):
        if lesson.steps and not any(getattr(step, what) for step in lesson.steps):
            yield _error(lesson.place, f"no step says {says}", f"write a ```text {what} in one")


def lesson_has_intro(lesson: Lesson) -> Iterator[Problem]:
    if not lesson.text:
        yield _error(lesson.place, "the lesson does not say what it is about", "write it before the first ##")


def duplicate_steps(lesson: Lesson) -> Iterator[Problem]:
    seen: dict[str, Step] = {}
    for step in lesson.steps:
        if not step.slug:
            yield _error(step.place, "a heading without letters", "give the step a name")
        elif step.id in seen:
            wrong = f"the step of line {seen[step.id].place.line} has the id {step.id} too"
            yield _error(step.place, wrong, "write another heading")
        seen.setdefault(step.id, step)


def setup_is_plain(lesson: Lesson) -> Iterator[Problem]:
    for script in lesson.setup:
        for number, line in _lines(script):
            if CONTROL.fullmatch(line.split(" ")[0]):
                wrong = f"{line!r} in a setup, which runs in the host shell"
                yield _error(Place(script.place.path, number), wrong, "take it away")


def pool_is_needed(lesson: Lesson) -> Iterator[Problem]:
    """The pool is prepared only where it is asked for."""
    if {"pool", "pool-if-any"} & set(lesson.needs):
        return
    scripts = [script for step in lesson.steps for script in _scripts(step)]
    for script in (*lesson.setup, *scripts):
        for number, line in _lines(script):
            if "pool" in used(line):
                place = Place(script.place.path, number)
                yield _error(
                    place, "{{pool}} is used, and the lesson asks for none", 'write needs = ["pool"]'
                )
                return


# -- a step -------------------------------------------------------------------------------------------------


def step_has_all(step: Step, lesson: Lesson, course: Course) -> Iterator[Problem]:
    if not step.text:
        yield _error(step.place, "the step has no text", "write what to understand, then what to do")
    if not step.checks:
        yield _error(step.place, "the step has no check", "write check.NAME = {} in its ```toml step")
    if not step.solutions:
        yield _error(step.place, "the step has no solution", "write a ```sh solution")
    if not step.hints:
        yield _error(step.place, "the step has no hint", "write a ```text hint")


def checks_fit(step: Step, lesson: Lesson, course: Course) -> Iterator[Problem]:
    known = registry.checks()
    for call in step.checks:
        if call.name not in known:
            yield _error(call.place, f"there is no check {call.name!r}", suggest(call.name, tuple(known)))
            continue
        for wrong, write in registry.wrong_params(known[call.name], call.params):
            yield _error(call.place, wrong, write)


def mistakes_are_known(step: Step, lesson: Lesson, course: Course) -> Iterator[Problem]:
    for mistake in step.mistakes:
        if mistake.diagnosis not in course.diagnoses:
            remedy = _diagnosis(mistake.diagnosis, course)
            place = mistake.script.place
            yield _error(place, f"there is no diagnosis {mistake.diagnosis!r}", remedy)


def commands_are_known(step: Step, lesson: Lesson, course: Course) -> Iterator[Problem]:
    for script in _scripts(step):
        for number, line in _lines(script):
            command, _, argument = line.strip().partition(" ")
            if not CONTROL.fullmatch(command):
                continue
            place = Place(script.place.path, number)
            if line != line.strip():
                yield _error(place, f"spaces around {line.strip()!r}", f"write {line.strip()}")
            if command not in (":host", ":container", ":answer"):
                yield _error(
                    place, f"{command} cannot be in a script", "write :host, :container or :answer TEXT"
                )
            elif command != ":answer" and argument:
                yield _error(place, f"{command} takes nothing", f"write {command}")
            elif command == ":answer" and not argument.strip():
                yield _error(place, ":answer says nothing", "write :answer TEXT")


def answers_fit(step: Step, lesson: Lesson, course: Course) -> Iterator[Problem]:
    if step.choices and step.ask is None:
        yield _error(step.place, "there are choices, and no question", 'write ask = "…?"')
    for choice in {choice for choice in step.choices if step.choices.count(choice) > 1}:
        yield _error(step.place, f"the choice {choice!r} comes twice", "take one of them away")
    for script in _scripts(step):
        answers = [
            (n, line.partition(" ")[2].strip()) for n, line in _lines(script) if line.startswith(":answer ")
        ]
        for number, answer in answers:
            place = Place(script.place.path, number)
            if step.ask is None:
                yield _error(place, "an answer to a step that asks nothing", 'write ask = "…?"')
            elif step.choices and answer not in step.choices:
                yield _error(place, f"{answer!r} is none of the choices", suggest(answer, step.choices))
        if step.ask is not None and not answers and script in step.solutions:
            yield _error(script.place, "the question is not answered", "write :answer TEXT as a line of it")


def options_are_explained(step: Step, lesson: Lesson, course: Course) -> Iterator[Problem]:
    """A learner who asks for the solution is told what each option does."""
    for script in step.solutions:
        for number, line in _lines(script):
            for each in unknown(line, course.options):
                yield Problem(
                    Place(script.place.path, number),
                    f"nobody is told what {each.option} of {each.command} does",
                    f'add "{each.option}" = "…" to [{each.command}] in {parse.OPTIONS}',
                    warning=True,
                )


def solutions_cover(step: Step, lesson: Lesson, course: Course) -> Iterator[Problem]:
    """On every machine that can play the step, a solution must fit; and every script, some such machine."""
    whens = [script.when for script in step.solutions]
    wanted = (*lesson.requires, *step.when)
    playing = [machine for machine in machines(wanted, *whens) if holds(wanted, machine)]
    if wanted and not playing:
        yield _error(
            step.place, "no machine can play this step", "look at its when, and the lesson's requires"
        )
        return
    without = next((m for m in playing if whens and not any(holds(when, m) for when in whens)), None)
    if without is not None:
        names = sorted({c.removeprefix("not ") for when in whens for c in when})
        example = ", ".join(name if without[name] else f"not {name}" for name in names)
        wrong = f"no solution fits a machine with: {example}"
        yield _error(step.place, wrong, "write one for it, or a when in the ```toml step")
    for script in _scripts(step):
        if not any(holds(wanted, m) and holds(script.when, m) for m in machines(wanted, script.when)):
            yield _error(script.place, "this fits no machine that can play the step", "look at its when")


def _diagnosis(name: str, course: Course) -> str:
    return f"{suggest(name, tuple(course.diagnoses))}, or add [{name}] to {parse.DIAGNOSES}"


def _error(place: Place, wrong: str, write: str) -> Problem:
    return Problem(place, wrong, write)


def _scripts(step: Step) -> Sequence[Script]:
    return (*step.solutions, *(mistake.script for mistake in step.mistakes))


def _lines(script: Script) -> Iterator[tuple[int, str]]:
    """The lines to be typed, with their numbers in the file."""
    return enumerate(script.lines, script.place.line + 1)


LESSON_RULES: tuple[LessonRule, ...] = (
    lesson_has_steps,
    lesson_has_intro,
    lesson_explains,
    duplicate_steps,
    setup_is_plain,
    pool_is_needed,
)
STEP_RULES: tuple[StepRule, ...] = (
    step_has_all,
    checks_fit,
    mistakes_are_known,
    commands_are_known,
    answers_fit,
    options_are_explained,
    solutions_cover,
)
