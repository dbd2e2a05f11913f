"""What a step stands on, and what of it has gone."""

from __future__ import annotations

from dataclasses import replace

from kernel_builders import HOST_MOUNTS, dataset, mount, own, process, snapshot
from network_builders import lesson_10

from workshop.ground import taken_away
from workshop.kernel.model import Cgroup, Snapshot

EMPTY = snapshot(process(7), mounts={7: HOST_MOUNTS})


def gone(begun: Snapshot, now: Snapshot) -> tuple[str, ...]:
    return taken_away(begun, begun, now)


def test_a_link_of_the_host() -> None:
    built = lesson_10()
    inode = built.processes[built.host].ns["net"]
    network = built.networks[inode]
    bare = replace(network, links=tuple(link for link in network.links if link.name != "br0"))
    now = replace(built, networks={**built.networks, inode: bare})
    assert gone(built, now) == ("br0, a bridge",)
    assert gone(built, built) == ()
    assert taken_away(now, built, now) == (), "the step did not begin with it"
    assert taken_away(built, now, now) == (), "it was said before"


def test_a_namespace_goes_with_its_links() -> None:
    built = lesson_10()
    inode = next(inode for inode, network in built.networks.items() if network.name == "box")
    now = replace(built, networks={k: v for k, v in built.networks.items() if k != inode})
    assert gone(built, now) == ("the network namespace box",)


def test_a_container() -> None:
    init = process(9, ppid=7, ns=own("pid"), nspids=(9, 1), comm="sh")
    child = process(10, ppid=9, ns=init.ns, nspids=(10, 2))
    running = snapshot(process(7), init, child, mounts={7: HOST_MOUNTS})
    assert gone(running, EMPTY) == ("sh (9), PID 1 of its namespace",)
    dead = snapshot(process(7), replace(init, state="Z"), mounts={7: HOST_MOUNTS})
    assert gone(running, dead) == ("sh (9), PID 1 of its namespace",), "a zombie runs nothing"
    assert gone(snapshot(process(7), child), snapshot(process(7))) == ()


def test_mounts_datasets_and_groups() -> None:
    host = EMPTY.host
    built = replace(
        snapshot(process(7), mounts={host: (*HOST_MOUNTS, mount("/lab/btrfs"))}),
        datasets={"tank/a": dataset("tank/a")},
        cgroups=(Cgroup("memory", "/box", ()), Cgroup("cpu", "/box", ())),
    )
    bare = snapshot(process(7), mounts={host: HOST_MOUNTS})
    assert gone(built, bare) == ("the mount at /lab/btrfs", "tank/a", "the group /box")
