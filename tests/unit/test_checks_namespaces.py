"""Each check over snapshots: different right ways pass, and each near miss is named."""

from __future__ import annotations

import pytest
from kernel_builders import HOST_NS, HOST_ROOT, own, process, snapshot, view

from checks import namespaces as ns
from workshop.kernel.model import Root
from workshop.kernel.verdict import End

BASH = process(7)
INNER = own("pid")


def inside(pid: int, number: int, comm: str = "bash", **fields: object) -> object:
    return process(pid, comm, nspids=(pid, number), ns=INNER, **fields)


# -- plain_process, differs_only


@pytest.mark.parametrize("found", [process(8, "sleep"), process(8, "sleep", session=8, ppid=1)])
def test_plain_process_passes(found):
    verdict = ns.plain_process(view(snapshot(BASH, found)), comm="sleep")
    assert verdict.passed
    assert len(verdict.evidence) == 9


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (process(8, "sleep", ns=own("uts")), "not-plain"),
        (process(8, "sleep", root=Root("/lab/containers/one", 41, 77)), "not-plain"),
        (process(8, "sleep", state="Z"), "process-ended"),
        (process(8, "cat"), "process-ended"),
    ],
)
def test_plain_process_misses(found, diagnosis):
    verdict = ns.plain_process(view(snapshot(BASH, found)), comm="sleep")
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_what_ran_before_the_step_does_not_count():
    old = snapshot(process(8, "sleep"))
    assert not ns.plain_process(view(old, before=old), comm="sleep").passed
    again = snapshot(process(8, "sleep", start=9999))
    assert ns.plain_process(view(again, before=old), comm="sleep").passed


@pytest.mark.parametrize("others", [(), (process(9, "sleep"),), (process(9, "sleep", ns=own("net")),)])
def test_differs_only_passes(others):
    now = snapshot(process(8, "sleep", ns=own("uts")), *others)
    assert ns.differs_only(view(now), comm="sleep", kinds="uts").passed


@pytest.mark.parametrize(
    ("kinds", "diagnosis"),
    [((), "no-namespace-asked"), (("uts", "net"), "other-namespaces"), (("mnt",), "other-namespaces")],
)
def test_differs_only_misses(kinds, diagnosis):
    now = snapshot(process(8, "sleep", ns=own(*kinds)))
    assert ns.differs_only(view(now), comm="sleep", kinds="uts").diagnosis == diagnosis


# -- own_pid_namespace, own_namespaces


def test_own_pid_namespace_passes_for_pid_one_and_its_children():
    now = snapshot(inside(7, 1), inside(8, 5))
    assert ns.own_pid_namespace(view(now), pid_one=True).passed
    assert ns.own_pid_namespace(view(now, 8)).passed
    assert not ns.own_pid_namespace(view(now, 8), pid_one=True).passed


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (process(7, ns=own("pid_for_children")), "forgot-fork"),
        (process(7, ns={k: v for k, v in HOST_NS.items() if k != "pid_for_children"}), "forgot-fork"),
        (process(7, ns=own("mnt")), "namespace-missing"),
        (process(7), "no-new-namespace"),
        (inside(7, 9), "forgot-fork"),
    ],
)
def test_own_pid_namespace_misses(found, diagnosis):
    verdict = ns.own_pid_namespace(view(snapshot(found)))
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)
    assert verdict.evidence
    assert verdict.evidence[0].source.startswith("/proc/7/")


def test_a_process_that_is_gone_is_missed():
    assert ns.own_pid_namespace(view(snapshot())).found == "process 7 is gone"


def test_own_namespaces():
    both = snapshot(process(7, ns=own("pid", "mnt", "uts")))
    assert ns.own_namespaces(view(both), kinds="mnt pid").passed
    one = view(snapshot(process(7, ns=own("mnt"))))
    assert ns.own_namespaces(one, kinds="mnt pid").diagnosis == "namespace-missing"
    assert ns.own_namespaces(view(snapshot(BASH)), kinds="mnt").diagnosis == "no-new-namespace"
    unforked = view(snapshot(process(7, ns=own("mnt", "pid_for_children"))))
    assert ns.own_namespaces(unforked, kinds="mnt pid").diagnosis == "forgot-fork"


# -- orphans, zombies, kill


