"""Predictions: the kernel's answer is the right one, however it is worded."""

from __future__ import annotations

import pytest
from kernel_builders import HOST_MOUNTS, mount, own, process, snapshot, view

from checks import predictions


@pytest.mark.parametrize("answer", ["0", " 0 ", "zero", "0.", "none of them"])
def test_own_namespaces_passes(answer):
    assert predictions.predict_own_namespaces(view(snapshot(process(7)), answer=answer)).passed


def test_own_namespaces_counts_what_is_really_there():
    now = snapshot(process(7, ns=own("uts", "net")))
    assert predictions.predict_own_namespaces(view(now, answer="2")).passed
    assert not predictions.predict_own_namespaces(view(now, answer="0")).passed


@pytest.mark.parametrize("answer", ["8", "eight", "all 8"])
def test_own_namespaces_misses(answer):
    verdict = predictions.predict_own_namespaces(view(snapshot(process(7)), answer=answer))
    assert verdict.diagnosis == "every-process-has-them"
    assert verdict.evidence


def test_what_is_no_number_is_not_called_wrong():
    verdict = predictions.predict_own_namespaces(view(snapshot(process(7)), answer="all"))
    assert not verdict.passed and verdict.found == "you said all; a number is wanted"


def test_no_answer_is_no_mistake():
    verdict = predictions.predict_own_namespaces(view(snapshot(process(7))))
    assert (verdict.state, verdict.diagnosis) == ("missed", None)


def cgroup(shell, child, answer):
    now = snapshot(process(7, cgroups={"": shell}), process(8, "sleep", ppid=7, cgroups={"": child}))
    return predictions.predict_same_cgroup(view(now, answer=answer), comm="sleep")


def test_same_cgroup():
    assert cgroup("/", "/", "same").passed
    assert cgroup("/", "/", "The same.").passed
    assert cgroup("/", "/x", "own").passed
    assert cgroup("/", "/", "own").diagnosis == "cgroup-is-inherited"
    assert not cgroup("/", "/x", "same").passed
    idle = view(snapshot(process(7)), answer="same")
    assert predictions.predict_same_cgroup(idle, comm="sleep").diagnosis == "process-ended"


def test_mounts():
    sleeper = process(8, "sleep", ns=own("mnt"))
    copied = snapshot(process(7), sleeper, mounts={8: HOST_MOUNTS})
    assert predictions.predict_mounts(view(copied, answer="same")).passed
    fewer = snapshot(process(7), sleeper, mounts={8: HOST_MOUNTS[:1]})
    assert predictions.predict_mounts(view(fewer, answer="fewer")).diagnosis == "mounts-since"
    more = snapshot(process(7), sleeper, mounts={8: (*HOST_MOUNTS, mount("/mnt", "tmpfs", dev=99))})
    assert predictions.predict_mounts(view(more, answer="same")).passed, "at first"
    assert predictions.predict_mounts(view(more, answer="fewer")).diagnosis == "mounts-are-copied"
    assert predictions.predict_mounts(view(copied, answer="none")).diagnosis == "mounts-are-copied"
    nobody = view(snapshot(process(7)), answer="same")
    assert predictions.predict_mounts(nobody).diagnosis == "namespace-missing"


def test_kernel():
    inside = snapshot(process(7, ns=own("uts", "pid", "mnt")))
    check = predictions.predict_kernel
    assert check(view(inside, answer="host"), kinds="uts pid").passed
    assert check(view(inside, answer="the host's"), kinds="uts").passed
    assert check(view(inside, answer="own"), kinds="uts pid").diagnosis == "one-kernel"
    at_home = view(snapshot(process(7)), answer="host")
    assert check(at_home, kinds="uts pid").diagnosis == "no-new-namespace"
    unforked = view(snapshot(process(7, ns=own("uts", "pid_for_children"))), answer="host")
    assert check(unforked, kinds="uts pid").diagnosis == "forgot-fork"
    partly = view(snapshot(process(7, ns=own("uts"))), answer="host")
    assert check(partly, kinds="uts net").diagnosis == "namespace-missing"


def test_survives():
    first = process(7, ns=own("pid"), nspids=(7, 1))
    before, check = snapshot(first), predictions.predict_survives
    assert check(view(before, before=before, answer="no")).passed
    child = process(8, ns=own("pid"), nspids=(8, 5))
    assert check(view(snapshot(first, child), 8, before=before, answer="No")).passed
    assert check(view(before, before=before, answer="yes")).diagnosis == "pid1-is-immune"
    for answer in ("yes", "no"):
        guess = check(view(before, before=before, answer=answer, tried=False))
        assert (guess.passed, guess.diagnosis, guess.found) == (False, None, "nothing was tried yet")
    assert not check(view(before, before=before)).passed
    at_home = view(snapshot(process(7)), answer="no")
    assert check(at_home).diagnosis == "no-new-namespace"
    gone = snapshot(process(8, ns=own("pid"), nspids=(8, 5)))
    assert not check(view(gone, 8, before=before, answer="no")).passed
