"""Netlink messages as bytes: requests and answers (netlink(7)), attributes (libmnl's TLVs)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

HEADER = struct.Struct("=IHHII")
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
NLA_TYPE_MASK = 0x3FFF

PATIENCE = 10.0
"""Seconds to wait for an answer of the kernel."""


@contextmanager
def opened(protocol: int) -> Iterator[socket.socket]:
    """A socket of one of netlink's families, in the network namespace of the calling thread."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as s:
        s.settimeout(PATIENCE)
        s.bind((0, 0))
        yield s


def dump(s: socket.socket, request: int, body: bytes) -> Iterator[bytes]:
    """All the messages that answer a request for a list, header and all; OSError if it is refused."""
    _send(s, request, NLM_F_REQUEST | NLM_F_DUMP, body)
    while True:
        for kind, message in _received(s):
            if kind == NLMSG_DONE:
                return
            yield message


def ask(s: socket.socket, request: int, body: bytes) -> bytes:
    """The one message that answers a request."""
    _send(s, request, NLM_F_REQUEST, body)
    return next(message for _, message in _received(s))


def _send(s: socket.socket, request: int, flags: int, body: bytes) -> None:
    s.send(HEADER.pack(HEADER.size + len(body), request, flags, request, 0) + body)


def _received(s: socket.socket) -> Iterator[tuple[int, bytes]]:
    data = s.recv(1 << 18)
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, at)
        if kind == NLMSG_ERROR:
            code = -struct.unpack_from("=i", data, at + HEADER.size)[0]
            raise OSError(code, "netlink")
        yield kind, data[at : at + length]
        at += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each attribute; what is cut off ends the list."""
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4 or at + length > len(data):
            return
        yield kind & NLA_TYPE_MASK, data[at + 4 : at + length]
        at += (length + 3) & ~3
