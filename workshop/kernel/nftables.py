"""The rules of nftables that rewrite addresses, by nfnetlink.

iptables of today (iptables-nft) is read too: its rules are the same, with targets of the old kind in them.

Only as much of a rule is understood as tells what it does to whom: from where, by which link, to which port,
to where.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from workshop.kernel import nlmsg
from workshop.kernel.model import Nat

NETLINK_NETFILTER = 12
_SUBSYS = 10 << 8
NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, NFT_MSG_GETGEN = _SUBSYS | 4, _SUBSYS | 7, _SUBSYS | 16
_GENMSG = bytes(4)
"""struct nfgenmsg: all families."""
_BODY = nlmsg.HEADER.size + len(_GENMSG)
UNTOUCHED = 1
"""The number of a ruleset to which nothing was ever done."""

HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
Kind = Literal["masquerade", "snat", "dnat", "redirect"]
_TARGETS: Mapping[str, Kind] = {
    "MASQUERADE": "masquerade",
    "SNAT": "snat",
    "DNAT": "dnat",
    "REDIRECT": "redirect",
}
_LINKS = {6: "in by", 7: "out of"}
"""NFT_META_IIFNAME, NFT_META_OIFNAME, and how a packet stands to the link of that name."""
_JUMPS = (-3, -4)
"""NFT_JUMP, NFT_GOTO."""

Attributes = Mapping[int, bytes]
Chain = tuple[int, str, str]
"""Family, table, name."""


class Rule(NamedTuple):
    chain: Chain
    nat: Nat | None
    jumps: tuple[str, ...]


def read() -> tuple[Nat, ...]:
    """Those of the network namespace of the calling thread; none where the kernel has no nftables."""
    try:
        with nlmsg.opened(NETLINK_NETFILTER) as s:
            generation = dict(nlmsg.attributes(nlmsg.ask(s, NFT_MSG_GETGEN, _GENMSG)[_BODY:]))
            if _number(generation, 1) == UNTOUCHED:
                return ()
            chains = list(nlmsg.dump(s, NFT_MSG_GETCHAIN, _GENMSG))
            return parse(chains, nlmsg.dump(s, NFT_MSG_GETRULE, _GENMSG))
    except OSError:
        return ()


def parse(chains: Iterable[bytes], rules: Iterable[bytes]) -> tuple[Nat, ...]:
    """The answers of the kernel, chains first: a rule is where its chain hangs, or one that jumps there."""
    hooks: dict[Chain, str] = {}
    for message in chains:
        found = dict(nlmsg.attributes(message[_BODY:]))
        hook = _number(dict(nlmsg.attributes(found.get(4, b""))), 1) if 4 in found else None
        if hook is not None and hook < len(HOOKS):
            hooks[message[nlmsg.HEADER.size], _text(found, 1), _text(found, 3)] = HOOKS[hook]
    read = [rule(message) for message in rules]
    reached = len(hooks)
    while True:
        for each in read:
            for name in each.jumps:
                if each.chain in hooks:
                    hooks.setdefault((*each.chain[:2], name), hooks[each.chain])
        if len(hooks) == reached:
            break
        reached = len(hooks)
    return tuple(replace(each.nat, hook=hooks.get(each.chain, "")) for each in read if each.nat is not None)


def rule(message: bytes) -> Rule:
    """One rule. A small part of the machine that runs it: what is loaded into registers, and compared."""
    found = dict(nlmsg.attributes(message[_BODY:]))
    table, chain = _text(found, 1), _text(found, 2)
    loaded: dict[int, tuple[str, int]] = {}
    values: dict[int, bytes] = {}
    matched: dict[str, bytes] = {}
    jumps: list[str] = []
    nat: tuple[Kind, str | None] | None = None
    link: str | None = None
    for name, data in _expressions(found.get(4, b"")):
        match name:
            case "payload" | "meta":
                loaded[_number(data, 1) or 0] = _what(name, data)
            case "bitwise":
                what, _ = loaded.pop(_number(data, 1) or 0, ("", 0))
                loaded[_number(data, 2) or 0] = what, _ones(_value(data, 4))
            case "cmp":
                what, bits = loaded.get(_number(data, 1) or 0, ("", 0))
                if what in _LINKS.values():
                    link = f"{'not ' if _number(data, 2) else ''}{what} {_name(_value(data, 3))}"
                elif _number(data, 2) == 0:
                    matched[what] = _value(data, 3) + bytes([bits])
            case "immediate":
                values[_number(data, 1) or 0] = _value(data, 2)
                verdict = dict(nlmsg.attributes(dict(nlmsg.attributes(data.get(2, b""))).get(2, b"")))
                if _signed(verdict, 1) in _JUMPS:
                    jumps.append(_text(verdict, 2))
            case "masq":
                nat = "masquerade", None
            case "redir":
                nat = "redirect", None
            case "nat":
                address, port = values.get(_number(data, 3) or 0), values.get(_number(data, 5) or 0)
                nat = ("dnat" if _number(data, 1) else "snat"), _place(address, port)
            case "target" if _text(data, 1) in _TARGETS:
                nat = _TARGETS[_text(data, 1)], _old_place(data)
            case _:
                pass
    where = message[nlmsg.HEADER.size], table, chain
    if nat is None:
        return Rule(where, None, tuple(jumps))
    port = matched.get("port")
    return Rule(
        where,
        Nat(
            "",
            nat[0],
            source=_prefix(matched.get("source")),
            port=int.from_bytes(port[:2], "big") if port else None,
            link=link,
            to=nat[1],
            table=table,
            chain=chain,
        ),
        tuple(jumps),
    )


def _expressions(data: bytes) -> Iterable[tuple[str, Attributes]]:
    for _, element in nlmsg.attributes(data):
        expression = dict(nlmsg.attributes(element))
        yield _text(expression, 1), dict(nlmsg.attributes(expression.get(2, b"")))


def _what(name: str, data: Attributes) -> tuple[str, int]:
    """Which part of a packet is loaded, and how many bits of it."""
    if name == "meta":
        return _LINKS.get(_number(data, 2) or 0, ""), 0
    base, offset, length = (_number(data, kind) or 0 for kind in (2, 3, 4))
    if (base, offset) == (1, 12) and length <= 4:
        return "source", 8 * length
    if (base, offset, length) == (2, 2, 2):
        return "port", 16
    return "", 0


def _name(value: bytes) -> str:
    """Of a link; one that a wildcard stands for has no zero at its end."""
    name = value.rstrip(b"\0").decode(errors="replace")
    return name if value.endswith(b"\0") else f"{name}*"


def _prefix(matched: bytes | None) -> str | None:
    """An address as it was compared, and the number of bits of it that were."""
    if not matched:
        return None
    value, bits = matched[:-1], matched[-1]
    return f"{ipaddress.IPv4Address(value[:4].ljust(4, bytes(1)))}/{bits}"


def _place(address: bytes | None, port: bytes | None) -> str | None:
    host = str(ipaddress.ip_address(address)) if address and len(address) in (4, 16) else ""
    number = f":{int.from_bytes(port[:2], 'big')}" if port else ""
    return host + number or None


def _old_place(data: Attributes) -> str | None:
    """The range of a target of iptables: struct nf_nat_range2, or the old one for IPv4 in revision 0."""
    info = data.get(3, b"")
    if _text(data, 1) not in ("SNAT", "DNAT") or len(info) < 20:
        return None
    if _number(data, 2):
        flags, address = struct.unpack_from("=I", info)[0], info[4:8]
        port = info[36:38]
    else:
        flags, address = struct.unpack_from("=I", info, 4)[0], info[8:12]
        port = info[16:18]
    return _place(address if flags & 1 else None, port if flags & 2 and any(port) else None)


def _ones(mask: bytes) -> int:
    return int.from_bytes(mask, "big").bit_count()


def _value(data: Attributes, kind: int) -> bytes:
    return dict(nlmsg.attributes(data.get(kind, b""))).get(1, b"")


def _number(found: Attributes, kind: int) -> int | None:
    value = found.get(kind)
    return int.from_bytes(value, "big") if value is not None else None


def _signed(found: Attributes, kind: int) -> int:
    return int.from_bytes(found.get(kind, b""), "big", signed=True)


def _text(found: Attributes, kind: int) -> str:
    return found.get(kind, b"").split(b"\0")[0].decode(errors="replace")
