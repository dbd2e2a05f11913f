"""The gate finds every lie that a lesson can tell; over a host that is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from fake_host import COURSE, DIAGNOSES, EFFECTS, FIRST, FRONTS, IMAGES, FakeHost, lost, made, script
from kernel_builders import MINE, dataset, mount, process, snapshot

from workshop.gate import Proof, fingerprint, prove
from workshop.kernel.model import Address, Cgroup, Link, Network, Route
from workshop.lesson import Course, Mistake, Step
from workshop.session import Session
from workshop.shell import Result, Silent

MISTAKE = Mistake("no-dataset", script("mkdir images"))
HONEST = replace(IMAGES, mistakes=(MISTAKE,), solutions=(script("create images"), script("create them all")))


def gate(step: Step, host: FakeHost | None = None) -> Mapping[str, Proof]:
    """The proofs of a step, by their rule. It is entered first, as `run --verify` does."""
    lesson = replace(FIRST, steps=(step,))
    host = host or FakeHost(EFFECTS, fronts=FRONTS)
    session = Session(Course((lesson,), diagnoses=DIAGNOSES), (step,), host)  # type: ignore[arg-type]
    for _ in session.enter(step.id):
        pass
    proofs = [item for item in prove(session, step) if isinstance(item, Proof)]
    assert session.step == step and fingerprint(host.now) == fingerprint(snapshot(process(7), process(8)))
    return {proof.rule: proof for proof in proofs}


def lies(step: Step, host: FakeHost | None = None) -> dict[str, str]:
    return {rule: proof.why for rule, proof in gate(step, host).items() if not proof.holds}


def test_an_honest_step_passes_every_rule() -> None:
    proofs = gate(HONEST)
    assert [rule for rule, proof in proofs.items() if not proof.holds] == []
    assert list(proofs) == [
        "jumping gives what playing gives",
        "misses before the step",
        "misses on the mistake no-dataset, and says so",
        "passes after solution 1",
        "judging twice changes nothing",
        "reset restores the baseline after solution 1",
        "passes after solution 2",
        "reset restores the baseline after solution 2",
    ]


def test_a_check_that_passes_before() -> None:
    host = FakeHost({**EFFECTS, "prepare": made("tank/images")})
    lesson = replace(FIRST, steps=(HONEST,))
    session = Session(Course((lesson,), diagnoses=DIAGNOSES), (HONEST,), host)  # type: ignore[arg-type]
    for _ in session.enter(HONEST.id):
        pass
    proofs = [item for item in prove(session, HONEST) if isinstance(item, Proof)]
    broken = [proof.rule for proof in proofs if not proof.holds]
    assert broken == ["misses before the step", "misses on the mistake no-dataset, and says so"]


def test_a_check_that_passes_before_by_declaration() -> None:
    """Declared, and not so: that is a lie too."""
    assert list(lies(replace(HONEST, passes_before="it is there"))) == [
        "passes before, by declaration: it is there"
    ]


def test_a_mistake_that_passes() -> None:
    wrong = replace(HONEST, mistakes=(Mistake("no-dataset", script("create images")),))
    assert lies(wrong) == {"misses on the mistake no-dataset, and says so": "it passed"}


def test_a_mistake_with_another_diagnosis() -> None:
    wrong = replace(HONEST, mistakes=(Mistake("forgot-fork", script("mkdir images")),))
    [(rule, why)] = lies(wrong).items()
    assert rule == "misses on the mistake forgot-fork, and says so"
    assert "showed no-dataset" in why and "there is no file system tank/images" in why


def test_a_mistake_that_only_its_message_shows() -> None:
    wrong = replace(HONEST, mistakes=(Mistake("not-found", script("zsf")),))
    said = Result("prompt", 127, b"bash: zsf: command not found\r\n")
    assert lies(wrong, FakeHost(EFFECTS, says={"zsf": said})) == {}
    assert list(lies(wrong)) == ["misses on the mistake not-found, and says so"]


def test_a_solution_that_misses() -> None:
    wrong = replace(HONEST, solutions=(*HONEST.solutions, script("create nothing")))
    [(rule, why)] = lies(wrong).items()
    assert rule == "passes after solution 3" and "there is no file system tank/images" in why


def test_scripts_that_do_not_fit_the_machine_are_left_out() -> None:
    docker = ("docker",)
    wrong = replace(
        HONEST,
        mistakes=(Mistake("no-dataset", script("create images", when=docker)),),
        solutions=(script("create nothing", when=docker), script("create images")),
    )
    assert lies(wrong) == {}


class Meddling(FakeHost):
    """Whoever looks changes something."""

    count = 0

    def look(self):  # type: ignore[no-untyped-def]
        if "tank/images" in self.now.datasets:
            self.count += 1
            self.now = made(f"tank/{self.count}")(self.now)
        return super().look()


def test_judging_that_changes_something() -> None:
    found = lies(HONEST, Meddling(EFFECTS))
    assert "datasets added tank/" in found.pop("judging twice changes nothing")
    assert found == {}


class Wavering(FakeHost):
    """What was there a moment ago is gone, and comes back."""

    def look(self):  # type: ignore[no-untyped-def]
        seen = super().look()
        if "tank/images" in seen.datasets:
            self.looks_since = getattr(self, "looks_since", 0) + 1
            # The line's own look, the judgement after it and the look before judging: then it wavers.
            if self.looks_since % 5 == 4:
                return lost("tank/images")(seen)
        return seen


def test_a_verdict_that_changes_is_judging_that_changes() -> None:
    one = replace(HONEST, mistakes=(), solutions=(script("create images"),))
    found = lies(one, Wavering(EFFECTS))
    assert found == {"judging twice changes nothing": "the verdict changed"}


class Leaking(FakeHost):
    """A process outlives the host it was started on."""

    left = False

    def renew(self, needs=()):  # type: ignore[no-untyped-def]
        there = "tank/images" in self.now.datasets
        super().renew(needs)
        if there and not self.left:
            self.left = True
            self.now = snapshot(process(7), process(8), process(11, "sleep", args=("sleep", "9")))


def test_a_reset_that_leaves_something() -> None:
    assert lies(HONEST, Leaking(EFFECTS)) == {
        "reset restores the baseline after solution 1": "only after the reset: process sleep 9 []"
    }


def test_a_jump_that_differs_from_play() -> None:
    """The learner's own way through the first step gives more than its model answer does."""
    lesson = FIRST
    host = FakeHost({**EFFECTS, "create more": made("tank/images", "tank/more")}, fronts=FRONTS)
    session = Session(COURSE, lesson.steps, host)  # type: ignore[arg-type]
    for _ in session.enter(IMAGES.id):
        pass
    list(session.play(("create more",), Silent()))
    list(session.next())
    step = lesson.steps[1]
    proofs = [item for item in prove(session, step) if isinstance(item, Proof)]
    assert [proof.rule for proof in proofs if not proof.holds] == ["jumping gives what playing gives"]
    assert proofs[0].why == "only played: dataset tank/more filesystem "


