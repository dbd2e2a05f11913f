"""The gate: a check that was never seen to fail proves nothing.

For every step, on a real kernel: the check misses before the step and after each declared mistake (with the
mistake's diagnosis), passes after each declared solution, judging twice changes nothing, a reset restores the
state the step began with, and jumping to the step gives what playing up to it gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from workshop.events import Event, Judged
from workshop.frozen import frozen
from workshop.kernel.diff import diff
from workshop.kernel.diff.network import SCOPE_LINK, nat_text
from workshop.kernel.model import Snapshot
from workshop.lesson import Step
from workshop.session import PATIENCE, Session
from workshop.shell import Silent

TRIES = 3
"""Times that judging is looked at, where something seems to have changed."""


@frozen
class Proof:
    """One rule of the gate, for one step. `why` says what was seen instead, where it does not hold."""

    rule: str
    holds: bool
    why: str = ""
    judged: Judged | None = None


def prove(session: Session, step: Step) -> Iterator[Event | Proof]:
    """Put one step through the gate. Begins and ends with the step's own beginning."""
    played = fingerprint(session.now) if session.now is not None and session.step == step else None
    yield from _from_anew(session, step)
    baseline = fingerprint(session.host.look())
    if played is not None:
        yield Proof("jumping gives what playing gives", *_same(played, baseline, "played", "jumped to"))
    yield _misses_before(session, step)
    for mistake in step.mistakes:
        if session.fits(mistake.script):
            yield from session.play(session.filled(mistake.script), Silent())
            yield _misses(session, mistake.diagnosis)
            yield from _from_anew(session, step)
    for number, solution in enumerate(session.solutions(step), 1):
        yield from session.play(solution, Silent())
        yield _passes(session, number)
        yield _judging_changes_nothing(session)
        yield from _from_anew(session, step)
        yield Proof(
            f"reset restores the baseline after solution {number}",
            *_same(baseline, fingerprint(session.host.look()), "baseline", "after the reset"),
        )


def fingerprint(snapshot: Snapshot) -> Counter[str]:
    """What there is, without what differs from run to run (pids, inodes, times, sizes)."""
    found: Counter[str] = Counter()
    reference = snapshot.processes[snapshot.host]
    for process in snapshot.processes.values():
        walls = ",".join(sorted(k for k, inode in process.ns.items() if inode != reference.ns.get(k)))
        found[f"process {' '.join(process.args) or process.comm} [{walls}]"] += 1
    for table in snapshot.mounts.values():
        for mount in table.mounts:
            found[f"mount {mount.fstype} on {mount.target} {mount.propagation}"] += 1
    for network in snapshot.networks.values():
        found[f"network {network.name or ''}"] += 1
        for link in network.links:
            found[f"link {link.name} {link.kind} {'up' if link.up else 'down'}"] += 1
        for address in network.addresses:
            if address.scope != SCOPE_LINK:  # those the kernel makes up by itself, at its leisure
                found[f"address {address.address}"] += 1
        for route in network.routes:
            if not route.destination.startswith("fe80:"):
                found[f"route {route.destination} {route.gateway or ''}"] += 1
        for rule in network.nat:
            found[f"rule {nat_text(rule)}"] += 1
        for place in network.listening:
            found[f"listening {place}"] += 1
        found[f"forwarding {network.forward}"] += 1
    for group in snapshot.cgroups:
        found[f"cgroup {group.controller}:{group.path}"] += 1
    for dataset in snapshot.datasets.values():
        found[f"dataset {dataset.name} {dataset.type} {dataset.origin or ''}"] += 1
    for name in snapshot.hostnames.values():
        found[f"hostname {name}"] += 1
    for file in snapshot.loops.values():  # the number of a loop device is whichever is free
        found[f"loop on {file}"] += 1
    for one in snapshot.subvolumes.values():
        found[f"subvolume {one.path} {'of another' if one.parent else ''}"] += 1
    return found


def _from_anew(session: Session, step: Step) -> Iterator[Event]:
    session.forget()
    yield from session.enter(step.id)


def _same(wanted: Counter[str], found: Counter[str], one: str, other: str) -> tuple[bool, str]:
    missing, extra = wanted - found, found - wanted
    parts = [f"only {one}: {', '.join(sorted(missing))}"] if missing else []
    parts += [f"only {other}: {', '.join(sorted(extra))}"] if extra else []
    return not parts, "; ".join(parts)


def _misses_before(session: Session, step: Step) -> Proof:
    judged = session.judge_now()
    if step.passes_before:
        return Proof(f"passes before, by declaration: {step.passes_before}", judged.passed, judged=judged)
    why = "it passed though nothing was done" if judged.passed else ""
    return Proof("misses before the step", not judged.passed, why, judged)


def _misses(session: Session, diagnosis: str) -> Proof:
    judged = session.judge_now()
    shown = [d.id for d in judged.diagnoses]
    why = ""
    if judged.passed:
        why = "it passed"
    elif diagnosis not in shown:
        found = "; ".join(f"{v.check}: {v.found}" for v in judged.verdicts if not v.passed)
        why = f"it missed, but showed {', '.join(shown) or 'no diagnosis'} ({found})"
    return Proof(f"misses on the mistake {diagnosis}, and says so", not why, why, judged)


def _passes(session: Session, number: int) -> Proof:
    judged = session.judge_now(PATIENCE)
    why = "; ".join(
        f"{v.check}: expected {v.expected}, found {v.found}" for v in judged.verdicts if not v.passed
    )
    return Proof(f"passes after solution {number}", judged.passed, why, judged)


def _judging_changes_nothing(session: Session) -> Proof:
    """A container may go on by itself, say a loop that sleeps: what judging has done, it does each time."""
    why = ""
    for _ in range(TRIES):
        before = session.host.look()
        first = session.judge_now()
        second = session.judge_now()
        changes = diff(before, session.host.look(), session.subject())
        same = [(v.check, v.state) for v in first.verdicts] == [(v.check, v.state) for v in second.verdicts]
        why = "; ".join(f"{c.area} {c.verb} {c.subject}" for c in changes)
        why = why or ("" if same else "the verdict changed")
        if not (why and same):
            break
    return Proof("judging twice changes nothing", not why, why)
