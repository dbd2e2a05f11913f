"""Host names, keys and queues: right ways and near misses."""

from __future__ import annotations

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, mount, own, process, snapshot, view

from checks import names
from workshop.kernel.model import Ipc

UTS, IPC = own("uts")["uts"], own("ipc")["ipc"]
HOST_UTS, HOST_IPC = HOST_NS["uts"], HOST_NS["ipc"]
NAMES = {HOST_UTS: "lab", UTS: "box"}
BEFORE = snapshot(process(7, ns=own("uts")), hostnames={HOST_UTS: "lab", UTS: "box"})
SHELL = process(7, ns=own("uts"))
EMPTY = {HOST_IPC: Ipc(1, mqueue=(0, 20)), IPC: Ipc(7, mqueue=(0, 70))}
MQUEUE, SHM = mount("/dev/mqueue", "mqueue", dev=20), mount("/dev/shm", dev=21)
AT_HOME = (*HOST_MOUNTS, MQUEUE, SHM)


# -- own_hostname


@pytest.mark.parametrize("kinds", [("uts",), ("uts", "pid", "mnt")])
def test_own_hostname_passes(kinds):
    now = snapshot(process(7, ns=own(*kinds)), hostnames=NAMES)
    assert names.own_hostname(view(now, before=snapshot(hostnames={HOST_UTS: "lab"})), name="box").passed
    assert names.own_hostname(view(now)).passed


@pytest.mark.parametrize(
    ("ns", "hostnames", "diagnosis"),
    [
        (HOST_NS, {HOST_UTS: "box"}, "host-renamed"),
        (own("uts"), {HOST_UTS: "box", UTS: "crate"}, "host-renamed"),
        (own("uts"), {HOST_UTS: "lab", UTS: "lab"}, "same-name"),
        (own("uts"), {HOST_UTS: "lab", UTS: "crate"}, "other-name"),
        (HOST_NS, {HOST_UTS: "lab"}, "no-new-namespace"),
        (own("pid"), {HOST_UTS: "lab"}, "namespace-missing"),
    ],
)
def test_own_hostname_misses(ns, hostnames, diagnosis):
    now = snapshot(process(7, ns=ns), hostnames=hostnames)
    verdict = names.own_hostname(view(now, before=snapshot(hostnames={HOST_UTS: "lab"})), name="box")
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_a_process_that_is_gone():
    for check in (names.own_hostname, names.renamed_from_outside, names.own_ipc_object, names.own_queue):
        assert check(view(snapshot(), subject=99)).found == "process 99 is gone"
    assert not names.own_shm(view(snapshot(), subject=99)).passed
    assert not names.predict_segment_seen(view(snapshot(), subject=99)).passed


# -- renamed_from_outside


def renamed(entered, inside="crate", host="lab", *others):
    return snapshot(SHELL, entered, *others, hostnames={HOST_UTS: host, UTS: inside})


@pytest.mark.parametrize("parent", [8, 1])
def test_renamed_from_outside_passes(parent):
    entered = process(9, ppid=parent, ns=own("uts"))
    now = renamed(entered, "crate", "lab", process(8))
    assert names.renamed_from_outside(view(now, 9, before=BEFORE)).passed


@pytest.mark.parametrize(
    ("now", "subject", "diagnosis"),
    [
        (renamed(process(9, ppid=8, ns=own("uts")), inside="box"), 9, "same-name"),
        (renamed(process(9, ppid=8, ns=own("uts", "ipc"))), 9, "other-namespaces"),
        (renamed(process(9, ppid=8, ns={**HOST_NS, "uts": 5})), 9, "not-joined"),
        (renamed(process(9, ppid=8), host="crate"), 9, "host-renamed"),
        (renamed(process(9, ppid=8)), 7, "from-inside"),
        (renamed(process(9, ppid=7, ns=own("uts"))), 9, "from-inside"),
    ],
)
def test_renamed_from_outside_misses(now, subject, diagnosis):
    assert names.renamed_from_outside(view(now, subject, before=BEFORE)).diagnosis == diagnosis


# -- predict_segment_seen, own_ipc_object


def segment(ns, where, before=None):
    held = {**EMPTY, where: Ipc(7, shm={0: 42})}
    return snapshot(process(7, ns=ns), ipc=held), before or snapshot(ipc=EMPTY)


@pytest.mark.parametrize(
    ("ns", "where", "answer"),
    [(own("uts"), HOST_IPC, "yes"), (own("uts", "ipc"), IPC, "no"), (own("uts"), HOST_IPC, " Yes")],
)
def test_predict_segment_seen_passes(ns, where, answer):
    now, before = segment(ns, where)
    assert names.predict_segment_seen(view(now, before=before, answer=answer)).passed