@pytest.mark.parametrize(
    "orphan",
    [
        inside(9, 3, "sleep", ppid=7, pgrp=8, session=100),  # its group's leader, a subshell, is gone
        inside(9, 3, "sleep", ppid=7, pgrp=9, session=9),  # setsid
    ],
)
def test_orphan_adopted_passes(orphan):
    first = inside(7, 1)
    assert ns.orphan_adopted(view(snapshot(first, orphan), before=snapshot(first))).passed


@pytest.mark.parametrize(
    ("others", "diagnosis"),
    [
        ((inside(9, 3, "sleep", ppid=7, pgrp=9, session=100),), "child-not-orphan"),
        ((inside(8, 2, ppid=7), inside(9, 3, "sleep", ppid=8, pgrp=8)), "child-not-orphan"),
        ((), None),
    ],
)
def test_orphan_adopted_misses(others, diagnosis):
    first = inside(7, 1)
    verdict = ns.orphan_adopted(view(snapshot(first, *others), before=snapshot(first)))
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_an_orphan_whose_parent_was_seen_to_change():
    """A background job of an inner shell that ended: of the session of PID 1, in a group of its own."""
    first, job = inside(7, 1), inside(9, 3, "sleep", ppid=7, pgrp=9, session=100)
    was = inside(9, 3, "sleep", ppid=8, pgrp=9, session=100)
    adopted = view(snapshot(first, job), before=snapshot(first), adopted=(was,))
    assert ns.orphan_adopted(adopted).passed
    another = inside(10, 4, "sleep", ppid=8)
    assert not ns.orphan_adopted(
        view(snapshot(first, job), before=snapshot(first), adopted=(another,))
    ).passed


def test_zombie_left():
    first = inside(7, 1, "sleep")
    dead = process(9, "true", ppid=7, state="Z", ns={}, nspids=(9, 4))
    assert ns.zombie_left(view(snapshot(first, dead))).passed
    assert not ns.zombie_left(view(snapshot(first))).passed
    assert not ns.zombie_left(view(snapshot(process(7), dead))).passed, "a zombie of a process of the host"
    shell = inside(7, 1, sig_caught=1 << 16)
    assert ns.zombie_left(view(snapshot(shell))).diagnosis == "shell-reaps"


def test_killed_with_pid_one():
    wrapper, first, child = process(6, "unshare"), inside(7, 1, "sleep", ppid=6), inside(8, 2)
    before = snapshot(wrapper, first, child)
    killed = ns.killed_with_pid_one
    assert killed(view(snapshot(), before=before)).passed
    assert killed(view(snapshot(inside(7, 1, "sleep", state="Z", ppid=6)), before=before)).passed
    assert killed(view(before, before=before)).diagnosis == "pid1-ignores"
    adopted = snapshot(inside(7, 1, "sleep", ppid=1), child)
    assert killed(view(adopted, before=before)).diagnosis == "killed-unshare"
    assert not killed(view(snapshot(), before=snapshot())).passed, "there was nothing to kill"


def test_an_inode_that_is_used_again_is_another_namespace():
    before = snapshot(inside(7, 1, "sleep"))
    after = snapshot(inside(20, 1, "bash"))
    assert ns.killed_with_pid_one(view(after, before=before)).passed


def test_killed_from_chroot():
    victim = process(5, "sleep", args=("sleep", "4242"))
    jailed, at_home = process(7, root=Root("/lab/containers/one", 43, 9)), process(7, root=HOST_ROOT)

    def seen(*now, ends=()):
        return ns.killed_from_chroot(view(snapshot(*now), ends=ends), args="sleep 4242")

    assert seen(jailed, ends=(End(victim, jailed),)).passed
    assert seen(at_home, ends=(End(victim, jailed),)).passed, "and out again"
    again = process(6, "sleep", args=("sleep", "4242"))
    assert seen(at_home, again, ends=(End(victim, jailed),)).passed, "another one was begun afterwards"
    assert seen(jailed, ends=(End(victim, at_home), End(again, jailed))).passed, "the second try"
    assert seen(jailed, ends=(End(victim, at_home),)).diagnosis == "killed-from-host"
    assert not seen(jailed, again, ends=(End(victim, at_home),)).passed
    assert not seen(jailed, victim).passed
    other = process(5, "sleep", args=("sleep", "1"))
    assert not seen(jailed, ends=(End(other, jailed),)).passed
    dead = process(5, "sleep", args=("sleep", "4242"), state="Z")
    assert not seen(jailed, ends=(End(dead, jailed),)).passed, "it was dead before"