# -- what a fingerprint sees --------------------------------------------------------------------------------

LINK = Link(2, "br0", "bridge", True, True, 1500, "aa", None, None, None)
NET = Network(7, None, (LINK,), (Address(2, "10.0.0.1/24", 0),), (Route("default", "10.0.0.2", 2, 254, 1),))
BASE = snapshot(process(7), mounts={7: (mount("/", "overlay"),)}, datasets=(dataset("tank"),))


@pytest.mark.parametrize(
    "other",
    [
        snapshot(process(7), process(8), mounts={7: (mount("/", "overlay"),)}, datasets=(dataset("tank"),)),
        replace(BASE, processes={**BASE.processes, 7: process(7, args=("zsh",))}),
        replace(BASE, processes={**BASE.processes, 7: process(7, ns={"pid": MINE})}),
        snapshot(process(7), mounts={7: (mount("/", "overlay", tags=("shared:1",)),)}),
        replace(BASE, networks={1: replace(NET, links=(replace(LINK, up=False),))}),
        replace(BASE, networks={1: replace(NET, addresses=())}),
        replace(BASE, networks={1: replace(NET, routes=())}),
        replace(BASE, cgroups=(Cgroup("", "/box", ()),)),
        replace(BASE, datasets={"tank": dataset("tank", origin="tank/x@y")}),
        replace(BASE, hostnames={1: "box"}),
        replace(BASE, loops={"loop7": "/lab/disk"}),
    ],
)
def test_a_fingerprint_tells_what_is_left(other) -> None:  # type: ignore[no-untyped-def]
    base = replace(BASE, networks={1: NET}) if other.networks else BASE
    assert fingerprint(base) != fingerprint(other)


def test_a_fingerprint_is_the_same_in_the_next_run() -> None:
    again = snapshot(
        process(70, start=99999, ppid=30),
        mounts={70: (mount("/", "overlay", id=9),)},
        datasets=(dataset("tank", used=7),),
    )
    assert fingerprint(BASE) == fingerprint(again)


class Ticking(FakeHost):
    """A container with a loop in it, that has moved on at one of the looks."""

    def look(self):  # type: ignore[no-untyped-def]
        if "tank/images" in self.now.datasets:
            self.looks = getattr(self, "looks", 0) + 1
            if self.looks == 4:
                self.now = made("tank/tick")(self.now)
        return super().look()


def test_what_goes_on_by_itself_is_no_judging_that_changes() -> None:
    one = replace(HONEST, mistakes=(), solutions=(script("create images"),))
    assert "judging twice changes nothing" not in lies(one, Ticking(EFFECTS))