def test_predict_segment_seen_misses():
    check = names.predict_segment_seen
    now, before = segment(own("uts"), HOST_IPC)
    assert check(view(now, before=before, answer="no")).diagnosis == "keys-are-ipc"
    assert not check(view(now, before=before)).passed
    assert check(view(now, before=now, answer="yes")).diagnosis == "nothing-made"
    at_home, before = segment(HOST_NS, HOST_IPC)
    assert check(view(at_home, before=before, answer="yes")).diagnosis == "no-new-namespace"


@pytest.mark.parametrize("kinds", [("ipc",), ("ipc", "uts", "mnt")])
def test_own_ipc_object_passes(kinds):
    now, before = segment(own(*kinds), IPC)
    assert names.own_ipc_object(view(now, before=before)).passed
    queue = snapshot(process(7, ns=own(*kinds)), ipc={**EMPTY, IPC: Ipc(7, msg={3: 0})})
    assert names.own_ipc_object(view(queue), kind="msg").passed


def test_own_ipc_object_misses():
    check = names.own_ipc_object
    now, before = segment(own("ipc"), HOST_IPC)
    assert check(view(now, before=before)).diagnosis == "made-on-host"
    assert check(view(now, before=now)).diagnosis == "nothing-made"
    now, before = segment(own("uts"), HOST_IPC)
    assert check(view(now, before=before)).diagnosis == "made-on-host"
    assert check(view(now, before=now)).diagnosis == "namespace-missing"
    semaphores = snapshot(process(7, ns=own("ipc")), ipc={**EMPTY, IPC: Ipc(7, sem={0: 1})})
    assert check(view(semaphores)).diagnosis == "nothing-made"


# -- own_queue, own_shm


def queues(kinds, *entries, queue=("mine",), home=AT_HOME):
    held = {**EMPTY, IPC: Ipc(7, queues=queue, mqueue=(0, 70))}
    inside = process(7, ns=own(*kinds))
    seen = {1: home} if "mnt" not in kinds else {1: home, 7: (*AT_HOME, *entries)}
    return snapshot(inside, ipc=held, mounts=seen)


OURS = mount("/dev/mqueue", "mqueue", dev=70)


@pytest.mark.parametrize("kinds", [("ipc", "mnt"), ("ipc", "mnt", "pid", "uts")])
def test_own_queue_passes(kinds):
    assert names.own_queue(view(queues(kinds, OURS))).passed
    assert names.own_queue(view(queues(kinds, OURS, queue=("a", "b")))).passed


@pytest.mark.parametrize(
    ("now", "diagnosis"),
    [
        (queues(("ipc", "mnt")), "old-mqueue"),
        (queues(("ipc",), home=(*AT_HOME, OURS)), "mqueue-over-host"),
        (queues(("ipc", "mnt"), OURS, home=(*AT_HOME, OURS)), "mqueue-over-host"),
        (queues(("ipc", "mnt"), OURS, queue=()), "nothing-made"),
        (queues(("ipc", "mnt"), OURS, mount("/dev/mqueue", dev=9)), None),
        (queues(("mnt",), OURS), "namespace-missing"),
    ],
)
def test_own_queue_misses(now, diagnosis):
    verdict = names.own_queue(view(now))
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_own_queue_where_the_kernel_does_not_tell():
    now = snapshot(process(7, ns=own("ipc")), ipc={HOST_IPC: Ipc(1), IPC: Ipc(7)})
    assert names.own_queue(view(now)).state == "unsupported"


def shm(kinds, *entries, home=AT_HOME):
    seen = {1: home} if "mnt" not in kinds else {1: home, 7: (*AT_HOME, *entries)}
    return snapshot(process(7, ns=own(*kinds)), mounts=seen)


@pytest.mark.parametrize("fstype", ["tmpfs", "ramfs"])
def test_own_shm_passes(fstype):
    before = snapshot(mounts={1: AT_HOME})
    assert names.own_shm(view(shm(("mnt",), mount("/dev/shm", fstype, dev=77)), before=before)).passed


@pytest.mark.parametrize(
    ("now", "diagnosis"),
    [
        (shm(("mnt", "ipc")), "shm-is-a-mount"),
        (shm(("ipc",), home=(*AT_HOME, mount("/dev/shm", dev=77))), "mounted-on-host"),
        (shm(("mnt",), mount("/dev/shm", dev=43, root="/shm")), "mount-leaks"),
        (shm(("ipc",)), "namespace-missing"),
        (shm(()), "no-new-namespace"),
    ],
)
def test_own_shm_misses(now, diagnosis):
    verdict = names.own_shm(view(now, before=snapshot(mounts={1: AT_HOME})))
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)
