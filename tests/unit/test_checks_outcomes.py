"""Predictions of what a line does: the answer that the kernel gives passes, the other one does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import HOST_MOUNTS, dataset, mount, own, process, snapshot, view
from network_builders import net

from checks import namespaces, outcomes
from workshop.kernel.model import File, Ids, Snapshot, Subvolume
from workshop.kernel.verdict import Verdict, View

HOST_UTS, HOST_NET, HOST_PID = (process(1).ns[kind] for kind in ("uts", "net", "pid"))


def said(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.state, verdict.diagnosis


def answers(check: object, now: Snapshot, right: str, wrong: str, diagnosis: str, **params: str) -> None:
    """The right one passes, the wrong one is told why, none at all is asked for."""
    assert callable(check)
    assert check(view(now, answer=right), **params).passed
    assert said(check(view(now, answer=wrong), **params)) == ("missed", diagnosis)
    silent = check(view(now), **params)
    assert not silent.passed and "answer" in silent.found


MNT = process(7, ns=own("mnt"))
OURS = mount("/mnt", dev=70)


@pytest.mark.parametrize(
    ("host", "right", "wrong"),
    [
        ((*HOST_MOUNTS, OURS), "yes", "no"),
        (HOST_MOUNTS, "no", "yes"),
        ((*HOST_MOUNTS, mount("/mnt", dev=71)), "no", "yes"),
    ],
)
def test_predict_mount_seen(host, right, wrong):
    now = snapshot(MNT, mounts={1: host, 7: (*HOST_MOUNTS, OURS)})
    answers(outcomes.predict_mount_seen, now, right, wrong, "mounts-travel", target="/mnt")


def test_predict_mount_seen_wants_a_mount_in_a_namespace_of_its_own():
    check = outcomes.predict_mount_seen
    nothing = snapshot(MNT, mounts={7: HOST_MOUNTS})
    assert not check(view(nothing, answer="no"), target="/mnt").passed
    at_home = snapshot(process(7), mounts={1: (*HOST_MOUNTS, OURS)})
    assert check(view(at_home, answer="yes"), target="/mnt").diagnosis == "no-new-namespace"


@pytest.mark.parametrize(("allocated", "right", "wrong"), [(4096, "all", "nothing"), (0, "nothing", "all")])
def test_predict_copied(allocated, right, wrong):
    """With `metacopy=on` the file in upper has its size, and no blocks."""
    files = {
        "/up": {"etc/passwd": File("file", 90, allocated)},
        "/low": {"etc/passwd": File("file", 90, 4096)},
    }
    names = {"name": "etc/passwd", "upper": "/up", "lower": "/low"}
    answers(
        outcomes.predict_copied, snapshot(process(7), layers=files), right, wrong, "mode-copies-all", **names
    )
    untouched = snapshot(process(7), layers={**files, "/up": {}})
    assert outcomes.predict_copied(view(untouched, answer=right), **names).diagnosis == "nothing-copied-up"


@pytest.mark.parametrize(
    ("used", "right", "wrong"), [(90_000, "changes", "all"), (4_500_000, "all", "changes")]
)
def test_predict_space(used, right, wrong):
    now = snapshot(process(7), datasets=(dataset("tank/t1", "tank/i@x", used=used),))
    answers(outcomes.predict_space, now, right, wrong, "clone-shares", name="tank/t1")
    assert outcomes.predict_space(view(snapshot(), answer=right), name="tank/t1").diagnosis == "no-dataset"


@pytest.mark.parametrize(("frozen", "right", "wrong"), [(True, "no", "yes"), (False, "yes", "no")])
def test_predict_written(frozen, right, wrong):
    one = Subvolume("/b/mine", 260, "u", "p", frozen, 9)
    now = snapshot(process(7), subvolumes={"/b/mine": one})
    answers(outcomes.predict_written, now, right, wrong, "frozen-for-root", path="/b/mine")
    assert (
        outcomes.predict_written(view(snapshot(), answer=right), path="/b/mine").diagnosis == "no-subvolume"
    )


INSIDE_UTS = own("uts")["uts"]


@pytest.mark.parametrize(
    ("kinds", "names", "right", "wrong"),
    [
        (("mnt",), {HOST_UTS: "crate"}, "host", "container"),
        (("uts",), {HOST_UTS: "lab", INSIDE_UTS: "crate"}, "container", "host"),
    ],
)
def test_predict_renamed(kinds, names, right, wrong):
    before = snapshot(hostnames={HOST_UTS: "lab"})
    now = snapshot(process(7, ns=own(*kinds)), hostnames=names)
    check = outcomes.predict_renamed
    assert check(view(now, before=before, answer=right)).passed
    assert check(view(now, before=before, answer=wrong)).diagnosis == "name-was-the-hosts"
    same = replace(now, hostnames={HOST_UTS: "lab", INSIDE_UTS: "lab"})
    assert check(view(same, before=before, answer=right)).diagnosis == "same-name", "nobody was renamed yet"


@pytest.mark.parametrize(("kinds", "right", "wrong"), [(("mnt",), "host", "lo"), (("net",), "lo", "host")])
def test_predict_links(kinds, right, wrong):
    one = process(7, ns=own(*kinds))
    now = snapshot(one, networks={one.ns["net"]: net(None)})
    answers(outcomes.predict_links, now, right, wrong, "links-of-the-host")


@pytest.mark.parametrize(("shows", "right", "wrong"), [(HOST_PID, "host", "own"), (99, "own", "host")])
def test_predict_ps(shows, right, wrong):
    now = snapshot(process(7, ns=own("mnt"), proc_pid_ns=shows))
    answers(outcomes.predict_ps, now, right, wrong, "proc-shows-the-host")
    bare = snapshot(process(7, ns=own("mnt"), proc_pid_ns=None))
    assert outcomes.predict_ps(view(bare, answer=right)).diagnosis == "no-proc"


@pytest.mark.parametrize(("uid", "wrong"), [(0, "1000"), (1000, "0")])
def test_predict_user(uid, wrong):
    ids = Ids((uid,) * 4, (uid,) * 4, 0, 0, 0, 0, 0, no_new_privs=False, seccomp=0, seccomp_filters=0)
    answers(outcomes.predict_user, snapshot(process(7, ids=ids)), str(uid), wrong, "nobody-in-between")


def test_a_process_that_is_gone_has_no_answer():
    gone = view(snapshot(), subject=99, answer="host")
    for check in (
        outcomes.predict_links,
        outcomes.predict_ps,
        outcomes.predict_renamed,
        outcomes.predict_user,
    ):
        assert check(gone).found == "process 99 is gone"


# -- left_out


def left_out(*kinds: str) -> Verdict:
    there: View = view(snapshot(process(7, ns=own(*kinds))))
    return namespaces.left_out(there, kind="net", kinds="mnt uts")


def test_left_out():
    assert left_out("mnt", "uts").passed and left_out("mnt", "uts", "ipc").passed
    assert left_out("mnt", "uts", "net").diagnosis == "wall-still-there"
    assert left_out("mnt").diagnosis == "namespace-missing"
    assert left_out().diagnosis == "no-new-namespace"
