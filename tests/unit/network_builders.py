"""Small builders of networks for tests: the namespaces of lesson 10 and 11, finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kernel_builders import HOST_MOUNTS, HOST_NS, mount, own, process, snapshot

from workshop.kernel.model import Address, Link, Nat, Network, Process, Route, Snapshot, Traffic

HOST, BOX, WORLD = HOST_NS["net"], own("net")["net"], 5000
A, B, IN_A, IN_B = 6001, 6002, 6003, 6004
MASQUERADE = Nat("postrouting", "masquerade", "10.0.0.0/24", None, None, "nat", "postrouting")
DNAT = Nat("prerouting", "dnat", None, 8080, "10.0.0.2:80", "nat", "prerouting")


def link(index: int, name: str, kind: str = "veth", **fields: Any) -> Link:
    given: dict[str, Any] = {
        "up": True,
        "carrier": True,
        "mtu": 1500,
        "address": "",
        "master": None,
        "peer": None,
        "peer_netns": None,
    }
    return Link(index, name, kind, **(given | fields))


def cable(index: int, name: str, to: int, inode: int, **fields: Any) -> Link:
    return link(index, name, peer=to, peer_netns=0, peer_inode=inode, **fields)


LO = link(1, "lo", "loopback")


def net(
    name: str | None,
    *links: Link,
    pid: int | None = None,
    named_in: int | None = HOST,
    addresses: Mapping[int, str] | None = None,
    by: str | None = None,
    **fields: Any,
) -> Network:
    """`addresses` by index of link, each with its route; `by`: the gateway of the default route."""
    held = tuple(Address(index, address, 0) for index, address in (addresses or {}).items())
    routes = [Route(network_of(a.address), None, a.index, 254, 1) for a in held]
    routes += [Route("default", by, None, 254, 1)] if by else []
    routes += fields.pop("routes", ())
    return Network(
        pid, name, (LO, *links), held, tuple(routes), named_in=named_in if name else None, **fields
    )


def network_of(address: str) -> str:
    host, bits = address.split("/")
    return address if bits == "32" else f"{host.rpartition('.')[0]}.0/{bits}"


def lesson_10(**changes: Network) -> Snapshot:
    """Host, `box` (process 7 is in it) and `world`, with the counters at zero."""
    found = {
        "host": net(
            None,
            cable(2, "wan", 2, WORLD),
            link(3, "br0", "bridge"),
            cable(4, "veth0", 2, BOX, master=3),
            pid=1,
            addresses={2: "192.0.2.1/24", 3: "10.0.0.1/24"},
            forward=True,
            nat=(MASQUERADE, DNAT),
        ),
        "box": net(
            "box",
            cable(2, "eth0", 4, HOST),
            pid=7,
            addresses={2: "10.0.0.2/24"},
            by="10.0.0.1",
            listening=("[::]:80",),
        ),
        "world": net("world", cable(2, "eth0", 2, HOST), addresses={2: "192.0.2.2/24"}),
    } | changes
    inside = process(7, ns=own("net", "mnt"))
    resolv = mount("/etc/resolv.conf", "tmpfs", dev=60, root="/resolv.conf")
    now = snapshot(inside, mounts={7: (*HOST_MOUNTS, resolv)})
    return replace(now, networks={HOST: found["host"], BOX: found["box"], WORLD: found["world"]})


def lesson_11(*others: Process, **changes: Network) -> Snapshot:
    """The two machines, each with its inspector; nginx runs on machine a."""

    def machine(letter: str, number: int, inside: int) -> Network:
        other = B if letter == "a" else A
        return net(
            f"machine-{letter}",
            cable(2, "eth0", 2, other),
            link(3, "containers", "bridge"),
            cable(4, "br-veth0", 2, inside, master=3),
            pid=20 + number,
            addresses={2: f"192.168.0.{number + 1}/24", 3: f"10.10.{number}.1/24"},
            routes=(Route(f"10.10.{1 - number}.0/24", f"192.168.0.{2 - number}", 2, 254, 1),),
            forward=True,
            listening=("0.0.0.0:80",) if letter == "a" else (),
        )

    def inspector(number: int, outer: int) -> Network:
        return net(
            "inspector",
            cable(2, "veth0", 4, outer),
            named_in=outer,
            addresses={2: f"10.10.{number}.2/24"},
            by=f"10.10.{number}.1",
            listening=("[::]:80",),
        )

    found = {
        "a": machine("a", 0, IN_A),
        "b": machine("b", 1, IN_B),
        "in_a": inspector(0, A),
        "in_b": inspector(1, B),
    } | changes
    nginx = process(30, "nginx", ns={**HOST_NS, "net": A})
    now = snapshot(*(others or (nginx,)))
    places = {A: found["a"], B: found["b"], IN_A: found["in_a"], IN_B: found["in_b"]}
    return replace(now, networks={HOST: net(None, pid=1), **places})


def counting(now: Snapshot, **counters: Traffic) -> Snapshot:
    """With what was counted, by the names that `lesson_10` and `lesson_11` know."""
    inodes = {"host": HOST, "box": BOX, "world": WORLD, "a": A, "b": B, "in_a": IN_A, "in_b": IN_B}
    changed = {inodes[k]: replace(now.networks[inodes[k]], traffic=t) for k, t in counters.items()}
    return replace(now, networks={**now.networks, **changed})


def without(snapshot: Snapshot, inode: int) -> Snapshot:
    return replace(snapshot, networks={k: v for k, v in snapshot.networks.items() if k != inode})


def changed(snapshot: Snapshot, inode: int, **fields: Any) -> Snapshot:
    new = replace(snapshot.networks[inode], **fields)
    return replace(snapshot, networks={**snapshot.networks, inode: new})
