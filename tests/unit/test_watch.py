"""Looking on: what is drawn, how it fits the screen, what keys do, and when a look is worth its while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, mount, own, process, snapshot
from network_builders import link, net

from workshop import beacon
from workshop.beacon import Beacon
from workshop.kernel.cgroupfs import Hierarchy
from workshop.kernel.model import Cgroup, Root, Snapshot
from workshop.kernel.procfs import read_stat
from workshop.kernel.usage import Usage, usage
from workshop.render.theme import ASCII, UNICODE
from workshop.render.watch import TITLES, Picture, panels
from workshop.ui.console import console
from workshop.ui.watch import ANEW, NOBODY, Watch, press, rows

OVERLAY = mount(
    "/",
    "overlay",
    dev=60,
    source="overlay",
    super_options=("rw", "lowerdir=/lab/app:/lab/base", "upperdir=/lab/up", "workdir=/lab/work"),
)


def lab() -> Snapshot:
    mine = own("mnt", "pid", "net")
    bash = process(7, ppid=6, ns=mine, nspids=(7, 1), root=Root("/", 60, 3), cgroups={"": "/box/web"})
    groups = (
        Cgroup("", "/box", (), {"memory.max": "20971520", "pids.max": "10"}),
        Cgroup("", "/box/web", (7,), {"cpu.max": "20000 100000", "cgroup.freeze": "1"}),
    )
    networks = {HOST_NS["net"]: net(None, link(2, "br0", "bridge"), pid=1), mine["net"]: net(None, pid=7)}
    mounts = {1: HOST_MOUNTS, 7: (OVERLAY, mount("/proc", "proc", dev=61), HOST_MOUNTS[2])}
    return snapshot(process(6, "unshare"), bash, mounts=mounts, cgroups=groups, networks=networks)


def drawn(now: Snapshot | None = None, pid: int = 7) -> list[str]:
    used = {"/box": Usage(12 << 20, 3, 1.0), "/box/web": Usage(4096, 1, 0.5)}
    found = []
    for panel in panels(Picture(now or lab(), pid, used, {"/box/web": 0.19}), UNICODE):
        screen = StringIO()
        console(screen, width=80).print(panel)
        found.append("".join(f"{line.rstrip()}\n" for line in screen.getvalue().splitlines()))
    return found


def test_namespaces_and_who_is_in_them() -> None:
    text = drawn()[0]
    assert f"pid\n  host: sleep 1, unshare 6\n  {own('pid')['pid']}: bash 7 (1 inside)\n" in text
    assert "cgroup ipc time user uts: the host's, for all 3" in text


def test_without_a_container_everybody_is_in_the_hosts() -> None:
    text = drawn(snapshot(process(7)), 7)[0]
    assert text == "all kinds: the host's, for all 2\n  sleep 1, bash 7\n"


def test_groups_with_what_they_use_of_what_they_may() -> None:
    text = drawn()[1]
    assert "box  memory 12.0M of 20M · pids 3 of 10\n" in text
    assert "   web  memory 0.0M · pids 1 · cpu 19% of 20% of one · frozen · bash 7\n" in text


def test_mounts_are_layers() -> None:
    text = drawn()[2]
    stack = "/  overlay\n   ├─ upper  /lab/up\n   ├─ lower  /lab/app\n   └─ lower  /lab/base\n"
    assert f"{stack}/proc  proc\n" in text
    assert "and 1 mount as on the host" in text
    assert "The host's 3 mounts." in drawn(pid=1)[2]


def test_in_a_terminal_without_unicode() -> None:
    screen = StringIO()
    for panel in panels(Picture(lab(), 7, {}, {}), ASCII):
        console(screen, width=40).print(panel)
    assert screen.getvalue().isascii()


def test_links_are_a_map() -> None:
    assert "br0 (bridge)" in drawn()[3] and "you are here" in drawn()[3]


# -- the screen ---------------------------------------------------------------------------------------------


class Seen(Watch):
    """Watches a snapshot that stands still."""

    def heading(self) -> str:
        return "3 Process trees · Become PID 1"

    def parts(self):  # type: ignore[no-untyped-def]
        return panels(Picture(lab(), 7, {}, {}), UNICODE)


def screen(watch: Watch, width: int, height: int) -> list[str]:
    found = [str(line) for line in rows(watch, console(StringIO(), width=width), height)]
    assert len(found) == height and max(map(len, found)) <= width
    return found


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 24), (120, 50), (60, 12)])
def test_all_panels_fit_every_screen(width: int, height: int) -> None:
    found = screen(Seen(UNICODE), width, height)
    assert "Become PID 1" in found[0]
    for number, title in enumerate(TITLES, 1):
        assert f"{number} {title}" in found
    assert any("more lines: key" in line for line in found) == (height < 50)


def test_one_panel_and_the_rest_of_it() -> None:
    watch = Seen(UNICODE)
    assert press(watch, b"1")
    top = screen(watch, 80, 8)
    assert "1 Namespaces" in top and "2 Groups" not in top
    assert press(watch, b"\x1b[B\x1bOB")
    assert screen(watch, 80, 8)[1] == top[3]
    press(watch, b"\x1b[B" * 50)
    assert "for all 3" in "\n".join(screen(watch, 80, 8)), "not beyond the end"
    assert press(watch, b"\x1b[A") and press(watch, b"\x1b[C") and watch.panel == 2 and watch.offset == 0
    assert press(watch, b"\x1b[D\x1b[D") and watch.panel in (0, 1)
    assert press(watch, b"0") and watch.panel == 0


@pytest.mark.parametrize("key", [b"q", b"Q", b"\x03", b"\x04"])
def test_q_ends(key: bytes) -> None:
    assert not press(Seen(UNICODE), key)


@pytest.mark.parametrize("key", [b"x", b"\x1b", b"\x1b[5~", b"\xff", b"7"])
def test_other_keys_do_no_harm(key: bytes) -> None:
    assert press(Seen(UNICODE), key)


# -- finding a lab ------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(beacon, "home", lambda: tmp_path)
    yield tmp_path


def here(pid: int, **fields: object) -> Beacon:
    found = read_stat("/proc", pid)
    assert found is not None
    return replace(Beacon(pid, found.start, "/proc", pid, "/sys/fs/cgroup", "a step"), **fields)  # type: ignore[arg-type]


def test_a_beacon_is_read_as_it_was_written(tmp_path: Path) -> None:
    import os

    made = here(os.getpid())
    beacon.put(tmp_path, made)
    assert beacon.get(tmp_path) == made and made.alive
    assert not replace(made, start=made.start + 1).alive, "the pid was used again"
    (tmp_path / beacon.FILE).write_text("{}")
    assert beacon.get(tmp_path) is None
    beacon.put(tmp_path / "none", made)


def test_nobody_a_lab_a_dead_lab_and_the_next(home: Path) -> None:
    import os

    watch = Watch(UNICODE)
    assert not watch.look() and watch.heading() == NOBODY and watch.parts() == ()
    (home / "one").mkdir()
    beacon.put(home / "one", here(os.getpid()))
    assert watch.look() and watch.heading() == "a step"
    beacon.put(home / "one", here(os.getpid(), start=1, heading="another"))
    assert watch.look() and watch.parts() == ()
    assert ANEW in "\n".join(map(str, rows(watch, console(StringIO(), width=80), 10)))
    (home / "one" / beacon.FILE).unlink()
    assert watch.look() and watch.heading() == NOBODY
    watch.close()


def test_tab_goes_to_the_other_lab(home: Path) -> None:
    import os

    for name in ("one", "two"):
        (home / name).mkdir()
        beacon.put(home / name, here(os.getpid(), start=1, heading=name))
    watch = Watch(UNICODE)
    watch.look()
    first = watch.heading()
    assert "Tab: 1 more" in first
    press(watch, b"\t")
    assert watch.look() and watch.heading() != first
    press(watch, b"\t")
    assert watch.look() and watch.heading() == first


# -- what groups use ----------------------------------------------------------------------------------------


def test_usage_of_both_versions(tmp_path: Path) -> None:
    for folder, files in {
        "v2/box": {
            "memory.current": "4096\n",
            "pids.current": "2\n",
            "cpu.stat": "usage_usec 1500000\nx 1",
        },
        "cpu/box": {"cpuacct.usage": "2500000000\n", "cpu.stat": "nr_periods 0"},
        "memory/old": {"memory.usage_in_bytes": "8192\n"},
    }.items():
        path = tmp_path / folder
        path.mkdir(parents=True)
        for name, text in files.items():
            (path / name).write_text(text)
    found = usage([Hierarchy(("",), str(tmp_path / "v2"), "/")])
    assert found == {"/box": Usage(4096, 2, 1.5)}
    v1 = [
        Hierarchy(("cpu", "cpuacct"), str(tmp_path / "cpu"), "/"),
        Hierarchy(("memory",), str(tmp_path / "memory"), "/"),
    ]
    assert usage(v1) == {"/box": Usage(None, None, 2.5), "/old": Usage(8192, None, None)}


def test_a_line_is_erased_before_it_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """The screen does not wrap: behind a full line the cursor stands on its last character, and to erase from
    there takes that one away. (A terminal of its own would have to be asked: pyte has one column more.)"""
    from workshop.ui.watch import _draw

    _draw(["0123456789", "rest"], ["short", "rest"])
    drawn = capsys.readouterr().out
    assert drawn.index("\x1b[K") < drawn.index("0123456789") and drawn.count("\x1b[K") == 1
