"""Netlink's bytes to values: attributes, rules of nftables and iptables, listening sockets, counters.

`answers.json` has what a real kernel said after the lines in `RULES`.
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from network_builders import BOX, HOST, MASQUERADE, changed, counting, lesson_10

from workshop.kernel import nftables, nlmsg, procfs, sockdiag
from workshop.kernel.diff import diff
from workshop.kernel.diff.network import nat_text
from workshop.kernel.model import Nat, Traffic
from workshop.kernel.serial import from_json, to_json

ANSWERS = json.loads((Path(__file__).parents[1] / "replay/netlink/answers.json").read_text())
CHAINS, HEARD, RAW = (
    [base64.b64decode(text) for text in ANSWERS[name]] for name in ("chains", "listening", "rules")
)
RULES = {
    "ip saddr 10.0.0.0/20 counter masquerade": Nat("postrouting", "masquerade", "10.0.0.0/20"),
    "ip saddr 10.1.0.9 snat to 192.0.2.1": Nat("postrouting", "snat", "10.1.0.9/32", to="192.0.2.1"),
    "tcp dport 8080 counter dnat to 10.0.0.2:80": Nat("prerouting", "dnat", port=8080, to="10.0.0.2:80"),
    "tcp dport != 22 redirect to :90": Nat("prerouting", "redirect"),
    "masquerade, in a chain at no hook": Nat("", "masquerade"),
    "-s 10.0.0.0/24 ! -o br0 -j MASQUERADE": Nat(
        "postrouting", "masquerade", "10.0.0.0/24", link="not out of br0"
    ),
    "-p tcp --dport 8080 -j DNAT --to 10.0.0.2:80": Nat("prerouting", "dnat", port=8080, to="10.0.0.2:80"),
    "-j DNAT --to 10.0.0.2, in a chain that OUTPUT jumps to": Nat("output", "dnat", to="10.0.0.2"),
}


def test_rules_of_both_kinds() -> None:
    found = [replace(rule, table="", chain="") for rule in nftables.parse(CHAINS, RAW)]
    assert dict(zip(RULES, found, strict=True)) == RULES


def test_where_a_rule_stands() -> None:
    assert {(rule.table, rule.chain) for rule in nftables.parse(CHAINS, RAW)} >= {
        ("nat", "postrouting"),
        ("nat", "PREROUTING"),
        ("nat", "FOO"),
    }


def test_chains_that_jump_in_a_circle_come_to_an_end() -> None:
    assert len(nftables.parse([], RAW)) == len(RULES)


@given(st.binary(max_size=200))
def test_rubbish_is_a_rule_without_sense(data: bytes) -> None:
    message = bytes(nlmsg.HEADER.size) + bytes(4) + data
    assert nftables.rule(message).jumps is not None
    assert isinstance(nftables.parse([message], [message]), tuple)


@pytest.mark.parametrize("cut", range(24, 120, 7))
def test_rules_cut_off(cut: int) -> None:
    for message in RAW:
        nftables.rule(message[:cut])


def test_attributes_come_back() -> None:
    data = nlmsg.attribute(3, b"abcde") + nlmsg.attribute(0x8001, b"")
    assert len(data) % 4 == 0
    assert list(nlmsg.attributes(data)) == [(3, b"abcde"), (1, b"")]
    assert list(nlmsg.attributes(struct.pack("=HH", 2, 1))) == []


def test_listening_sockets() -> None:
    assert sorted(map(sockdiag.parse, HEARD)) == ["127.0.0.1:80", "[::]:8080"]


SNMP = b"""\
Ip: Forwarding DefaultTTL ForwDatagrams
Ip: 1 64 7
Icmp: InDestUnreachs InEchos InEchoReps OutEchos
Icmp: 1 2 3 4
IcmpMsg: InType0
IcmpMsg: 3
Tcp: ActiveOpens PassiveOpens AttemptFails MaxConn
Tcp: 5 6 8 -1
Udp: InDatagrams NoPorts
Udp: 9 0
"""


def test_counters_by_their_names() -> None:
    assert procfs.parse_snmp(SNMP) == Traffic(
        forwarded=7,
        unreachable=1,
        was_asked=2,
        replies=3,
        asked=4,
        opened=5,
        accepted=6,
        refused=8,
        datagrams=9,
    )
    assert procfs.parse_snmp(b"") == Traffic()


def test_networks_come_back_from_json() -> None:
    now = counting(lesson_10(), box=Traffic(asked=1))
    assert from_json(to_json(now)) == now


def test_a_recording_may_be_older_than_a_field() -> None:
    now = lesson_10(host=replace(lesson_10().networks[HOST], nat=(), forward=False))
    data = json.loads(to_json(now))
    del data["snapshot"]["networks"][str(HOST)]["nat"]
    del data["snapshot"]["networks"][str(HOST)]["forward"]
    assert from_json(json.dumps(data)) == now
    del data["snapshot"]["networks"][str(HOST)]["links"]
    with pytest.raises(ValueError, match="links unknown or missing"):
        from_json(json.dumps(data))


# -- what is told of a change


def test_traffic_rules_and_forwarding_are_told() -> None:
    before = changed(lesson_10(), HOST, nat=(), forward=False)
    before = changed(before, BOX, listening=())
    now = counting(lesson_10(), box=Traffic(asked=2, replies=2), host=Traffic(forwarded=4))
    now = changed(now, HOST, nat=(MASQUERADE,))
    told = [(c.verb, c.subject, c.before, c.after) for c in diff(before, now) if c.area == "network"]
    assert told == [
        ("added", "postrouting rule", None, "from 10.0.0.0/24: masquerade"),
        ("changed", "forwarding", "off", "on"),
        ("changed", "traffic", None, "4 forwarded"),
        ("added", "listening in box", None, "[::]:80"),
        ("changed", "traffic in box", None, "2 echo out, 2 reply in"),
    ]


def test_a_rule_in_words() -> None:
    assert nat_text(Nat("", "redirect")) == "all: redirect"
    assert nat_text(replace(MASQUERADE, link="out of wan")) == "from 10.0.0.0/24 out of wan: masquerade"
    assert nat_text(replace(MASQUERADE, port=80)) == "from 10.0.0.0/24 to port 80: masquerade"
