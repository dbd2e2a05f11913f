"""`workshop run`: no one at the keys. Solutions are typed into a pty and judged; `--verify` is the gate."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from workshop.errors import MachineError, WorkshopError
from workshop.frozen import frozen
from workshop.kept import load
from workshop.lesson import Step
from workshop.machine import examine
from workshop.selection import select, why_not
from workshop.ui.start import host, need_root

if TYPE_CHECKING:  # the rest is loaded while the lab is being built
    from workshop.events import Event, Judged
    from workshop.gate import Proof
    from workshop.session import Session

MISSED = 1
"""The exit status when a step was missed. A machine that can play none of them has the errors' own."""


@frozen
class Report:
    """How a step went."""

    step: Step
    state: str
    seconds: float
    judged: Judged | None = None
    proofs: tuple[Proof, ...] = ()
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        verdicts = self.judged.verdicts if self.judged else ()
        row: dict[str, Any] = {
            "event": "step",
            "id": self.step.id,
            "state": self.state,
            "seconds": round(self.seconds, 3),
            "verdicts": [
                {
                    "check": v.check,
                    "state": v.state,
                    "expected": v.expected,
                    "found": v.found,
                    "evidence": [asdict(e) for e in v.evidence],
                }
                for v in verdicts
            ],
        }
        if self.proofs:
            row["gate"] = [{"rule": p.rule, "holds": p.holds, "why": p.why} for p in self.proofs]
        if self.why:
            row["why"] = self.why
        return row


@dataclass(slots=True)
class Progressing:
    """One line on the terminal that says what is under way; nothing where standard error is no terminal."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def say(self, text: str) -> None:
        if self.stream.isatty():
            self.stream.write(f"\r\x1b[K{text[:78]}")
            self.stream.flush()


def run(options: Namespace, words: Sequence[str]) -> int:
    """`workshop run [LESSON…] [--track T] [--verify] [--json]`; the exit status."""
    course = load(options.course)
    steps = select(course, options.lessons, options.track)
    need_root(words)
    machine = examine(lab=not options.no_lab)
    progressing = Progressing()
    started = time.monotonic()
    states: list[str] = []
    with host(options, machine) as found:
        from workshop.session import Session

        session = Session(course, steps, found)
        for step in steps:
            reason = why_not(course, step, machine.capabilities)
            report = Report(step, "unsupported", 0.0, why=reason) if reason else None
            report = report or play(session, step, verify=options.verify, progressing=progressing)
            states.append(report.state)
            progressing.say("")
            show(report, as_json=options.json)
    if not options.json:
        counts = ", ".join(f"{states.count(state)} {state}" for state in ("passed", "missed", "unsupported"))
        print(f"\n{counts} in {time.monotonic() - started:.1f} s")
    if "missed" in states:
        return MISSED
    return 0 if "passed" in states else MachineError.status


def play(session: Session, step: Step, *, verify: bool, progressing: Progressing) -> Report:
    """One step, from its beginning to its verdict; with `verify` through the gate first."""
    from workshop.session import PATIENCE
    from workshop.shell import Silent

    started = time.monotonic()
    proofs: list[Proof] = []
    try:
        _watch(session.enter(step.id), step, progressing)
        if verify:
            from workshop.gate import Proof, prove

            for item in prove(session, step):
                if isinstance(item, Proof):
                    proofs.append(item)
                    progressing.say(f"{step.id}: {item.rule}")
        lines = next(iter(session.solutions()), ())
        _watch(session.play(lines, Silent()), step, progressing)
        if session.judged is None or not session.judged.passed:
            _watch(session.check(PATIENCE), step, progressing)
    except WorkshopError as error:
        if not session.host.alive:
            raise  # without a host no step can be played
        return Report(
            step, "missed", time.monotonic() - started, session.judged, tuple(proofs), error.message
        )
    judged = session.judged
    passed = judged is not None and judged.passed and all(proof.holds for proof in proofs)
    return Report(step, "passed" if passed else "missed", time.monotonic() - started, judged, tuple(proofs))


def _watch(events: Iterator[Event], step: Step, progressing: Progressing) -> None:
    from workshop.events import Working

    progressing.say(step.id)
    for event in events:
        if isinstance(event, Working):
            progressing.say(f"{step.id}: {event.what}")


def show(report: Report, *, as_json: bool) -> None:
    """One step on standard output: an object, or a line and what is wrong below it."""
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False), flush=True)
        return
    print(f"{report.state:<11} {report.step.id:<44} {report.seconds:6.2f} s", flush=True)
    if report.why:
        print(f"            {report.why}")
    for proof in report.proofs:
        if not proof.holds:
            print(f"            gate: {proof.rule}: {proof.why}")
    for verdict in report.judged.verdicts if report.judged and report.state == "missed" else ():
        if not verdict.passed:
            print(f"            {verdict.check}: expected {verdict.expected}; found {verdict.found}")
