"""Links, addresses and routes of network namespaces, by rtnetlink(7).

Requests go over a plain netlink socket, the answers are decoded by pyroute2. No socket is kept: it would keep
its network namespace, and so the veth in it, alive after the learner ended the last process there. What makes
reading fast instead is that a message seen before, byte for byte, is not decoded again.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from workshop.kernel import probe
from workshop.kernel.model import Address, Link, Route
from workshop.kernel.parts import without_the_rest

with without_the_rest("pyroute2"):
    from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
    from pyroute2.netlink.rtnl.rtmsg import rtmsg

RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST_DUMP = 0x301
HEADER = struct.Struct("=IHHII")

IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS = 29, 8
IFF_UP, IFF_LOOPBACK, IFF_LOWER_UP = 0x1, 0x8, 0x10000
RTM_F_CLONED = 0x200
RT_TABLE_LOCAL = 255
RTN_MULTICAST = 5

PATIENCE = 2.0
"""Seconds to wait for an answer of the kernel."""

Item = Link | Address | Route


class Contents(NamedTuple):
    links: tuple[Link, ...]
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]


class Netlink:
    """Reads network namespaces; remembers decoded messages from one reading to the next."""

    def __init__(self) -> None:
        self._seen: dict[bytes, Item | None] = {}
        self._used: dict[bytes, Item | None] = {}

    def read(self, path: str) -> Contents | None:
        """The namespace at `path` (`/proc/PID/ns/net`, `/run/netns/NAME`); None when it is gone."""
        return self.read_all({0: path}).get(0)

    def read_all(self, paths: Mapping[int, str]) -> dict[int, Contents]:
        """Several namespaces in one go; those that are gone are left out."""
        self._used = {}
        jobs = [(path, probe.CLONE_NEWNET, self._dump) for path in paths.values()]
        found = probe.within(jobs)
        self._seen = self._used
        return {key: contents for key, contents in zip(paths, found, strict=True) if contents is not None}

    def _dump(self) -> Contents:
        """Everything in the network namespace of the calling thread."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as s:
            s.settimeout(PATIENCE)
            s.bind((0, 0))
            links = [item for item in self._items(s, RTM_GETLINK) if isinstance(item, Link)]
            addresses = [item for item in self._items(s, RTM_GETADDR) if isinstance(item, Address)]
            routes = [item for item in self._items(s, RTM_GETROUTE) if isinstance(item, Route)]
        return Contents(tuple(links), tuple(addresses), tuple(routes))

    def _items(self, s: socket.socket, request: int) -> Iterator[Item]:
        for message in _answers(s, request):
            # The header names the request, the rest only the thing.
            key = bytes([request]) + message[HEADER.size :]
            item = self._seen[key] if key in self._seen else decode(request, message)
            self._used[key] = item
            if item is not None:
                yield item


def _answers(s: socket.socket, request: int) -> Iterator[bytes]:
    if request == RTM_GETLINK:
        body = struct.pack("=16xHHI", 8, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
    else:
        body = bytes(8 if request == RTM_GETADDR else 12)
    s.send(HEADER.pack(HEADER.size + len(body), request, NLM_F_REQUEST_DUMP, request, 0) + body)
    while True:
        data = s.recv(1 << 18)
        at = 0
        while at + HEADER.size <= len(data):
            length, kind, *_ = HEADER.unpack_from(data, at)
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("=i", data, at + HEADER.size)[0]
                raise OSError(code, "rtnetlink")
            yield data[at : at + length]
            at += (length + 3) & ~3


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
