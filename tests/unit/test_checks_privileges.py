"""Ids, capabilities, no_new_privs, seccomp, masks: right ways pass, and each near miss is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, mount, own, process, snapshot, view

from checks import privileges
from workshop.kernel import capabilities
from workshop.kernel.model import Ids, Process, Snapshot
from workshop.kernel.subject import candidates, subject
from workshop.kernel.verdict import Verdict

ALL = (1 << 41) - 1
ROOT = Ids((0,) * 4, (0,) * 4, 0, ALL, ALL, ALL, 0, False, 0, 0, ((0, 0, 2**32 - 1),), ((0, 0, 2**32 - 1),))
USER = replace(ROOT, uid=(1000,) * 4, gid=(1000,) * 4, cap_prm=0, cap_eff=0)
RANGE = ((0, 100000, 65536),)


def less(*names: str) -> int:
    return ALL & ~capabilities.bits(" ".join(names))


def seen(*processes: Process, host: Ids = ROOT, **given: Any) -> Snapshot:
    found = snapshot(*processes, **given)
    first = replace(found.processes[1], ids=host)
    return replace(found, processes={**found.processes, 1: first})


def judged(
    check: Any, ids: Ids | None, *, ns: dict[str, int] = HOST_NS, host: Ids = ROOT, **params: Any
) -> Verdict:
    now = seen(process(7, ids=ids, ns=ns), host=host)
    return check(view(now, before=now), **params)


# -- mapped_root

INSIDE = replace(USER, cap_prm=ALL, cap_eff=ALL, uid_map=((0, 1000, 1),), gid_map=((0, 1000, 1),))
WIDE = replace(INSIDE, uid=(100000,) * 4, uid_map=RANGE, gid_map=RANGE)
SPLIT = replace(WIDE, uid_map=((0, 100000, 1), (1, 200000, 65535)))


@pytest.mark.parametrize(("ids", "least"), [(INSIDE, 1), (WIDE, 1), (WIDE, 65536), (SPLIT, 65536)])
def test_mapped_root_passes(ids, least):
    verdict = privileges.mapped_root(view(seen(process(7, ids=ids, ns=own("user")))), ids=least)
    assert verdict.passed
    assert "/proc/7/uid_map" in [e.source for e in verdict.evidence]


@pytest.mark.parametrize(
    ("ids", "kinds", "diagnosis"),
    [
        (ROOT, (), "no-user-namespace"),
        (USER, ("mnt",), "no-user-namespace"),
        (replace(USER, uid_map=(), gid_map=()), ("user",), "no-id-map"),
        (replace(WIDE, gid_map=()), ("user",), "no-group-map"),
        (replace(ROOT, uid_map=((0, 0, 1),), gid_map=((0, 0, 1),)), ("user",), "root-is-root"),
        (replace(INSIDE, uid_map=((5, 1000, 1),)), ("user",), "nobody-is-root"),
        (replace(WIDE, uid=(0,) * 4), ("user",), "nobody-is-root"),
    ],
)
def test_mapped_root_misses(ids, kinds, diagnosis):
    verdict = judged(privileges.mapped_root, ids, ns=own(*kinds))
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


@pytest.mark.parametrize("ids", [INSIDE, replace(WIDE, gid_map=((0, 100000, 1),))])
def test_one_id_is_no_range(ids):
    now = seen(process(7, ids=ids, ns=own("user")))
    assert privileges.mapped_root(view(now), ids=65536).diagnosis == "too-few-ids"


# -- capabilities


@pytest.mark.parametrize(
    "ids",
    [
        replace(ROOT, cap_prm=less("chown"), cap_eff=less("chown"), cap_bnd=less("chown")),
        replace(ROOT, cap_prm=1 << 21, cap_eff=1 << 21, cap_bnd=1 << 21),
        replace(ROOT, cap_prm=0, cap_eff=0, cap_bnd=0),
        replace(INSIDE, cap_eff=less("chown"), cap_bnd=less("chown")),
    ],
)
def test_capabilities_dropped_passes(ids):
    assert judged(privileges.capabilities_dropped, ids, names="chown").passed


@pytest.mark.parametrize(
    ("ids", "diagnosis"),
    [
        (ROOT, "not-in-bounding"),
        (replace(ROOT, cap_eff=less("chown")), "not-in-bounding"),
        (replace(ROOT, cap_inh=less("chown")), "not-in-bounding"),
        (USER, "not-root"),
        (replace(USER, cap_bnd=less("chown")), "not-root"),
    ],
)
def test_capabilities_dropped_misses(ids, diagnosis):
    verdict = judged(privileges.capabilities_dropped, ids, names="chown")
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_root_of_a_user_namespace_is_not_the_root_that_is_meant():
    ids = replace(ROOT, cap_eff=less("chown"), cap_bnd=less("chown"))
    assert judged(privileges.capabilities_dropped, ids, names="chown").passed
    verdict = judged(privileges.capabilities_dropped, ids, ns=own("user"), names="chown")
    assert verdict.diagnosis == "not-real-root"


def test_the_one_that_is_left_is_named():
    ids = replace(ROOT, cap_eff=less("chown", "net_admin"), cap_bnd=less("chown", "net_admin"))
    verdict = judged(privileges.capabilities_dropped, ids, names="chown net_admin mknod")
    assert verdict.found == "it still has mknod"


def test_what_the_machine_lacks_cannot_be_dropped():
    host = replace(ROOT, cap_bnd=less("mknod"))
    assert judged(privileges.capabilities_dropped, host, host=host, names="mknod").state == "unsupported"


@pytest.mark.parametrize("names", [capabilities.DOCKER, "chown kill", ""])
def test_capabilities_within_passes(names):
    held = capabilities.bits(names)
    ids = replace(ROOT, cap_bnd=held, cap_eff=held)
    assert judged(privileges.capabilities_within, ids, names=capabilities.DOCKER).passed


@pytest.mark.parametrize(
    "ids",
    [
        ROOT,
        replace(ROOT, cap_eff=capabilities.bits(capabilities.DOCKER)),
        replace(ROOT, cap_bnd=capabilities.bits(capabilities.DOCKER + " sys_admin")),
    ],
)
def test_capabilities_within_misses(ids):
    verdict = judged(privileges.capabilities_within, ids, names=capabilities.DOCKER)
    assert verdict.diagnosis == "not-in-bounding"


def test_names_and_bits_are_each_others_inverse():
    assert capabilities.bits("chown sys_admin") == 1 | 1 << 21
    assert capabilities.names(1 | 1 << 21 | 1 << 60) == ("chown", "sys_admin", "60")
    assert capabilities.bits(capabilities.DOCKER) == 0xA80425FB


# -- no_new_privs, seccomp


@pytest.mark.parametrize("ids", [USER, replace(INSIDE, uid=(5,) * 4)])
def test_no_new_privs_passes(ids):
    ids = replace(ids, no_new_privs=True)
    assert judged(privileges.no_new_privs, ids).passed
    assert judged(privileges.no_new_privs, ids, unprivileged=True).passed


@pytest.mark.parametrize(
    ("ids", "diagnosis"),
    [
        (USER, "privileges-can-grow"),
        (ROOT, "privileges-can-grow"),
        (replace(ROOT, no_new_privs=True), "still-root"),
    ],
)
def test_no_new_privs_misses(ids, diagnosis):
    assert judged(privileges.no_new_privs, ids, unprivileged=True).diagnosis == diagnosis


def test_no_new_privs_of_the_whole_machine_prove_nothing():
    host = replace(ROOT, no_new_privs=True)
    assert judged(privileges.no_new_privs, host, host=host).state == "unsupported"


FILTERED = replace(ROOT, seccomp=2, seccomp_filters=1)


@pytest.mark.parametrize(
    ("ids", "host"),
    [
        (FILTERED, ROOT),
        (replace(USER, seccomp=2, seccomp_filters=3, no_new_privs=True), ROOT),
        (replace(FILTERED, seccomp_filters=2), FILTERED),
    ],
)
def test_seccomp_filter_passes(ids, host):
    assert judged(privileges.seccomp_filter, ids, host=host).passed


@pytest.mark.parametrize(
    ("ids", "host"), [(ROOT, ROOT), (replace(ROOT, seccomp=1), ROOT), (FILTERED, FILTERED)]
)
def test_seccomp_filter_misses(ids, host):
    assert judged(privileges.seccomp_filter, ids, host=host).diagnosis == "no-filter"


def answered(ids: Ids, answer: str | None, name: str = "lab") -> Verdict:
    uts = own("uts")["uts"]
    before = replace(seen(process(7, ids=ids, ns=own("uts"))), hostnames={uts: "lab"})
    now = replace(before, hostnames={uts: name})
    return privileges.predict_refused(view(now, before=before, answer=answer), capability="sys_admin")


@pytest.mark.parametrize(("answer", "name"), [("no", "lab"), ("yes", "box")])
def test_predict_refused_passes(answer, name):
    assert answered(FILTERED, answer, name).passed


@pytest.mark.parametrize(
    ("ids", "answer", "name", "diagnosis"),
    [
        (ROOT, "no", "lab", "no-filter"),
        (replace(FILTERED, cap_eff=0), "no", "lab", "not-root"),
        (FILTERED, None, "lab", None),
        (FILTERED, "yes", "lab", "filter-comes-first"),
        (FILTERED, "no", "box", "filter-comes-first"),
    ],
)
def test_predict_refused_misses(ids, answer, name, diagnosis):
    verdict = answered(ids, answer, name)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


# -- masks

HOST = (*HOST_MOUNTS, mount("/sys", "sysfs", dev=44))
NULL = mount("/proc/keys", "devtmpfs", dev=45, root="/null")
PATHS = "/proc/keys /sys/firmware"


def mounted(*more: Any, ns: dict[str, int] | None = None, absent: tuple[str, ...] = ()) -> Any:
    mine = process(7, ns=ns or own("mnt"), ids=ROOT)
    seen_by = {7: (*HOST, *more)} if ns is None else {}
    found = seen(mine, mounts={1: HOST if ns is None else (*HOST, *more), **seen_by})
    return view(replace(found, absent=absent))


@pytest.mark.parametrize(
    "more",
    [
        (NULL, mount("/sys/firmware", dev=46)),
        (mount("/proc/keys", dev=43, root="/nothing"), mount("/sys/firmware", dev=43, root="/empty")),
        (NULL, mount("/sys", dev=46)),
    ],
)
def test_masked_passes(more):
    assert privileges.masked(mounted(*more), paths=PATHS).passed


def test_what_the_kernel_does_not_have_need_not_be_covered():
    assert privileges.masked(mounted(NULL, absent=("/sys/firmware",)), paths=PATHS).passed
    assert not privileges.masked(mounted(NULL), paths=PATHS).passed


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (mounted(), "not-covered"),
        (mounted(mount("/proc/keys", "proc", dev=42, root="/keys")), "not-covered"),
        (mounted(NULL, mount("/sys/firmware", dev=46), ns=HOST_NS), "mounted-on-host"),
        (mounted(ns=HOST_NS), "no-new-namespace"),
    ],
)
def test_masked_misses(found, diagnosis):
    verdict = privileges.masked(found, paths=PATHS)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_what_is_covered_for_the_host_as_well_is_not_for_the_process_alone():
    now = mounted(NULL, mount("/sys/firmware", dev=46))
    covered = replace(now.now, mounts={**now.now.mounts, **mounted(NULL, ns=HOST_NS).now.mounts})
    mine = replace(
        covered, mounts={**covered.mounts, **{k: v for k, v in now.now.mounts.items() if v.pid == 7}}
    )
    assert privileges.masked(replace(now, now=mine), paths=PATHS).diagnosis == "mounted-on-host"


def bound(*options: str, **fields: Any) -> Any:
    return mount("/proc/sys", "proc", dev=42, root="/sys", options=options, **fields)


@pytest.mark.parametrize(
    "more",
    [
        (bound("ro", "relatime"),),
        (mount("/proc", "proc", dev=60, options=("ro",)),),
        (mount("/proc/sys", options=("ro",)),),
    ],
)
def test_read_only_passes(more):
    assert privileges.read_only(mounted(*more), paths="/proc/sys").passed


@pytest.mark.parametrize(
    ("found", "diagnosis"),
    [
        (mounted(), "not-read-only"),
        (mounted(bound("rw")), "bind-not-read-only"),
        (mounted(bound("ro"), ns=HOST_NS), "read-only-for-all"),
    ],
)
def test_read_only_misses(found, diagnosis):
    verdict = privileges.read_only(found, paths="/proc/sys")
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_a_process_that_is_gone_is_no_error():
    gone = view(seen(), subject=99)
    for check, params in (
        (privileges.mapped_root, {}),
        (privileges.capabilities_dropped, {"names": "chown"}),
        (privileges.capabilities_within, {"names": "chown"}),
        (privileges.no_new_privs, {}),
        (privileges.seccomp_filter, {}),
        (privileges.predict_refused, {"capability": "chown"}),
        (privileges.masked, {"paths": PATHS}),
        (privileges.read_only, {"paths": PATHS}),
    ):
        assert check(gone, **params).state == "missed"


# -- who is judged


def test_a_shell_that_may_less_is_not_the_hosts_prompt():
    leftover = process(9, "sleep", ns=own("user"))
    for ids in (USER, replace(ROOT, cap_bnd=less("chown")), replace(ROOT, no_new_privs=True), FILTERED):
        assert subject(seen(process(7, ids=ids), leftover), 7) == 7
    assert subject(seen(process(7, ids=ROOT), leftover), 7) == 9


def test_candidates_are_what_a_subject_can_be():
    found = {
        p.pid: p
        for p in (process(1), process(7, "sudo"), process(8, ppid=7), process(9, ns=own("net")), process(10))
    }
    assert candidates(found, 1, [7]) == {8, 9}
