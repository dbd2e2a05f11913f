"""The same questions inside and outside: what is asked, whose answer it is, and how it looks."""

from __future__ import annotations

from io import StringIO

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, mount, own, process, snapshot
from network_builders import link, net

from workshop.kernel.model import Cgroup, Ids, Process, Root, Snapshot
from workshop.kernel.sides import MOST, NOT_THERE, Question, Row, sides
from workshop.render.sides import sides as render
from workshop.render.theme import ASCII, UNICODE, Signs
from workshop.ui.console import console

FULL = (1 << 41) - 1
MINE = own("pid", "mnt", "uts", "net", "user")


def ids(uid: int, caps: int = FULL, rows: tuple[tuple[int, int, int], ...] = ((0, 0, 1 << 32),)) -> Ids:
    return Ids((uid,) * 4, (uid,) * 4, 0, caps, caps, FULL, 0, False, 0, 0, rows, rows)


def contained(**more: object) -> Snapshot:
    """`unshare`, on the host, and `bash` with `ps` in its container."""
    inside: dict[str, object] = {"ns": MINE, "proc_pid_ns": MINE["pid"], "root": Root("/", 50, 3)}
    host = process(1, "sleep", ppid=0, start=1, ids=ids(0))
    bash = process(7, ppid=6, nspids=(7, 1), ids=ids(1000, 3, ((0, 1000, 1),)), **inside)
    ps = process(8, "ps", ppid=7, nspids=(8, 2), **inside)
    given = {
        "mounts": {1: HOST_MOUNTS, 7: (mount("/", "overlay", dev=44), mount("/proc", "proc", dev=90))},
        "hostnames": {HOST_NS["uts"]: "lab", MINE["uts"]: "box"},
        "networks": {
            HOST_NS["net"]: net(None, link(2, "br0", "bridge"), pid=1, addresses={2: "10.0.0.1/24"}),
            MINE["net"]: net(None, pid=7),
        },
    }
    return snapshot(host, process(6, "unshare"), bash, ps, **(given | more))  # type: ignore[arg-type]


def asked(title: str, now: Snapshot | None = None, pid: int = 7) -> Question:
    return next(q for q in sides(now or contained(), pid) if q.title == title)


def row(question: Question, what: str) -> Row:
    return next(row for row in question.rows if row.what == what)


def test_processes_have_the_numbers_of_those_who_look() -> None:
    found = asked("Processes")
    assert row(found, "how many") == Row("how many", "2", "4")
    assert row(found, "bash") == Row("bash", "1", "7") and row(found, "ps") == Row("ps", "2", "8")
    assert row(found, "unshare").inside == NOT_THERE
    assert not found.shared


def test_an_old_proc_shows_the_host() -> None:
    """A new pid namespace alone changes nothing of what `ps` says."""
    bash = process(7, ns=own("pid"), nspids=(7, 1), proc_pid_ns=HOST_NS["pid"])
    found = asked("Processes", snapshot(bash))
    assert found.shared and all(row.same for row in found.rows)


def test_no_proc_no_answer() -> None:
    bash = process(7, ns=own("pid"), nspids=(7, 1), proc_pid_ns=None)
    assert "cannot tell" in row(asked("Processes", snapshot(bash)), "how many").inside


def test_who_is_in_a_namespace_below_is_seen() -> None:
    deeper = process(9, ppid=7, ns={**MINE, "pid": 77}, nspids=(9, 3, 1), proc_pid_ns=77)
    now = contained()
    now = snapshot(*now.processes.values(), deeper)
    assert row(asked("Processes", now), "how many").inside == "3"
    assert row(asked("Processes", now, 9), "how many").inside == "1"


def test_mounts_are_told_by_what_is_mounted() -> None:
    found = asked("Mounts")
    assert row(found, "/").inside.endswith("device 0:44") and row(found, "/").outside.endswith("device 0:41")
    assert row(found, "/lab").inside == NOT_THERE
    assert row(found, "how many") == Row("how many", "2", "3")


