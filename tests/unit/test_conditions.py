from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.conditions import CAPABILITIES, holds, lacking, machines, parse
from workshop.machine import examine


@dataclass(frozen=True)
class Has:
    has: bool
    reason: str = ""
    remedy: str = ""


MACHINE = {
    "zfs": Has(False, "no zfs-fuse is installed.", "apt install zfs-fuse"),
    "docker": Has(True),
    "overlay": Has(True),
}


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("zfs", "zfs"),
        ("!zfs", "not zfs"),
        ("not zfs", "not zfs"),
        (" ! zfs ", "not zfs"),
        ("zfs-fuse", "zfs-fuse"),
    ],
)
def test_a_condition_has_one_normal_form(text: str, normal: str) -> None:
    assert parse(text) == normal


@pytest.mark.parametrize("text", ["", "not", "!", "zfs docker", "not not zfs", "!not zfs", "lasers", "!!zfs"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a condition|no capability"):
        parse(text)


def test_what_holds_lacks_nothing() -> None:
    assert lacking((), MACHINE) == ()
    assert lacking(("docker", "not zfs", "overlay"), MACHINE) == ()


def test_what_is_missing_is_said_with_its_reason() -> None:
    assert lacking(("overlay", "zfs"), MACHINE) == (
        "zfs is missing (no zfs-fuse is installed; apt install zfs-fuse)",
    )
    assert lacking(("not docker",), MACHINE) == ("docker is there, and this is for machines without it",)


def test_a_capability_the_machine_says_nothing_of_is_missing() -> None:
    assert lacking(("podman",), MACHINE) == ("podman is missing",)
    assert lacking(("not podman",), MACHINE) == ()


def test_only_machines_that_can_exist_are_thought_of() -> None:
    kinds = {(m["zfs"], m["zfs-kernel"], m["zfs-fuse"]) for m in machines(("zfs",), ("zfs-fuse",))}
    assert kinds == {(True, True, True), (True, True, False), (True, False, True), (False, False, False)}
    assert {(m["cgroup1"], m["cgroup2"], m["hybrid"]) for m in machines(("cgroup1",))} == {
        (True, False, True),
        (True, False, False),
        (False, True, False),
        (False, False, False),
    }


def test_the_names_are_those_that_the_machine_knows() -> None:
    assert set(examine().capabilities) == set(CAPABILITIES)


@given(st.lists(st.sampled_from(sorted(CAPABILITIES)), max_size=3), st.booleans())
def test_a_condition_and_its_opposite_never_hold_together(names: list[str], negated: bool) -> None:
    conditions = tuple(parse(f"{'!' if negated else ''}{name}") for name in names)
    opposite = tuple(parse(f"{'' if negated else '!'}{name}") for name in names)
    for machine in machines(conditions):
        capabilities = {name: Has(has) for name, has in machine.items()}
        assert holds(conditions, machine) == (not lacking(conditions, capabilities))
        assert not names or not (holds(conditions, machine) and holds(opposite, machine))
