"""What checks of networks share: which namespace is meant, where its facts stand, how they are compared."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import fields
from typing import NamedTuple

from checks import _facts as facts
from workshop.kernel.model import Link, Network, Route, Snapshot, Traffic
from workshop.kernel.verdict import Evidence, Verdict, View, missed

HOST = "host"
MAIN_TABLE = 254
UNICAST = 1


class Place(NamedTuple):
    """A network namespace that a check speaks of."""

    called: str
    inode: int
    network: Network

    @property
    def path(self) -> str:
        pid = self.network.pid
        return f"/proc/{pid}/ns/net" if pid is not None else f"/run/netns/{self.network.name}"

    def source(self, command: str) -> str:
        return f"{command}, in {self.path}"

    @property
    def counters(self) -> str:
        pid = self.network.pid
        return f"/proc/{pid}/net/snmp" if pid is not None else self.source("/proc/net/snmp")

    def link(self, index: int | None) -> Link | None:
        return next((link for link in self.network.links if link.index == index), None)


class Pair(NamedTuple):
    outer: Link
    inner: Link


def find(view: View, called: str) -> Place | None:
    """`host`; `box`, by its name in the host's `/run/netns`; `machine-a/inspector`, by its name over there.

    Where no namespace has the name, one that has none may be meant: that of the process in question.
    """
    now = view.now
    host = view.host.ns.get("net", 0)
    if called == HOST:
        return Place(called, host, now.networks[host]) if host in now.networks else None
    machine, _, name = called.rpartition("/")
    inode: int | None = host
    if machine:
        outer = find(view, machine)
        inode = outer.inode if outer else None
    for number, network in now.networks.items():
        if network.name == name and network.named_in == inode:
            return Place(called, number, network)
    process = view.process
    if machine or process is None or not facts.differs(view, process, "net"):
        return None
    mine = now.networks.get(process.ns["net"])
    return Place(called, process.ns["net"], mine) if mine is not None and mine.name is None else None


def all_places(snapshot: Snapshot) -> Iterator[Place]:
    for inode, network in snapshot.networks.items():
        yield Place(network.name or HOST, inode, network)


def pairs(inner: Place, outer: Place) -> Iterator[Pair]:
    """The veth pairs with one end in each of two namespaces."""
    for link in inner.network.links:
        other = outer.link(link.peer)
        if link.kind != "veth" or link.peer_inode != outer.inode or other is None:
            continue
        if other.kind == "veth" and other.peer == link.index:
            yield Pair(other, link)


def since(view: View, place: Place) -> Traffic:
    """What was counted since the step began; of a namespace that is new, all."""
    before = view.before.networks.get(place.inode)
    now = place.network.traffic
    if before is None or any(getattr(now, f.name) < getattr(before.traffic, f.name) for f in fields(now)):
        return now  # new, or another one with an inode that was used before
    return Traffic(**{f.name: getattr(now, f.name) - getattr(before.traffic, f.name) for f in fields(now)})


def addresses(place: Place, *, loopback: bool = False) -> list[ipaddress.IPv4Interface]:
    """The IPv4 addresses, with their prefixes."""
    found = [ipaddress.ip_interface(a.address) for a in place.network.addresses]
    return [a for a in found if a.version == 4 and (loopback or not a.ip.is_loopback)]


def route_to(place: Place, address: ipaddress.IPv4Address) -> Route | None:
    """The route that the kernel takes: the one with the longest prefix that fits."""
    best: tuple[int, Route] | None = None
    for route in place.network.routes:
        if route.table != MAIN_TABLE or route.kind != UNICAST or is_v6(route):
            continue
        net = prefix(route)
        if address in net and (best is None or net.prefixlen > best[0]):
            best = net.prefixlen, route
    return best[1] if best else None


def prefix(route: Route) -> ipaddress.IPv4Network:
    text = "0.0.0.0/0" if route.destination == "default" else route.destination
    return ipaddress.IPv4Network(text, strict=False)


def is_v6(route: Route) -> bool:
    return ":" in route.destination or ":" in (route.gateway or "")


def link(place: Place, found: Link) -> Evidence:
    parts = [found.kind or "device", "up" if found.up else "down"]
    master = place.link(found.master)
    if master is not None:
        parts.append(f"port of {master.name}")
    return Evidence(f"{found.name} of {place.called}", ", ".join(parts), place.source("ip link"))


def held(place: Place) -> Evidence:
    text = ", ".join(str(a) for a in addresses(place)) or "none"
    return Evidence(f"addresses of {place.called}", text, place.source("ip address"))


def routes(place: Place) -> Evidence:
    found = [
        f"{r.destination} by {r.gateway}" if r.gateway else r.destination
        for r in place.network.routes
        if r.table == MAIN_TABLE and not is_v6(r)
    ]
    return Evidence(f"routes of {place.called}", ", ".join(found) or "none", place.source("ip route"))


def forwarding(place: Place) -> Evidence:
    value = "1" if place.network.forward else "0"
    return Evidence(f"forwarding on {place.called}", value, place.source("/proc/sys/net/ipv4/ip_forward"))


_COUNTERS = {
    "asked": "Icmp OutEchos",
    "was_asked": "Icmp InEchos",
    "replies": "Icmp InEchoReps",
    "forwarded": "Ip ForwDatagrams",
    "unreachable": "Icmp InDestUnreachs",
    "opened": "Tcp ActiveOpens",
    "accepted": "Tcp PassiveOpens",
    "refused": "Tcp AttemptFails",
    "datagrams": "Udp InDatagrams",
}


def counted(view: View, place: Place, name: str) -> Evidence:
    """A counter, as it grew since the step began."""
    value = f"+{getattr(since(view, place), name)}"
    return Evidence(f"{_COUNTERS[name]} of {place.called}", value, place.counters)


def listening(place: Place) -> Evidence:
    value = ", ".join(place.network.listening) or "nobody"
    return Evidence(f"listening in {place.called}", value, place.source("ss -tln"))


def no_such(expected: str, called: str) -> Verdict:
    return missed(expected, f"there is no network namespace {called}", diagnosis="no-netns")