def test_names_and_links() -> None:
    assert row(asked("Host name"), "name") == Row("name", "box", "lab")
    links = asked("Links")
    assert row(links, "br0") == Row("br0", NOT_THERE, "up 10.0.0.1/24")
    assert row(links, "lo").same


def test_ids_are_those_of_the_user_namespace() -> None:
    found = asked("Ids")
    assert row(found, "uid, gid") == Row("uid, gid", "0, 0", "0, 0")
    assert row(found, "seen from the host") == Row("seen from the host", "1000, 1000", "0, 0")
    assert row(found, "capabilities") == Row("capabilities", "2 of 41", "all")


def test_an_id_without_a_mapping_is_nobody() -> None:
    bash = process(7, ns=MINE, ids=ids(1000, rows=()))
    now = snapshot(process(1, ppid=0, start=1, ids=ids(0)), bash)
    assert row(asked("Ids", now), "uid, gid").inside == "65534, 65534"


@pytest.mark.parametrize(
    ("groups", "what", "limit"),
    [
        ((Cgroup("", "/box", (7,), {"memory.max": "20971520"}),), "memory", "20M"),
        (
            (
                Cgroup("", "/box", (7,), {"memory.max": "max", "pids.max": "9"}),
                Cgroup("", "/box/in", (7,), {"memory.max": "41943040", "pids.max": "20"}),
            ),
            "processes",
            "9",
        ),
        ((Cgroup("", "/box/in", (7,), {"cpu.max": "20000 100000"}),), "processors", "20% of one"),
        ((Cgroup("", "/boxes", (7,), {"memory.max": "1"}),), "memory", "no limit"),
        ((Cgroup("", "/box", (7,), {"cpu.max": "max 100000"}),), "processors", "no limit"),
    ],
)
def test_the_tightest_limit_on_the_way_up_counts(groups: tuple[Cgroup, ...], what: str, limit: str) -> None:
    now = snapshot(process(7, cgroups={"": "/box/in"}), cgroups=groups)
    assert row(asked("Limits", now), what) == Row(what, limit, "no limit")


def test_v1_has_limits_of_its_own() -> None:
    groups = (
        Cgroup("memory", "/box", (7,), {"memory.limit_in_bytes": "20971520"}),
        Cgroup("cpu", "/box", (7,), {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}),
        Cgroup("pids", "/other", (), {"pids.max": "3"}),
    )
    now = snapshot(process(7, cgroups={"memory": "/box", "cpu": "/box", "pids": "/box"}), cgroups=groups)
    found = asked("Limits", now)
    assert (row(found, "memory").inside, row(found, "processors").inside) == ("20M", "50% of one")
    assert row(found, "processes").inside == "no limit"
    whole = (Cgroup("memory", "/box", (7,), {"memory.limit_in_bytes": "9223372036854771712"}),)
    now = snapshot(process(7, cgroups={"memory": "/box"}), cgroups=whole)
    assert row(asked("Limits", now), "memory").inside == "no limit"


def test_more_than_one_wants_to_read_is_counted() -> None:
    crowd: tuple[Process, ...] = tuple(process(pid) for pid in range(100, 130))
    found = asked("Processes", snapshot(process(7), *crowd))
    assert len(found.rows) == MOST and found.left == 32 + 1 - MOST


def shown(width: int, signs: Signs = UNICODE) -> str:
    screen = StringIO()
    console(screen, width=width).print(render(sides(contained(), 7), "bash (7)", signs))
    return screen.getvalue()


def test_side_by_side_and_one_below_the_other() -> None:
    wide, narrow = shown(80), shown(40)
    assert max(map(len, wide.splitlines())) <= 80 and max(map(len, narrow.splitlines())) <= 40
    line = next(line for line in wide.splitlines() if "name " in line and "box" in line)
    assert line.split() == ["name", "box", "lab", "≠", "differs"]
    assert "inside   box" in narrow and "outside  lab" in narrow


def test_differences_are_words_too() -> None:
    assert shown(80, ASCII).isascii()
    assert "≠" not in shown(80, ASCII) and "!= differs" in shown(80, ASCII) and "= same" in shown(80, ASCII)
