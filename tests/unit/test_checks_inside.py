"""A container started, looked up, entered, stopped and removed by hand: right ways and near misses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kernel_builders import own, process, snapshot, view

from checks import inside
from workshop.kernel.model import Process, Root, Snapshot
from workshop.kernel.verdict import Verdict

FIVE = "mnt uts ipc net pid"
ALL = own(*FIVE.split())
WEB = Root("/lab/containers/web", 43, 9)
SHELL = process(7)
WRAPPER = process(8, "unshare", ppid=7, ns=own("mnt", "uts", "ipc", "net", "pid_for_children"))


def first(**fields: Any) -> Process:
    given = {"ppid": 8, "nspids": (9, 1), "ns": ALL, "root": WEB, "stdout": "/lab/web.log"} | fields
    return process(9, "serve", **({"proc_pid_ns": given["ns"].get("pid")} | given))


def running(*more: Process, one: Process | None = None) -> Snapshot:
    return snapshot(SHELL, WRAPPER, one or first(), *more)


def said(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.state, verdict.diagnosis


# -- detached


@pytest.mark.parametrize(
    "one",
    [
        first(),
        first(root=Root("/", 77, 2), stdout="/var/log/x"),
        first(ppid=1, ns=own(*FIVE.split(), "cgroup")),
    ],
)
def test_detached_passes(one: Process) -> None:
    verdict = inside.detached(view(running(one=one), before=snapshot(SHELL)), kinds=FIVE)
    assert verdict.passed
    assert verdict.evidence[-1].source == "/proc/9/fd/1"


@pytest.mark.parametrize(
    ("one", "diagnosis"),
    [
        (first(stdout="/dev/pts/1"), "log-to-nowhere"),
        (first(stdout="/dev/null"), "log-to-nowhere"),
        (first(stdout="pipe:[5]"), "log-to-nowhere"),
        (first(stdout=None), "log-to-nowhere"),
        (first(ns=own("mnt", "ipc", "net", "pid")), "namespace-missing"),
        (first(root=SHELL.root), "root-is-the-hosts"),
        (first(proc_pid_ns=None), "no-proc-inside"),
        (first(proc_pid_ns=SHELL.ns["pid"]), "no-proc-inside"),
        (first(state="Z"), "forgot-fork"),
        (process(9, "serve"), "forgot-fork"),
    ],
)
def test_detached_misses(one: Process, diagnosis: str) -> None:
    verdict = inside.detached(view(running(one=one), before=snapshot(SHELL)), kinds=FIVE)
    assert said(verdict) == ("missed", diagnosis)


def test_a_container_of_before_is_not_a_new_one() -> None:
    assert inside.detached(view(running(), before=running()), kinds=FIVE).diagnosis == "process-ended"


# -- answers


def test_predict_parent() -> None:
    def answer(text: str | None, now: Snapshot) -> Verdict:
        return inside.predict_parent(view(now, answer=text))

    assert answer("unshare", running()).passed
    adopted = running(one=first(ppid=1))
    assert answer("sleep", adopted).passed, "unshare is gone, and the lab's first process has it"
    assert answer("bash", running()).diagnosis == "not-the-parent"
    assert not answer(None, running()).passed
    assert answer("unshare", snapshot(SHELL)).diagnosis == "process-ended"


def test_predict_log() -> None:
    def answer(text: str | None, now: Snapshot) -> Verdict:
        return inside.predict_log(view(now, answer=text))

    assert answer("/lab/web.log", running()).passed
    assert answer(" /x ", running(one=first(stdout="/x"))).passed
    assert answer("/lab/containers/web/web.log", running()).diagnosis == "other-log"
    assert answer("/dev/pts/1", running(one=first(stdout="/dev/pts/1"))).diagnosis == "process-ended"
    assert not answer(None, running()).passed


# -- joined


def entered(**fields: Any) -> Process:
    given = {"ppid": 20, "nspids": (21, 5), "ns": ALL, "root": WEB}
    return process(21, "sh", **(given | fields))


NSENTER = process(20, "nsenter", ppid=7, ns={**ALL, "pid": own()["pid"]})


@pytest.mark.parametrize(
    "one", [entered(), entered(ppid=0), entered(root=Root("/", 43, 9)), entered(state="R", ppid=7)]
)
def test_joined_passes(one: Process) -> None:
    assert inside.joined(view(running(NSENTER, one), 21, before=running())).passed


@pytest.mark.parametrize(
    ("one", "diagnosis"),
    [
        (entered(ns={**ALL, "net": own()["net"]}), "joined-partly"),
        (entered(ns=own("mnt")), "joined-partly"),
        (entered(root=SHELL.root), "joined-without-root"),
        (entered(root=None), "joined-without-root"),
        (entered(ns=own()), "joined-partly"),  # what is left is nsenter, which is not in the pid namespace
        (entered(ppid=9), "joined-partly"),  # born inside
    ],
)
def test_joined_misses(one: Process, diagnosis: str) -> None:
    verdict = inside.joined(view(running(NSENTER, one), 21, before=running()))
    assert said(verdict) == ("missed", diagnosis)


def test_joined_with_its_groups() -> None:
    limited = first(cgroups={"": "/lab/my-one", "pids": "/"})

    def seen(group: str) -> Verdict:
        now = running(NSENTER, entered(cgroups={"": group, "pids": "/"}), one=limited)
        return inside.joined(view(now, 21, before=running(one=limited)), groups=True)

    assert seen("/lab/my-one").passed
    assert seen("/lab").diagnosis == "joined-without-group"
    assert seen("/lab").evidence[0].value == "/lab"


def test_nobody_went_in() -> None:
    jailed = process(21, "sh", ppid=7, root=WEB)
    assert inside.joined(view(running(jailed), 21, before=running())).diagnosis == "nobody-joined"
    another = own("pid")["pid"] + 100
    other = process(21, "sh", ppid=7, ns={**own(), "pid": another, "net": 5}, nspids=(21, 2))
    assert inside.joined(view(running(other), 21, before=running())).diagnosis == "nobody-joined"
    assert inside.joined(view(snapshot(SHELL), before=snapshot())).diagnosis == "process-ended"


def test_who_was_in_before_does_not_count() -> None:
    then = running(NSENTER, entered())
    assert inside.joined(view(then, 21, before=then)).diagnosis == "nobody-joined"


# -- stopped, removed


def folder(found: Snapshot, *names: str) -> Snapshot:
    return replace(found, folders={"/lab/containers/web": names})


def stop(now: Snapshot) -> Verdict:
    return inside.stopped(
        view(now, before=folder(running(), "bin")), path="/lab/containers/web", left="stopped"
    )


def test_stopped() -> None:
    assert stop(folder(snapshot(SHELL), "bin", "stopped")).passed
    zombie = running(one=first(state="Z", ns={}))
    assert stop(folder(zombie, "bin", "stopped")).passed
    again = snapshot(SHELL, first(start=9999))
    assert stop(folder(again, "bin", "stopped")).passed, "a new one has the number of the old"
    assert stop(folder(snapshot(SHELL), "bin")).diagnosis == "killed-not-asked"
    assert stop(folder(running(), "bin", "stopped")).diagnosis == "still-running"
    orphan = snapshot(SHELL, first(ppid=1))
    assert stop(folder(orphan, "bin")).diagnosis == "killed-unshare"


def test_removed() -> None:
    def remove(now: Snapshot, before: Snapshot) -> Verdict:
        return inside.removed(view(now, before=before), path="/lab/containers/web")

    there = folder(snapshot(SHELL), "bin", "bin/sh")
    assert remove(snapshot(SHELL), there).passed
    assert remove(replace(snapshot(SHELL), folders={"/lab/containers/two": ()}), there).passed
    assert remove(there, there).diagnosis == "folder-left"
    assert remove(folder(snapshot(SHELL)), there).diagnosis == "folder-left", "only emptied"
    assert not remove(snapshot(SHELL), snapshot(SHELL)).passed, "it was never there"
