"""Network namespaces → a picture in text: links, the cables between them, bridges, routes, rules.

Drawn from what rtnetlink(7) and nfnetlink said of each namespace; a cable is a veth pair whose ends name each
other.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from workshop.frozen import frozen
from workshop.kernel.diff.network import SCOPE_LINK, nat_text
from workshop.kernel.model import Link, Network, Snapshot
from workshop.render.theme import UNICODE, Signs, counted

MAIN_TABLE = 254
MOST = 12
"""More links than this in one namespace are counted, not drawn."""


def worth_drawing(snapshot: Snapshot) -> bool:
    """Is there anything between namespaces, or on a bridge?"""
    return any(link.kind != "loopback" for net in snapshot.networks.values() for link in net.links)


def picture(snapshot: Snapshot, here: int | None = None, signs: Signs = UNICODE) -> RenderableType:
    """All the namespaces, the host's first, each with the way its cables lead. `here`: the inode of the
    learner's own."""
    return Group(*(line for inode in _order(snapshot) for line in _namespace(snapshot, inode, here, signs)))


def name_of(snapshot: Snapshot, inode: int) -> str:
    """`host`, `box`, `inspector on machine-a`; a namespace without a name is called by a process in it."""
    if inode == snapshot.processes[snapshot.host].ns.get("net"):
        return "host"
    network = snapshot.networks.get(inode)
    if network is None:
        return "another namespace"
    if network.name is not None:
        owner = network.named_in
        hosts = snapshot.processes[snapshot.host].ns.get("net")
        if owner is None or owner in (hosts, inode):
            return network.name
        return f"{network.name} on {name_of(snapshot, owner)}"
    process = snapshot.processes.get(network.pid or 0)
    return f"{process.comm} ({process.pid})" if process else f"net:[{inode}]"


def _order(snapshot: Snapshot) -> list[int]:
    """The host, and each named namespace followed by those that were named in it."""
    host = snapshot.processes[snapshot.host].ns.get("net")

    def place(inode: int) -> tuple[str, ...]:
        network = snapshot.networks[inode]
        if inode == host:
            return ("",)
        if network.name is None:
            return ("~", name_of(snapshot, inode))
        owner = network.named_in
        if owner is None or owner in (host, inode) or owner not in snapshot.networks:
            return ("n", network.name)
        return (*place(owner), network.name)

    return sorted(snapshot.networks, key=lambda inode: (place(inode), inode))


def _namespace(snapshot: Snapshot, inode: int, here: int | None, signs: Signs) -> Iterator[Text]:
    network = snapshot.networks[inode]
    title = Text(name_of(snapshot, inode), style="title", overflow="fold")
    if network.forward:
        title.append("  forwards", "none")
    if inode == here:
        title.append(f"  {signs.here} you are here", "added")
    yield title
    yield from _branches(list(_branches_of(snapshot, inode, network, signs)), signs, "")


@frozen
class _Branch:
    text: Text
    below: tuple[_Branch, ...] = ()


def _branches(found: list[_Branch], signs: Signs, lead: str) -> Iterator[Text]:
    for branch in found:
        last = branch is found[-1]
        yield Text(lead + (signs.last if last else signs.fork), overflow="fold").append_text(branch.text)
        yield from _branches(list(branch.below), signs, lead + ("   " if last else signs.pipe))


def _branches_of(snapshot: Snapshot, inode: int, network: Network, signs: Signs) -> Iterator[_Branch]:
    """Links first, ports below their bridge; then what is decided: routes, rules, who listens."""
    links = [link for link in network.links if link.kind != "loopback" or not link.up]
    indices = {link.index for link in links}
    tops = [link for link in links if link.master not in indices]
    for link in tops[:MOST]:
        ports = [other for other in links if other.master == link.index]
        below = [_Branch(_link(snapshot, inode, network, port, signs)) for port in ports[:MOST]]
        if len(ports) > MOST:
            below.append(_Branch(Text(f"{signs.ellipsis} and {counted(len(ports) - MOST, 'more port')}")))
        yield _Branch(_link(snapshot, inode, network, link, signs), tuple(below))
    if len(tops) > MOST:
        yield _Branch(Text(f"{signs.ellipsis} and {counted(len(tops) - MOST, 'more link')}"))
    if not links:
        yield _Branch(Text("lo, and nothing else"))
    for route in network.routes:
        if route.gateway and route.table == MAIN_TABLE:
            yield _Branch(Text(f"{route.destination} {signs.arrow} {route.gateway}"))
    for rule in network.nat:
        yield _Branch(Text(f"{rule.hook or 'unused'}, {nat_text(rule)}"))
    if network.listening:
        yield _Branch(Text(f"listens on {', '.join(network.listening)}"))


def _link(snapshot: Snapshot, inode: int, network: Network, link: Link, signs: Signs) -> Text:
    """`veth0 === eth0 10.0.0.2/24, in box`."""
    text = _end(network, link)
    if link.kind == "bridge":
        text.append(" (bridge)")
    if link.kind != "veth" or link.peer is None:
        return text
    where = inode if link.peer_netns is None else link.peer_inode
    there = snapshot.networks.get(where) if where is not None else None
    other = next((each for each in there.links if each.index == link.peer), None) if there else None
    text.append(f" {'===' if signs.ascii else '═══'} ", "changed")
    if where is None or there is None or other is None:
        return text.append("out of sight")
    return text.append_text(_end(there, other)).append(f", in {name_of(snapshot, where)}")


def _end(network: Network, link: Link) -> Text:
    text = Text(link.name, style="label", overflow="fold")
    for address in network.addresses:
        if address.index == link.index and address.scope != SCOPE_LINK:
            text.append(f" {address.address}", "none")
    if not link.up:
        text.append(" down", "bad")
    return text
