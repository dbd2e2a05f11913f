"""Where TCP connections are waited for, by sock_diag(7): the kernel is asked for listening sockets alone.
`/proc/net/tcp` has them too, but it walks through the whole table of connections, for milliseconds."""

from __future__ import annotations

import ipaddress
import socket
import struct

from workshop.kernel import nlmsg

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
TCP_LISTEN = 10
_REQUEST = struct.Struct("=BBBxI48x")
"""struct inet_diag_req_v2: family, protocol, extensions, states, and any socket."""
_PORT, _ADDRESS = nlmsg.HEADER.size + 4, nlmsg.HEADER.size + 8


def read() -> tuple[str, ...]:
    """Those of the network namespace of the calling thread: `0.0.0.0:80`, `[::]:80`, in order."""
    found = set()
    try:
        with nlmsg.opened(NETLINK_SOCK_DIAG) as s:
            for family in (socket.AF_INET, socket.AF_INET6):
                body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << TCP_LISTEN)
                found |= {parse(message) for message in nlmsg.dump(s, SOCK_DIAG_BY_FAMILY, body)}
    except OSError:
        pass  # a kernel without it
    return tuple(sorted(found))


def parse(message: bytes) -> str:
    """struct inet_diag_msg: the local end."""
    (port,) = struct.unpack_from("!H", message, _PORT)
    if message[nlmsg.HEADER.size] == socket.AF_INET6:
        return f"[{ipaddress.IPv6Address(message[_ADDRESS : _ADDRESS + 16])}]:{port}"
    return f"{ipaddress.IPv4Address(message[_ADDRESS : _ADDRESS + 4])}:{port}"
