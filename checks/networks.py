"""Links, bridges, addresses, routes: rtnetlink(7), network_namespaces(7), `/proc/sys/net`."""

from __future__ import annotations

import ipaddress

from checks import _networks as nets
from checks._networks import Pair, Place
from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed


def loopback_works(view: View, *, netns: str) -> Verdict:
    """`lo` of a network namespace is up, and a ping to itself was answered.

    Evidence: the link by rtnetlink(7), and `Icmp: InEchoReps` of `/proc/PID/net/snmp`. Near misses: the
    host's `lo` set up instead; a namespace that is new, with its `lo` still down.
    """
    expected = f"lo of {netns} is up, and answers"
    place = nets.find(view, netns)
    if place is None:
        return nets.no_such(expected, netns)
    lo = next((link for link in place.network.links if link.kind == "loopback"), None)
    if lo is None:
        return missed(expected, "it has no lo any more")
    if not lo.up:
        return missed(expected, f"lo of {netns} is down", [nets.link(place, lo)], diagnosis="lo-down")
    evidence = [nets.link(place, lo), nets.counted(view, place, "replies")]
    traffic = nets.since(view, place)
    if not (traffic.replies and traffic.was_asked):
        return missed(expected, "lo is up; nobody has pinged it yet", evidence)
    return passed(expected, f"{netns} can talk to itself", evidence)


def veth_into(view: View, *, netns: str, outer: str = "host") -> Verdict:
    """A veth pair has one end in `netns`, and the other in `outer`.

    Evidence: `IFLA_LINK` and `IFLA_LINK_NETNSID` of both ends, by rtnetlink(7): each names the other's
    index, and the other's namespace. Near misses: both ends in one place; a pair to somewhere else.
    """
    expected = f"a veth pair, one end in {netns}, one in {outer}"
    inner, outside = nets.find(view, netns), nets.find(view, outer)
    if inner is None or outside is None:
        return nets.no_such(expected, netns if inner is None else outer)
    for pair in nets.pairs(inner, outside):
        evidence = [nets.link(outside, pair.outer), nets.link(inner, pair.inner)]
        return passed(
            expected, f"{pair.outer.name} and {pair.inner.name} are the ends of one cable", evidence
        )
    return _no_cable(expected, inner, outside)


def bridge_port(view: View, *, netns: str, bridge: str, outer: str = "host") -> Verdict:
    """The outer end of the cable of `netns` is a port of the bridge, and both are up.

    Evidence: `IFLA_MASTER` of the veth, and the flags of both, by rtnetlink(7). Near misses: a bridge or
    a port that is down; an end that is a port of no bridge; a device of that name that is no bridge.
    """
    expected = f"the cable of {netns} is in a port of the bridge {bridge}, all of it up"
    inner, outside = nets.find(view, netns), nets.find(view, outer)
    if inner is None or outside is None:
        return nets.no_such(expected, netns if inner is None else outer)
    switch = next((link for link in outside.network.links if link.name == bridge), None)
    if switch is None or switch.kind != "bridge":
        found = f"{outer} has no bridge {bridge}"
        evidence = [nets.link(outside, switch)] if switch else []
        return missed(expected, found, evidence, diagnosis="no-bridge")
    cables = list(nets.pairs(inner, outside))
    if not cables:
        return _no_cable(expected, inner, outside)
    cable = next((c for c in cables if c.outer.master == switch.index), cables[0])
    evidence = [nets.link(outside, switch), nets.link(outside, cable.outer)]
    if cable.outer.master != switch.index:
        return missed(
            expected, f"{cable.outer.name} is no port of {bridge}", evidence, diagnosis="not-a-port"
        )
    for link in (switch, cable.outer):
        if not link.up:
            return missed(expected, f"{link.name} is down", evidence, diagnosis="link-down")
    return passed(expected, f"{cable.outer.name} is a port of {bridge}, and both are up", evidence)


def has_address(view: View, *, netns: str, address: str, kind: str = "") -> Verdict:
    """A link of the namespace that is up has this very address, with its prefix.

    `kind` asks for a link of that kind, say `bridge`. Evidence: the addresses by rtnetlink(7). Near
    misses: the prefix left out, which makes it /32; the address on a port of the bridge; on the wrong
    side.
    """
    expected = f"{address} on a link of {netns}, up"
    place = nets.find(view, netns)
    if place is None:
        return nets.no_such(expected, netns)
    wanted = ipaddress.ip_interface(address)
    evidence = [nets.held(place)]
    alike = [each for each in place.network.addresses if ipaddress.ip_interface(each.address).ip == wanted.ip]
    for held in sorted(alike, key=lambda each: each.address != address):  # others may be left of a try
        link = place.link(held.index)
        if held.address != address:
            found = f"the address is there, but as {held.address}"
            return missed(expected, found, evidence, diagnosis="wrong-prefix")
        if link is None or (kind and link.kind != kind):
            found = f"the address is on {link.name if link else 'another link'}, which is no {kind}"
            return missed(expected, found, evidence, diagnosis="address-on-port")
        evidence.append(nets.link(place, link))
        if not link.up:
            return missed(expected, f"{link.name} is down", evidence, diagnosis="link-down")
        return passed(expected, f"{link.name} has {address}", evidence)
    for other in nets.all_places(view.now):
        if other.inode != place.inode and wanted.ip in [a.ip for a in nets.addresses(other)]:
            found = f"{wanted.ip} is in another namespace"
            return missed(expected, found, [*evidence, nets.held(other)], diagnosis="address-elsewhere")
    return missed(expected, f"{netns} does not have {wanted.ip}", evidence, diagnosis="no-address")


