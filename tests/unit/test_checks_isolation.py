"""Limits, devices, network and labels of any container: right ways pass, near misses are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, MINE, mount, own, process, snapshot, view

from checks import isolation
from workshop.kernel.model import Address, Cgroup, Link, Network, Root

V1 = {"memory": "/box", "cpu": "/box", "pids": "/box", "devices": "/box", "": "/box"}
HOST_V1 = dict.fromkeys(V1, "/")


def group(controller: str, path: str, **values: str) -> Cgroup:
    return Cgroup(controller, path, (), {name.replace("__", "."): text for name, text in values.items()})


def grouped(*groups: Cgroup, cgroups: dict[str, str] = V1, host: dict[str, str] = HOST_V1) -> Any:
    now = snapshot(process(7, cgroups=cgroups), process(1, "sleep", start=1, cgroups=host))
    return view(replace(now, cgroups=groups))


V2 = {"": "/box/leaf"}


@pytest.mark.parametrize(
    ("resource", "found", "says"),
    [
        ("memory", grouped(group("memory", "/box", memory__limit_in_bytes="20971520")), "20 MiB"),
        ("memory", grouped(group("", "/box", memory__max="20971520"), cgroups=V2), "20 MiB"),
        (
            "cpu",
            grouped(group("cpu", "/box", cpu__cfs_quota_us="20000", cpu__cfs_period_us="100000")),
            "20% of a processor",
        ),
        ("cpu", grouped(group("", "/box/leaf", cpu__max="50000 100000"), cgroups=V2), "50% of a processor"),
        ("pids", grouped(group("pids", "/box", pids__max="20")), "20 processes"),
        (
            "pids",
            grouped(group("", "/box/leaf", pids__max="max"), group("", "/box", pids__max="9"), cgroups=V2),
            "9 processes",
        ),
    ],
)
def test_resource_limited_passes(resource, found, says):
    verdict = isolation.resource_limited(found, resource=resource)
    assert verdict.passed
    assert says in verdict.found
    assert verdict.evidence[0].source.startswith("/sys/fs/cgroup/")


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ("memory", grouped(group("memory", "/box", memory__limit_in_bytes="9223372036854771712"))),
        ("memory", grouped(group("memory", "/other", memory__limit_in_bytes="20971520"))),
        (
            "memory",
            grouped(group("", "/all", memory__max="20971520"), cgroups={"": "/all/a"}, host={"": "/all/b"}),
        ),
        ("cpu", grouped(group("cpu", "/box", cpu__cfs_quota_us="-1", cpu__shares="2"))),
        ("cpu", grouped(group("", "/box/leaf", cpu__max="max 100000", cpu__weight="1"), cgroups=V2)),
        ("pids", grouped(cgroups=HOST_V1)),
    ],
)
def test_resource_limited_misses(resource, found):
    verdict = isolation.resource_limited(found, resource=resource)
    assert verdict.state == "missed"
    assert verdict.evidence


def test_the_file_of_version_2_on_a_hybrid_machine():
    found = grouped(group("", "/box", pids__max="9"))
    mounts = (*HOST_MOUNTS, mount("/sys/fs/cgroup/unified", "cgroup2", dev=48))
    tables = {key: replace(table, mounts=mounts) for key, table in found.now.mounts.items()}
    hybrid = replace(found, now=replace(found.now, mounts=tables))
    verdict = isolation.resource_limited(hybrid, resource="pids")
    assert verdict.evidence[0].source == "/sys/fs/cgroup/unified/box/pids.max"


# -- devices

NEW_ROOT = Root("/", 60, 2)
NULL, TTY, DISK = "c 1:3 null", "c 5:0 tty", "b 8:0 sda"


def devices(*nodes: str, root: Root = NEW_ROOT, mounts: Any = (), read: bool = True) -> Any:
    now = snapshot(process(7, ns=own("mnt"), root=root), mounts={7: mounts})
    return view(replace(now, devices={7: nodes} if read else {}))


@pytest.mark.parametrize("nodes", [(NULL, TTY), (), ("c 136:4 console", NULL)])
def test_harmless_devices_passes(nodes):
    assert isolation.harmless_devices(devices(*nodes)).passed


@pytest.mark.parametrize(
    ("nodes", "says"),
    [((NULL, DISK), "there is sda"), (("c 1:1 mem",), "there is mem"), (("c 10:229 fuse",), "there is fuse")],
)
def test_harmless_devices_misses(nodes, says):
    verdict = isolation.harmless_devices(devices(*nodes))
    assert (verdict.state, verdict.found) == ("missed", says)


def test_the_hosts_dev_is_no_devs_of_ones_own():
    host = snapshot().processes[1].root
    assert host is not None
    shared = devices(NULL, root=host, mounts=HOST_MOUNTS)
    assert "the host's /dev" in isolation.harmless_devices(shared).found
    assert isolation.harmless_devices(devices(read=False)).state == "unsupported"


@pytest.mark.parametrize("rules", ["c 1:3 rwm", "b *:* m\nc *:* m\nc 1:3 rwm"])
def test_device_rules_passes(rules):
    assert isolation.device_rules(grouped(group("devices", "/box", devices__list=rules))).passed


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (grouped(group("devices", "/box", devices__list="a *:* rwm")), "missed"),
        (grouped(group("devices", "/other", devices__list="c 1:3 rwm")), "missed"),
        (grouped(cgroups=V2), "unsupported"),
    ],
)
def test_device_rules_misses(found, state):
    assert isolation.device_rules(found).state == state


# -- network, labels

NET = own("net")["net"]
LO = Link(1, "lo", "loopback", True, True, 65536, "", None, None, None)
ETH = Link(2, "eth0", "veth", True, True, 1500, "", None, 9, 0)


def networked(*links: Link, kinds: tuple[str, ...] = ("net",), read: bool = True) -> Any:
    now = snapshot(process(7, ns=own(*kinds) if kinds else HOST_NS))
    network = Network(7, None, links, (Address(2, "10.10.0.2/16", 0),), ())
    return view(replace(now, networks={NET: network} if read else {}))


@pytest.mark.parametrize(("links", "says"), [((LO,), "lo, and nothing else"), ((LO, ETH), "lo and eth0")])
def test_own_network_passes(links, says):
    verdict = isolation.own_network(networked(*links))
    assert verdict.passed
    assert verdict.found == says


def test_own_network_with_a_cable():
    cable = replace(ETH, peer=9)
    port = Link(9, "my-two", "veth", True, True, 1500, "", 8, 2, 1)
    bridge = Link(8, "my0", "bridge", True, True, 1500, "", None, None, None)

    def seen(*inside, host):
        found = networked(*inside)
        networks = {**found.now.networks, HOST_NS["net"]: Network(1, None, host, (), ())}
        return isolation.own_network(replace(found, now=replace(found.now, networks=networks)), cable=True)

    assert seen(LO, cable, host=(bridge, port)).passed
    for inside, host in (
        ((LO,), (bridge, port)),
        ((LO, replace(cable, up=False)), (bridge, port)),
        ((LO, cable), (bridge, replace(port, master=None))),
        ((LO, cable), (replace(bridge, kind=""), port)),
        ((LO, cable), (replace(bridge, up=False), port)),
        ((LO, cable), (bridge, replace(port, up=False))),
        ((LO, cable), (bridge, replace(port, peer=7))),
        ((LO, replace(cable, peer_inode=4026539999)), (bridge, port)),
        ((LO, cable), ()),
    ):
        assert seen(*inside, host=host).diagnosis == "no-cable-to-bridge"


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (networked(replace(LO, up=False)), "missed"),
        (networked(replace(LO, up=False), ETH), "missed"),
        (networked(LO, kinds=()), "missed"),
        (networked(LO, kinds=("uts",)), "missed"),
        (networked(read=False), "unsupported"),
    ],
)
def test_own_network_misses(found, state):
    assert isolation.own_network(found).state == state


@pytest.mark.parametrize(
    ("label", "host", "state"),
    [
        ("docker-default (enforce)", "unconfined", "passed"),
        ("system_u:system_r:container_t:s0:c1,c2", "system_u:system_r:init_t:s0", "passed"),
        ("unconfined", "unconfined", "missed"),
        ("system_u:system_r:init_t:s0", "system_u:system_r:init_t:s0", "missed"),
        (None, None, "unsupported"),
    ],
)
def test_security_module(label, host, state):
    now = snapshot(process(7, label=label), process(1, "sleep", start=1, label=host))
    assert isolation.security_module(view(now)).state == state


def test_a_process_that_is_gone_is_no_error():
    gone = view(snapshot(), subject=MINE)
    for check in (
        isolation.harmless_devices,
        isolation.device_rules,
        isolation.own_network,
        isolation.security_module,
    ):
        assert check(gone).state == "missed"
    assert isolation.resource_limited(gone, resource="cpu").state == "missed"
