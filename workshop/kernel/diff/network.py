"""Links, addresses, routes, rules and traffic of each net namespace: what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workshop.kernel.diff.change import Change, added_removed, whose
from workshop.kernel.model import Link, Nat, Network, Snapshot

SCOPE_LINK = 253
"""RT_SCOPE_LINK of rtnetlink(7): addresses that the kernel gives by itself."""


def networks(before: Snapshot, now: Snapshot) -> Iterator[Change]:
    host = now.processes[now.host].ns.get("net")
    for inode in sorted(before.networks.keys() - now.networks.keys()):
        where, source = _network_name(before, inode, host), _network_source(before.networks[inode])
        yield Change("network", "removed", f"network namespace of {where}", str(inode), None, source)
    ours = sorted(now.networks, key=lambda inode: (inode != host, inode))
    for inode in ours:
        where = _network_name(now, inode, host)
        new, old = now.networks[inode], before.networks.get(inode)
        suffix = "" if inode == host else f" in {where}"
        if old is None:
            source = _network_source(new)
            yield Change("network", "added", f"network namespace of {where}", None, str(inode), source)
            old = Network(None, None, (), (), ())
        elif old.name != new.name:
            yield Change(
                "network", "changed", f"name of the network namespace of {where}", old.name, new.name, ""
            )
        if old is not new:
            yield from _network(old, new, suffix)


def _network_source(network: Network) -> str:
    return f"/run/netns/{network.name}" if network.name else f"/proc/{network.pid}/ns/net"


def _network_name(snapshot: Snapshot, inode: int, host: int | None) -> str:
    if inode == host:
        return "the host"
    return snapshot.networks[inode].name or whose(snapshot, "net", inode)


def _network(old: Network, new: Network, suffix: str) -> Iterator[Change]:
    was = {link.index: link for link in old.links}
    is_ = {link.index: link for link in new.links}
    names_old, names_new = ({link.index: link.name for link in net.links} for net in (old, new))
    for index in sorted(was.keys() - is_.keys()):
        yield Change(
            "network", "removed", f"{was[index].name}{suffix}", _link(was[index], names_old), None, "ip link"
        )
    for index in sorted(is_.keys() - was.keys()):
        yield Change(
            "network", "added", f"{is_[index].name}{suffix}", None, _link(is_[index], names_new), "ip link"
        )
    for index in sorted(was.keys() & is_.keys()):
        left, right = was[index], is_[index]
        if left.name != right.name:
            yield Change(
                "network", "changed", f"name of {left.name}{suffix}", left.name, right.name, "ip link"
            )
        text_old, text_new = _link(left, names_old), _link(right, names_new)
        if text_old != text_new:
            yield Change("network", "changed", f"{right.name}{suffix}", text_old, text_new, "ip link")
    yield from added_removed(
        "network", _addresses(old, names_old, suffix), _addresses(new, names_new, suffix)
    )
    yield from added_removed("network", _routes(old, names_old, suffix), _routes(new, names_new, suffix))
    yield from added_removed("network", _nat(old, suffix), _nat(new, suffix))
    yield from added_removed("network", _listening(old, suffix), _listening(new, suffix))
    if old.forward != new.forward and old.pid is not None:
        then, after = ("on" if network.forward else "off" for network in (old, new))
        source = "/proc/sys/net/ipv4/ip_forward"
        yield Change("network", "changed", f"forwarding{suffix}", then, after, source)
    counted = [
        f"{getattr(new.traffic, name) - getattr(old.traffic, name)} {what}"
        for name, what in TRAFFIC.items()
        if getattr(new.traffic, name) > getattr(old.traffic, name)
    ]
    if counted:
        source = f"/proc/{new.pid}/net/snmp" if new.pid else "/proc/net/snmp there"
        yield Change("network", "changed", f"traffic{suffix}", None, ", ".join(counted), source)


TRAFFIC: Mapping[str, str] = {
    "asked": "echo out",
    "replies": "reply in",
    "was_asked": "echo in",
    "unreachable": "told unreachable",
    "forwarded": "forwarded",
    "opened": "TCP opened",
    "accepted": "TCP accepted",
    "refused": "TCP failed",
    "datagrams": "UDP in",
}
"""What the counters of a network namespace count, in a word or two."""


def nat_text(nat: Nat) -> str:
    """`from 10.0.0.0/24 out of wan: masquerade`, `to port 8080: dnat to 10.0.0.2:80`."""
    who = [f"from {nat.source}"] if nat.source else []
    who += [nat.link] if nat.link else []
    who += [f"to port {nat.port}"] if nat.port else []
    return f"{' '.join(who) or 'all'}: {nat.kind}{f' to {nat.to}' if nat.to else ''}"


def _nat(network: Network, suffix: str) -> Iterator[tuple[str, str, str]]:
    for nat in network.nat:
        yield f"{nat.hook or 'unused'} rule{suffix}", nat_text(nat), "nft list ruleset"


def _listening(network: Network, suffix: str) -> Iterator[tuple[str, str, str]]:
    for place in network.listening:
        yield f"listening{suffix}", place, "ss -tln"


def _link(link: Link, names: Mapping[int, str]) -> str:
    parts = [link.kind or "device", "up" if link.up else "down"]
    if link.up and not link.carrier:
        parts.append("no carrier")
    if link.master is not None:
        parts.append(f"port of {names.get(link.master, link.master)}")
    return ", ".join(parts)


def _addresses(network: Network, names: Mapping[int, str], suffix: str) -> Iterator[tuple[str, str, str]]:
    for address in network.addresses:
        if address.scope != SCOPE_LINK:
            yield (
                f"address {address.address}{suffix}",
                f"on {names.get(address.index, address.index)}",
                "ip address",
            )


def _routes(network: Network, names: Mapping[int, str], suffix: str) -> Iterator[tuple[str, str, str]]:
    for route in network.routes:
        if not route.destination.startswith(("fe80:", "ff00:")):
            through = (
                f"by {route.gateway}" if route.gateway else f"on {names.get(route.index or 0, 'no link')}"
            )
            yield f"route {route.destination}{suffix}", through, "ip route"