def has_route(view: View, *, netns: str, by: str, to: str = "default") -> Verdict:
    """The namespace has a route to `to` (`default`, or a network) by the gateway `by`.

    Evidence: its main routing table, by rtnetlink(7). Near misses: another gateway; the route on the
    host; a larger network that holds `to` counts, as a default route does not.
    """
    expected = f"{netns} has a {'default route' if to == 'default' else f'route to {to}'} by {by}"
    place = nets.find(view, netns)
    if place is None:
        return nets.no_such(expected, netns)
    wanted = ipaddress.IPv4Network("0.0.0.0/0" if to == "default" else to)
    evidence = [nets.routes(place)]
    other = None
    for route in place.network.routes:
        if route.table != nets.MAIN_TABLE or nets.is_v6(route):
            continue
        held = nets.prefix(route)
        if held == wanted or (held.prefixlen and wanted.subnet_of(held)):
            if route.gateway == by:
                return passed(expected, f"{route.destination} by {by}", evidence)
            other = other or route
    if other is not None and other.gateway is not None:
        return missed(expected, f"it goes by {other.gateway}", evidence, diagnosis="other-gateway")
    return missed(expected, f"{netns} has no such route", evidence, diagnosis="no-route")


def forwards(view: View, *, netns: str = "host") -> Verdict:
    """The namespace passes on packets that are not for itself.

    Evidence: `/proc/sys/net/ipv4/ip_forward`, which every network namespace has for itself. Near miss: set in
    another one.
    """
    expected = f"{netns} forwards packets"
    place = nets.find(view, netns)
    if place is None:
        return nets.no_such(expected, netns)
    evidence = [nets.forwarding(place)]
    if not place.network.forward:
        return missed(expected, f"forwarding is off on {netns}", evidence, diagnosis="forward-off")
    return passed(expected, f"{netns} forwards", evidence)


def translates(view: View, *, source: str, netns: str = "host") -> Verdict:
    """A rule gives packets from the network `source` another sender's address on their way out.

    Evidence: the rules of nftables by nfnetlink, as nft(8) lists them; those of iptables are among them.
    Masquerade and snat count, in a chain that hangs at postrouting. Near misses: the rule in another
    namespace, for another network, or in a chain that nothing leads to.
    """
    expected = f"a rule on {netns} that hides {source} behind an address of its own"
    place = nets.find(view, netns)
    if place is None:
        return nets.no_such(expected, netns)
    wanted = ipaddress.IPv4Network(source)
    rules = [rule for rule in place.network.nat if rule.kind in ("masquerade", "snat")]
    for rule in rules:
        fits = rule.source is None or wanted.subnet_of(ipaddress.IPv4Network(rule.source, strict=False))
        if rule.hook == "postrouting" and fits:
            text = f"{rule.kind} for {rule.source or 'all'} in {rule.table} {rule.chain}"
            evidence = Evidence("rule", text, place.source("nft list ruleset"))
            return passed(expected, f"{rule.kind}, after routing", [evidence])
    if rules:
        rule = rules[0]
        text = f"{rule.kind} for {rule.source or 'all'} at {rule.hook or 'no hook'}"
        evidence = Evidence("rule", text, place.source("nft list ruleset"))
        return missed(
            expected, "there is a rule, but not for these packets", [evidence], diagnosis="nat-other"
        )
    for other in nets.all_places(view.now):
        if other.inode != place.inode and other.network.nat:
            evidence = Evidence("rules of another namespace", other.called, other.source("nft list ruleset"))
            return missed(expected, f"the rule is in {other.called}", [evidence], diagnosis="nat-elsewhere")
    return missed(expected, f"{netns} has no such rule", diagnosis="no-nat")


def _no_cable(expected: str, inner: Place, outer: Place) -> Verdict:
    loose = [
        Pair(link, other)
        for link in outer.network.links
        if link.kind == "veth" and link.peer_netns is None and (other := outer.link(link.peer)) is not None
    ]
    if loose:
        found = f"{loose[0].outer.name} and {loose[0].inner.name} are both in {outer.called}"
        evidence = [nets.link(outer, link) for link in loose[0]]
        return missed(expected, found, evidence, diagnosis="cable-not-in")
    names = ", ".join(link.name for link in inner.network.links) or "none"
    evidence = [Evidence(f"links of {inner.called}", names, inner.source("ip link"))]
    return missed(expected, f"no cable leads into {inner.called}", evidence, diagnosis="no-cable")
