"""Two containers beside each other: walls counted, a gap closed, one row that flips; and the reveal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, mount, own, process, snapshot, view

from checks import comparing
from workshop.kernel import capabilities, folders
from workshop.kernel.model import Ids, Link, Network, Process, Root, Snapshot
from workshop.kernel.verdict import Verdict

ALL = (1 << 41) - 1
HOST = Ids((0,) * 4, (0,) * 4, 0, ALL, ALL, ALL, 0, False, 0, 0)
FEW = capabilities.bits("kill net_bind_service")
RUNCS = replace(HOST, cap_bnd=FEW, cap_eff=FEW, no_new_privs=True)
KINDS = ("mnt", "pid", "net", "ipc", "uts")
LO = Link(1, "lo", "loopback", True, True, 65536, "", None, None, None)
COVERED = ("/proc/keys", "/sys/firmware")
ABSENT = tuple(path for path in folders.KERNEL_FILES if path not in (*COVERED, "/proc/sys", "/sys"))


def mounts(*, masked: bool = True, read_only: bool = True) -> tuple[Any, ...]:
    ro = ("ro",) if read_only else ("rw",)
    found = [
        mount("/", "overlay", dev=60),
        mount("/proc", "proc", dev=61),
        mount("/proc/sys", "proc", dev=61, root="/sys", options=ro),
        mount("/sys", "sysfs", dev=62, options=ro),
    ]
    return (*found, *(mount(path, dev=63) for path in COVERED if masked))


def container(number: int, ids: Ids = RUNCS, *, kinds: tuple[str, ...] = KINDS, **fields: Any) -> Process:
    """The `number`th one, with namespaces that are nobody else's."""
    ns = {k: i + 100 * number if i != HOST_NS[k] else i for k, i in own(*kinds).items()}
    given = {"start": 2000 + number, "ns": ns, "nspids": (20 + number, 1), "root": Root("/", 60, number)}
    return process(20 + number, "sleep", ids=ids, proc_pid_ns=ns["pid"], **(given | fields))


def beside(*found: tuple[Process, dict[str, bool]], up: bool = True) -> Snapshot:
    tables = {1: HOST_MOUNTS, **{each.pid: mounts(**how) for each, how in found}}
    made = snapshot(*(each for each, _ in found), mounts=tables)
    networks = {each.ns["net"]: Network(each.pid, None, (replace(LO, up=up),), (), ()) for each, _ in found}
    processes = {**made.processes, 1: replace(made.processes[1], ids=HOST)}
    return replace(made, processes=processes, networks=networks, absent=ABSENT)


def walls(now: Snapshot, answer: str | None) -> Verdict:
    return comparing.predict_walls(replace(view(now), answer=answer))


FILTERED = replace(RUNCS, seccomp=2, seccomp_filters=1)
DOCKERS = replace(FILTERED, cap_bnd=capabilities.bits(capabilities.DOCKER), no_new_privs=False)
BARE: dict[str, bool] = {"masked": False, "read_only": False}


@pytest.mark.parametrize(
    ("ids", "how", "count"),
    [(RUNCS, {}, "3"), (DOCKERS, {}, "3"), (FILTERED, {}, "4"), (HOST, BARE, "0"), (HOST, {}, "1")],
)
def test_walls_are_counted(ids: Ids, how: dict[str, bool], count: str) -> None:
    now = beside((container(1, ids), how))
    verdict = walls(now, f" {count}")
    assert verdict.passed and "/proc/21/status" in [e.source for e in verdict.evidence]
    wrong = walls(now, str(int(count) + 1))
    assert (wrong.state, wrong.diagnosis) == ("missed", "walls-miscounted")
    assert "answer" in walls(now, None).found


def test_walls_are_those_of_the_newest() -> None:
    now = beside((container(1), {}), (container(2, HOST), BARE))
    assert walls(now, "0").passed
    assert walls(now, "3").diagnosis == "walls-miscounted"


