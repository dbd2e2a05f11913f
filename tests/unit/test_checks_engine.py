"""Entering a container: all of it passes, whoever did it; half of it, and what is no entering, does not."""

from __future__ import annotations

from typing import Any

import pytest
from kernel_builders import HOST_NS, own, process, snapshot, view

from checks import engine
from workshop.kernel.model import Process, Root

KINDS = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
ROOT = Root("/", 60, 2)
FIRST = process(20, "sleep", nspids=(20, 1), ns=own(*KINDS), root=ROOT)
OUTSIDE = process(30, "nsenter")


def entered(pid: int = 31, **fields: Any) -> Process:
    given: dict[str, Any] = {"ppid": 30, "nspids": (pid, 7), "ns": own(*KINDS), "root": ROOT}
    return process(pid, "sh", **(given | fields))


def judged(*processes: Process) -> Any:
    return engine.joined(view(snapshot(FIRST, *processes), before=snapshot(FIRST)))


@pytest.mark.parametrize(
    "found", [entered(), entered(ppid=1), entered(ns=own(*KINDS) | {"pid_for_children": own("pid")["pid"]})]
)
def test_joined_passes(found):
    verdict = judged(OUTSIDE, found)
    assert verdict.passed
    assert "/proc/31/ns/pid" in [evidence.source for evidence in verdict.evidence]


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (entered(ns=own("mnt", "pid")), "not-all-entered"),
        (entered(root=Root("/", 41, 2)), "not-all-entered"),
        (entered(ns=own("mnt", "net"), nspids=(31,), ppid=1), "not-all-entered"),
        (entered(ppid=20), "nobody-entered"),
        (entered(nspids=(31, 1), ns=own(*KINDS) | {"pid": 999}), "nobody-entered"),
        (process(31, "sh", ns=HOST_NS), "nobody-entered"),
    ],
)
def test_joined_misses(found, diagnosis):
    verdict = judged(OUTSIDE, found)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_who_was_in_before_does_not_count():
    now = snapshot(FIRST, OUTSIDE, entered())
    assert engine.joined(view(now, before=now)).diagnosis == "nobody-entered"
