"""What network namespaces hold: links, addresses and routes by rtnetlink(7), and what they have counted.

Requests go over a plain netlink socket, the answers are decoded by pyroute2. No socket is kept: it would keep
its network namespace, and so the veth in it, alive after the learner ended the last process there. What makes
reading fast instead is that a message seen before, byte for byte, is not decoded again.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from workshop.kernel import nftables, nlmsg, probe, procfs, sockdiag
from workshop.kernel.model import Address, Link, Nat, Route, Traffic
from workshop.kernel.parts import without_the_rest

with without_the_rest("pyroute2"):
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

NETLINK_ROUTE = 0
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNSID = 18, 22, 26, 90
NETNSA_NSID, NETNSA_FD = 1, 3

IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS = 29, 8
IFF_UP, IFF_LOOPBACK, IFF_LOWER_UP = 0x1, 0x8, 0x10000
RTM_F_CLONED = 0x200
RT_TABLE_LOCAL = 255
RTN_MULTICAST = 5

COUNTERS = Path("/proc/thread-self/net/snmp")
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
SOCKETS = (Path("/proc/thread-self/net/sockstat"), "TCP"), (Path("/proc/thread-self/net/sockstat6"), "TCP6")
"""All are those of the network namespace of the thread that reads them."""

Item = Link | Address | Route


class Contents(NamedTuple):
    links: tuple[Link, ...]
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]
    forward: bool = False
    traffic: Traffic = Traffic()
    listening: tuple[str, ...] = ()
    nat: tuple[Nat, ...] = ()


class Netlink:
    """Reads network namespaces; remembers decoded messages from one reading to the next."""

    def __init__(self) -> None:
        self._seen: dict[bytes, Item | None] = {}
        self._used: dict[bytes, Item | None] = {}

    def read(self, path: str) -> Contents | None:
        """The namespace at `path` (`/proc/PID/ns/net`, `/run/netns/NAME`); None when it is gone."""
        return probe.apart(lambda: self.read_all({0: path})).get(0)

    def read_all(self, paths: Mapping[int, str]) -> dict[int, Contents]:
        """Several namespaces in one go, by inode; those that are gone are left out. For a thread of
        `probe.apart`."""
        self._used = {}
        with ExitStack() as stack:
            files = {}
            for inode, path in paths.items() if len(paths) > 1 else ():
                try:
                    files[inode] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except OSError:
                    continue
                stack.callback(os.close, files[inode])
            jobs = [(path, probe.CLONE_NEWNET, partial(self._dump, files)) for path in paths.values()]
            found = probe.within(jobs)
        self._seen = self._used
        return {key: contents for key, contents in zip(paths, found, strict=True) if contents is not None}

    def _dump(self, files: Mapping[int, int]) -> Contents:
        """Everything in the net namespace of the calling thread. `files`: the others, opened, by inode."""
        with nlmsg.opened(NETLINK_ROUTE) as s:
            links = [item for item in self._items(s, RTM_GETLINK) if isinstance(item, Link)]
            addresses = [item for item in self._items(s, RTM_GETADDR) if isinstance(item, Address)]
            routes = [item for item in self._items(s, RTM_GETROUTE) if isinstance(item, Route)]
            if any(link.peer_netns is not None for link in links):
                ids = _netns_ids(s, files)
                links = [_with_peer(link, ids) for link in links]
        linked = any(link.kind != "loopback" for link in links)
        return Contents(
            tuple(links),
            tuple(addresses),
            tuple(routes),
            FORWARD.read_bytes().strip() == b"1",
            procfs.parse_snmp(COUNTERS.read_bytes()),
            sockdiag.read() if linked or _holds_sockets() else (),
            nftables.read() if linked else (),
        )

    def _items(self, s: socket.socket, request: int) -> Iterator[Item]:
        if request == RTM_GETLINK:
            body = struct.pack("=16xHHI", 8, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        else:
            body = bytes(8 if request == RTM_GETADDR else 12)
        for message in nlmsg.dump(s, request, body):
            # The header names the request, the rest only the thing.
            key = bytes([request]) + message[nlmsg.HEADER.size :]
            item = self._seen[key] if key in self._seen else decode(request, message)
            self._used[key] = item
            if item is not None:
                yield item


def _holds_sockets() -> bool:
    """Does the namespace have sockets of TCP at all? That costs less than to ask which, where nothing else
    says that there is a network."""
    for path, line in SOCKETS:
        for each in path.read_text(encoding="ascii").splitlines() if path.exists() else ():
            if each.startswith(f"{line}: inuse ") and not each.startswith(f"{line}: inuse 0"):
                return True
    return False


def _netns_ids(s: socket.socket, files: Mapping[int, int]) -> dict[int, int]:
    """What the namespace calls the others (ip-netns(8), `list-id`): its number for each, to the inode."""
    found = {}
    for inode, file in files.items():
        body = bytes(4) + nlmsg.attribute(NETNSA_FD, struct.pack("=I", file))
        answer = dict(nlmsg.attributes(nlmsg.ask(s, RTM_GETNSID, body)[nlmsg.HEADER.size + 4 :]))
        number = struct.unpack("=i", answer.get(NETNSA_NSID, b"\xff" * 4))[0]
        if number >= 0:
            found[number] = inode
    return found


def _with_peer(link: Link, ids: Mapping[int, int]) -> Link:
    return link if link.peer_netns is None else replace(link, peer_inode=ids.get(link.peer_netns))


def decode(request: int, message: bytes) -> Item | None:
    """A message of the kernel's answer; None for one of no interest to a learner."""
    parser, build = _KINDS[request]
    decoded = parser(message)
    decoded.decode()
    return build(decoded)


def _link(m: Any) -> Link:
    info = m.get_attr("IFLA_LINKINFO")
    flags = m["flags"]
    kind = (info.get_attr("IFLA_INFO_KIND") if info else None) or ("loopback" if flags & IFF_LOOPBACK else "")
    return Link(
        index=m["index"],
        name=m.get_attr("IFLA_IFNAME"),
        kind=kind,
        up=bool(flags & IFF_UP),
        carrier=bool(flags & IFF_LOWER_UP),
        mtu=m.get_attr("IFLA_MTU") or 0,
        address=m.get_attr("IFLA_ADDRESS") or "",
        master=m.get_attr("IFLA_MASTER"),
        peer=m.get_attr("IFLA_LINK"),
        peer_netns=m.get_attr("IFLA_LINK_NETNSID"),
    )


def _address(m: Any) -> Address:
    text = m.get_attr("IFA_LOCAL") or m.get_attr("IFA_ADDRESS")
    return Address(m["index"], f"{text}/{m['prefixlen']}", m["scope"])


def _route(m: Any) -> Route | None:
    table = m.get_attr("RTA_TABLE") or m["table"]
    if table == RT_TABLE_LOCAL or m["flags"] & RTM_F_CLONED or m["type"] == RTN_MULTICAST:
        return None  # they come and go with the addresses
    to = m.get_attr("RTA_DST")
    destination = f"{to}/{m['dst_len']}" if to else "default"
    return Route(destination, m.get_attr("RTA_GATEWAY"), m.get_attr("RTA_OIF"), table, m["type"])


_KINDS: Mapping[int, tuple[Any, Callable[[Any], Item | None]]] = {
    RTM_GETLINK: (ifinfmsg, _link),
    RTM_GETADDR: (ifaddrmsg, _address),
    RTM_GETROUTE: (rtmsg, _route),
}