def test_walls_want_a_container() -> None:
    assert walls(beside(), "3").diagnosis == "process-ended"
    on_host_root = container(1, root=Root("/", 41, 2))
    assert not walls(beside((on_host_root, {})), "3").passed


def keeps_up(*found: tuple[Process, dict[str, bool]], up: bool = True) -> Verdict:
    return comparing.keeps_up(view(beside(*found, up=up)))


@pytest.mark.parametrize("ids", [RUNCS, FILTERED])
def test_keeps_up(ids: Ids) -> None:
    assert keeps_up((container(1), {}), (container(2, HOST), BARE), (container(3, ids), {})).passed


@pytest.mark.parametrize(
    ("second", "how", "row"),
    [
        (container(2, HOST), BARE, "capabilities"),
        (container(2, replace(RUNCS, no_new_privs=False)), {}, "no_new_privs"),
        (container(2), {"masked": False}, "masked"),
        (container(2), {"read_only": False}, "read-only"),
        (container(2, kinds=("mnt", "pid", "net", "ipc")), {}, "uts"),
    ],
)
def test_behind(second: Process, how: dict[str, bool], row: str) -> None:
    verdict = keeps_up((container(1), {}), (second, how))
    assert verdict.diagnosis == "behind" and row in verdict.found


def test_one_alone_keeps_up_with_nobody() -> None:
    assert keeps_up((container(1), {})).diagnosis == "process-ended"


def one_row(row: str, *found: tuple[Process, dict[str, bool]], gained: bool = False) -> Verdict:
    return comparing.one_row(view(beside(*found)), row=row, gained=gained)


WITHOUT = replace(RUNCS, no_new_privs=False)


def test_one_row_flips() -> None:
    theirs, bare = (container(1), {}), (container(2, HOST), BARE)
    assert one_row("no_new_privs", theirs, (container(2, WITHOUT), {})).passed
    assert one_row("no_new_privs", theirs, bare, (container(3, WITHOUT), {})).passed
    assert one_row("masked", theirs, (container(2), {"masked": False})).passed
    assert one_row("seccomp", theirs, bare, (container(3, FILTERED), {}), gained=True).passed


@pytest.mark.parametrize(
    ("second", "how", "diagnosis"),
    [
        (container(2), {}, "row-unchanged"),
        (container(2), {"masked": False}, "row-unchanged"),
        (container(2, WITHOUT), {"masked": False}, "more-than-one-row"),
        (container(2, HOST), BARE, "more-than-one-row"),
    ],
)
def test_another_row_or_more(second: Process, how: dict[str, bool], diagnosis: str) -> None:
    assert one_row("no_new_privs", (container(1), {}), (second, how)).diagnosis == diagnosis


def test_the_other_way_round_is_another_thing() -> None:
    verdict = one_row("no_new_privs", (container(1, WITHOUT), {}), (container(2), {}))
    assert verdict.diagnosis == "more-than-one-row" and "other way round" in verdict.found


@pytest.mark.parametrize(
    ("inode", "truth", "lie"),
    [(4026531836, "yes", "no"), (4026532999, "no", "yes")],
)
def test_the_machines_first_pid_namespace(inode: int, truth: str, lie: str) -> None:
    found = snapshot(process(7))
    host = found.processes[1]
    now = replace(found, processes={**found.processes, 1: replace(host, ns={**host.ns, "pid": inode})})

    def said(answer: str | None) -> Verdict:
        return comparing.predict_first_pid_namespace(replace(view(now), answer=answer))

    assert said(truth).passed and said(truth.upper()).passed
    assert said(lie).diagnosis == "pid-one-of-many"
    assert said(None).state == "missed"


def test_the_number_is_the_kernels() -> None:
    """`/proc/self/ns/pid` of a machine that is none of anybody's containers says it."""
    assert comparing.FIRST_PID_NAMESPACE == 4026531836
