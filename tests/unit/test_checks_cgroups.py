"""Limits on both versions of cgroups: different right ways pass, and each near miss is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import mount, own, process, snapshot, view

from checks import cgroups
from workshop.kernel.model import Cgroup, Process, Snapshot
from workshop.kernel.verdict import Verdict

V1 = {"memory": "/", "cpu": "/", "pids": "/", "freezer": "/", "": "/init"}
V2 = {"": "/init"}
HOST_V1 = (
    mount("/sys/fs/cgroup/memory", "cgroup", super_options=("rw", "memory")),
    mount("/sys/fs/cgroup/unified", "cgroup2"),
)
NONE_V1 = "9223372036854771712"


def group(controller: str, path: str, *pids: int, **values: str) -> Cgroup:
    """`memory_max="20"` stands for the file memory.max."""
    return Cgroup(controller, path, pids, {name.replace("_", ".", 1): text for name, text in values.items()})


def v1_memory(path: str, limit: str, *pids: int, **values: str) -> Cgroup:
    return Cgroup("memory", path, pids, {"memory.limit_in_bytes": limit, **values})


def machine(v1: bool, *processes: Process, groups: tuple[Cgroup, ...] = ()) -> Snapshot:
    base = V1 if v1 else V2
    host = process(1, "sleep", ppid=0, start=1, cgroups=base)
    every = [replace(p, cgroups={**base, **p.cgroups}) for p in processes]
    found = snapshot(host, *every, mounts={1: HOST_V1 if v1 else (mount("/sys/fs/cgroup", "cgroup2"),)})
    return replace(found, cgroups=groups)


def said(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.state, verdict.diagnosis


# -- limits, and who is under them


@pytest.mark.parametrize(
    ("v1", "paths", "groups"),
    [
        (True, {"memory": "/box"}, (v1_memory("/box", "20971520", 7),)),
        (False, {"": "/box"}, (group("", "/box", 7, memory_max="20971520"),)),
        (True, {"memory": "/a/b"}, (v1_memory("/a", "20971520"), v1_memory("/a/b", NONE_V1, 7))),
        (
            False,
            {"": "/a/b"},
            (group("", "/a", memory_max="9000000"), group("", "/a/b", 7, memory_max="max")),
        ),
    ],
)
def test_memory_limit_passes(v1: bool, paths: dict[str, str], groups: tuple[Cgroup, ...]) -> None:
    now = machine(v1, process(7, cgroups=paths), process(8, "sleep", ppid=7, cgroups=paths), groups=groups)
    assert cgroups.memory_limit(view(now), at_most="20M").passed


@pytest.mark.parametrize(
    ("mine", "childs", "groups", "diagnosis"),
    [
        ("/", "/", (), "no-limit"),
        ("/box", "/box", (v1_memory("/box", NONE_V1, 7),), "no-limit"),
        ("/", "/", (v1_memory("/box", "20971520"),), "limit-without-members"),
        ("/box", "/box", (v1_memory("/box", "209715200", 7),), "limit-too-high"),
        ("/box", "/", (v1_memory("/box", "20971520", 7),), "child-left-behind"),
        ("/box", "/box", (v1_memory("/box", "0", 7),), "limit-too-low"),
        ("/boxes", "/boxes", (v1_memory("/box", "1"), v1_memory("/boxes", NONE_V1)), "limit-without-members"),
    ],
)
def test_memory_limit_misses(mine: str, childs: str, groups: tuple[Cgroup, ...], diagnosis: str) -> None:
    child = process(8, "sleep", ppid=7, cgroups={"memory": childs})
    now = machine(True, process(7, cgroups={"memory": mine}), child, groups=groups)
    verdict = cgroups.memory_limit(view(now), at_most="20M")
    assert said(verdict) == ("missed", diagnosis)
    assert verdict.evidence[0].source.startswith("/proc/")


def test_evidence_stands_where_the_controller_is_mounted() -> None:
    box = v1_memory("/box", "20971520", 7)
    now = machine(True, process(7, cgroups={"memory": "/box"}), groups=(box,))
    sources = [e.source for e in cgroups.memory_limit(view(now), at_most="20M").evidence]
    assert sources == ["/proc/7/cgroup", "/sys/fs/cgroup/memory/box/memory.limit_in_bytes"]


def test_the_dead_need_no_limit_and_a_whole_pid_namespace_does() -> None:
    box = group("", "/box", 7, memory_max="20971520")
    inner = own("pid")
    first = process(7, ns=inner, nspids=(7, 1), cgroups={"": "/box"})
    dead = process(8, "true", ppid=7, state="Z", ns={}, cgroups={"": "/"})
    assert cgroups.memory_limit(view(machine(False, first, dead, groups=(box,))), at_most="20M").passed
    entered = process(9, "sh", ppid=1, ns=inner, nspids=(9, 5), cgroups={"": "/init"})
    verdict = cgroups.memory_limit(view(machine(False, first, entered, groups=(box,))), at_most="20M")
    assert said(verdict) == ("missed", "child-left-behind")


@pytest.mark.parametrize("limit", ["50000 100000", "10000 100000", "500000 1000000"])
def test_cpu_limit_passes(limit: str) -> None:
    now = machine(False, process(7, cgroups={"": "/box"}), groups=(group("", "/box", 7, cpu_max=limit),))
    assert cgroups.cpu_limit(view(now), percent=50).passed


def test_cpu_limit_of_version_1() -> None:
    values = {"cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "50000"}
    boxed = process(7, cgroups={"cpu": "/box"})
    now = machine(True, boxed, groups=(Cgroup("cpu", "/box", (7,), values),))
    assert cgroups.cpu_limit(view(now), percent=50).passed
    assert cgroups.cpu_limit(view(now), percent=30).diagnosis == "limit-too-high"
    elsewhere = machine(True, process(7, cgroups={"memory": "/box"}), groups=now.cgroups)
    assert cgroups.cpu_limit(view(elsewhere), percent=50).diagnosis == "limit-without-members"


@pytest.mark.parametrize(
    ("v1", "values"),
    [
        (False, {"cpu.max": "max 100000", "cpu.weight": "10"}),
        (True, {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000", "cpu.shares": "2"}),
    ],
)
def test_a_weight_is_no_limit(v1: bool, values: dict[str, str]) -> None:
    name = "cpu" if v1 else ""
    now = machine(v1, process(7, cgroups={name: "/box"}), groups=(Cgroup(name, "/box", (7,), values),))
    assert cgroups.cpu_limit(view(now), percent=50).diagnosis == "weight-is-no-limit"


def test_pids_limit() -> None:
    now = machine(False, process(7, cgroups={"": "/box"}), groups=(group("", "/box", 7, pids_max="20"),))
    assert cgroups.pids_limit(view(now), at_most=20).passed
    assert cgroups.pids_limit(view(now), at_most=19).diagnosis == "limit-too-high"


# -- the effects


def oom(v1: bool, kills: int, hits: int) -> Snapshot:
    if v1:
        values = {"memory.oom_control": f"under_oom 0\noom_kill {kills}", "memory.failcnt": str(hits)}
        return machine(True, groups=(v1_memory("/box", "20", **values),))
    return machine(False, groups=(group("", "/box", memory_events=f"max {hits}\noom_kill {kills}"),))


@pytest.mark.parametrize("v1", [True, False])
def test_oom_killed(v1: bool) -> None:
    quiet, killed, held = oom(v1, 0, 0), oom(v1, 1, 9), oom(v1, 0, 9)
    assert cgroups.oom_killed(view(killed, before=quiet)).passed
    assert cgroups.oom_killed(view(killed, before=machine(v1))).passed, "the group is new"
    assert cgroups.oom_killed(view(killed, before=killed)).diagnosis == "no-oom-kill"
    assert cgroups.oom_killed(view(held, before=quiet)).diagnosis == "limit-held"


def stat(v1: bool, quota: bool, count: int) -> Snapshot:
    limit = {"cpu.cfs_quota_us": "50000" if quota else "-1", "cpu.cfs_period_us": "100000"}
    if not v1:
        limit = {"cpu.max": "50000 100000" if quota else "max 100000"}
    values = {**limit, "cpu.stat": f"nr_periods 9\nnr_throttled {count}"}
    return machine(v1, groups=(Cgroup("cpu" if v1 else "", "/box", (), values),))


@pytest.mark.parametrize("v1", [True, False])
def test_throttled(v1: bool) -> None:
    assert cgroups.throttled(view(stat(v1, True, 3), before=machine(v1))).passed
    assert cgroups.throttled(view(stat(v1, True, 3), before=stat(v1, True, 2))).passed
    assert cgroups.throttled(view(stat(v1, True, 3), before=stat(v1, True, 3))).diagnosis == "never-busy"
    assert cgroups.throttled(view(stat(v1, False, 0), before=machine(v1))).diagnosis == "no-limit"


def bomb(limit: str, refused: int, *pids: int, v1: bool = True) -> Snapshot:
    name = "pids" if v1 else ""
    inside = [process(pid, cgroups={name: "/bomb"}) for pid in pids]
    groups = (Cgroup(name, "/bomb", pids, {"pids.max": limit, "pids.events": f"max {refused}"}),)
    return machine(v1, *inside, groups=groups)


@pytest.mark.parametrize("v1", [True, False])
def test_bomb_stopped(v1: bool) -> None:
    none = machine(v1)

    def judge(now: Snapshot, before: Snapshot = none) -> Verdict:
        return cgroups.bomb_stopped(view(now, before=before), at_most=30)

    assert judge(bomb("30", 7, v1=v1)).passed
    assert judge(bomb("0", 7, v1=v1)).passed, "no births any more: the way it was stopped"
    assert judge(bomb("30", 7, 50, 51, v1=v1)).diagnosis == "bomb-still-ticking"
    assert judge(bomb("30", 0, v1=v1)).diagnosis == "limit-not-reached"
    assert judge(bomb("30", 7, v1=v1), bomb("30", 7, v1=v1)).diagnosis == "limit-not-reached"
    assert judge(bomb("max", 7, v1=v1)).diagnosis == "no-limit"
    assert judge(none).diagnosis == "no-limit"


def test_zombies_and_groups_below_of_a_bomb() -> None:
    dead = process(50, state="Z", cgroups={"": "/bomb"})
    alive = process(51, cgroups={"": "/bomb/deeper"})
    hit = group("", "/bomb", 50, pids_max="30", pids_events="max 1")
    assert cgroups.bomb_stopped(view(machine(False, dead, groups=(hit,))), at_most=30).passed
    deeper = group("", "/bomb/deeper", 51, pids_max="max", pids_events="max 0")
    now = machine(False, dead, alive, groups=(hit, deeper))
    assert cgroups.bomb_stopped(view(now), at_most=30).diagnosis == "bomb-still-ticking"


def ice(v1: bool, is_frozen: bool, *pids: int, **fields: object) -> Snapshot:
    values = {"freezer.state": "FROZEN" if is_frozen else "THAWED"}
    if not v1:
        values = {"cgroup.events": f"populated 1\nfrozen {int(is_frozen)}"}
    name = "freezer" if v1 else ""
    inside = [process(pid, "sleep", cgroups={name: "/ice"}, **fields) for pid in pids]
    return machine(v1, *inside, groups=(Cgroup(name, "/ice", pids, values),))


@pytest.mark.parametrize("v1", [True, False])
def test_frozen(v1: bool) -> None:
    assert cgroups.frozen(view(ice(v1, True, 40, 41))).passed
    assert cgroups.frozen(view(ice(v1, True))).diagnosis == "frozen-but-empty"
    assert cgroups.frozen(view(ice(v1, False, 40))).diagnosis == "not-frozen"
    assert cgroups.frozen(view(ice(v1, False, 40, state="T"))).diagnosis == "stopped-not-frozen"


@pytest.mark.parametrize("v1", [True, False])
def test_all_killed(v1: bool) -> None:
    before = ice(v1, True, 40, 41)
    judge = cgroups.all_killed
    assert judge(view(machine(v1), before=before)).passed
    assert judge(view(ice(v1, True), before=before)).diagnosis == "group-left-empty", "killed in the ice"
    assert judge(view(ice(v1, False, 40, 41, state="Z"), before=before)).diagnosis == "group-left-empty"
    reused = ice(v1, False, 40, start=9999)
    assert judge(view(reused, before=before)).diagnosis == "group-left-empty", "the pid was used again"
    assert judge(view(replace(reused, cgroups=()), before=before)).passed
    assert judge(view(before, before=before)).diagnosis == "still-frozen"
    assert judge(view(ice(v1, False, 41), before=before)).diagnosis == "thawed-not-killed"
    moved = machine(v1, process(40, "sleep"))
    assert judge(view(moved, before=before)).diagnosis == "thawed-not-killed", "moved out, and alive"
    assert not judge(view(machine(v1), before=machine(v1))).passed, "nothing was frozen"


def waited(total: int, path: str = "/box") -> Snapshot:
    some = f"some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\nfull avg10=0.00 total=9999999"
    return machine(True, groups=(group("", path, cpu_pressure=some),))


def test_pressure_felt() -> None:
    assert cgroups.pressure_felt(view(waited(900_000), before=machine(True))).passed
    assert cgroups.pressure_felt(view(waited(900_000), before=waited(100_000))).passed
    assert cgroups.pressure_felt(view(waited(900_000), before=waited(850_000))).diagnosis == "no-pressure"
    assert cgroups.pressure_felt(view(machine(True))).diagnosis == "no-pressure"
    busy = waited(900_000)
    everybodys = replace(busy.processes[1], cgroups={"": busy.cgroups[-1].path})
    crowded = replace(busy, processes={**busy.processes, 1: everybodys})
    assert cgroups.pressure_felt(view(crowded, before=machine(True))).diagnosis == "no-pressure"


def nested(given: str, limit: str, *pids: int, name: str = "box") -> Snapshot:
    inside = [process(pid, "sleep", cgroups={"": f"/{name}/web"}) for pid in pids]
    parent = Cgroup("", f"/{name}", (), {"cgroup.subtree_control": given})
    values = {"memory.max": limit} if limit else {}
    return machine(False, *inside, groups=(parent, Cgroup("", f"/{name}/web", pids, values)))


@pytest.mark.parametrize("now", [nested("memory", "10485760", 40), nested("cpu memory", "1", 40, name="p")])
def test_handed_down_passes(now: Snapshot) -> None:
    assert cgroups.handed_down(view(now), controller="memory").passed


@pytest.mark.parametrize(
    ("now", "diagnosis"),
    [
        (nested("", "", 40), "not-handed-down"),
        (nested("cpu pids", "", 40), "not-handed-down"),
        (nested("memory", "max", 40), "no-limit"),
        (nested("memory", "10485760"), "limit-without-members"),
    ],
)
def test_handed_down_misses(now: Snapshot, diagnosis: str) -> None:
    assert said(cgroups.handed_down(view(now), controller="memory")) == ("missed", diagnosis)


@pytest.mark.parametrize(("v1", "right", "wrong"), [(True, "1", "2"), (False, "v2", "1")])
def test_predict_version(v1: bool, right: str, wrong: str) -> None:
    now = machine(v1)
    assert cgroups.predict_version(view(now, answer=right), controller="memory").passed
    verdict = cgroups.predict_version(view(now, answer=wrong), controller="memory")
    assert verdict.diagnosis == "other-version"
    assert not cgroups.predict_version(view(now), controller="memory").passed


# -- a limit that is taken away


def under(v1: bool, path: str, limit: str) -> Snapshot:
    where, what = ({"memory": path}, v1_memory) if v1 else ({"": path}, None)
    boxes = (
        (v1_memory("/box", limit, 7), v1_memory("/free", NONE_V1))
        if what
        else (group("", "/box", 7, memory_max=limit), group("", "/free", memory_max="max"))
    )
    return machine(v1, process(7, cgroups=where), groups=boxes)


@pytest.mark.parametrize("v1", [True, False])
def test_limit_lifted(v1: bool) -> None:
    none, before = NONE_V1 if v1 else "max", under(v1, "/box", "20971520")

    def judged(now: Snapshot, was: Snapshot = before) -> Verdict:
        return cgroups.limit_lifted(view(now, before=was), resource="memory")

    assert judged(under(v1, "/box", none)).passed
    assert said(judged(under(v1, "/free", "20971520"))) == ("missed", "left-the-group")
    assert said(judged(before)) == ("missed", "limit-still-there")
    assert said(judged(under(v1, "/box", "104857600"))) == ("missed", "limit-still-there")
    never = under(v1, "/box", none)
    assert not judged(never, never).passed, "there was none to lift"
    another = replace(before, processes={**before.processes, 7: replace(before.processes[7], start=1)})
    assert judged(under(v1, "/box", none), another).diagnosis == "process-ended"
