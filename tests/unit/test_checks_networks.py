"""Links, bridges, addresses, routes, rules: right ways pass, and each near miss is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import HOST_NS, own, process, view
from network_builders import (
    BOX,
    DNAT,
    HOST,
    IN_A,
    LO,
    MASQUERADE,
    WORLD,
    A,
    B,
    cable,
    changed,
    counting,
    lesson_10,
    lesson_11,
    link,
    net,
    without,
)

from checks import networks
from workshop.kernel.model import Route, Snapshot, Traffic
from workshop.kernel.verdict import Verdict

NOW = lesson_10()
ECHOED = Traffic(asked=1, was_asked=1, replies=1)


def judged(verdict: Verdict) -> tuple[str, str | None]:
    return verdict.state, verdict.diagnosis


# -- which namespace is meant


def test_a_namespace_without_a_name_is_the_learners_own():
    now = counting(changed(NOW, BOX, name=None, named_in=None), box=ECHOED)
    assert networks.loopback_works(view(now, 7), netns="box").passed
    outside = view(replace(now, processes={**now.processes, 7: process(7)}), 7)
    assert networks.loopback_works(outside, netns="box").diagnosis == "no-netns"


def test_a_process_in_a_namespace_of_another_name_is_not_meant():
    now = changed(NOW, BOX, name="other")
    assert networks.loopback_works(view(now, 7), netns="box").diagnosis == "no-netns"


def test_one_name_on_two_machines_is_two_namespaces():
    now = lesson_11()
    for machine, number in (("machine-a", 0), ("machine-b", 1)):
        here = f"{machine}/inspector"
        address = f"10.10.{number}.2/24"
        assert networks.has_address(view(now), netns=here, address=address).passed
        assert networks.bridge_port(view(now), netns=here, outer=machine, bridge="containers").passed
    gone = without(now, IN_A)
    assert networks.bridge_port(
        view(gone), netns="machine-a/inspector", outer="machine-a", bridge="containers"
    ).diagnosis == ("no-netns")


# -- lo


def test_loopback_works():
    assert networks.loopback_works(view(counting(NOW, box=ECHOED)), netns="box").passed
    again = counting(NOW, box=Traffic(asked=9, was_asked=9, replies=9))
    assert networks.loopback_works(view(again, before=counting(NOW, box=ECHOED)), netns="box").passed


def test_loopback_works_misses():
    assert judged(networks.loopback_works(view(NOW), netns="box")) == ("missed", None)
    was = counting(NOW, box=ECHOED)
    assert not networks.loopback_works(view(was, before=was), netns="box").passed, "of an earlier step"
    down = changed(was, BOX, links=(replace(LO, up=False),))
    verdict = networks.loopback_works(view(down), netns="box")
    assert judged(verdict) == ("missed", "lo-down")
    assert verdict.evidence[0].source == "ip link, in /proc/7/ns/net"
    on_host = counting(NOW, host=ECHOED)
    assert not networks.loopback_works(view(on_host), netns="box").passed, "the host was pinged"


def test_an_inode_that_is_used_again_has_new_counters():
    before = counting(NOW, box=Traffic(asked=50, was_asked=50, replies=50))
    assert networks.loopback_works(view(counting(NOW, box=ECHOED), before=before), netns="box").passed


# -- cables and bridges


@pytest.mark.parametrize("name", ["eth0", "veth1"])
def test_veth_into_passes(name):
    now = changed(NOW, BOX, links=(LO, cable(2, name, 4, HOST)))
    assert networks.veth_into(view(now), netns="box").passed


@pytest.mark.parametrize(
    ("host", "box", "diagnosis"),
    [
        ((link(4, "veth0", peer=5), link(5, "eth0", peer=4)), (LO,), "cable-not-in"),
        ((cable(4, "veth0", 2, WORLD),), (LO,), "no-cable"),
        ((cable(4, "veth0", 3, BOX),), (LO, cable(2, "eth0", 4, WORLD)), "no-cable"),
        ((link(4, "veth0", "dummy"),), (LO, link(2, "eth0", "dummy")), "no-cable"),
    ],
    ids=["both-here", "to-the-world", "index-equal-by-chance", "dummies"],
)
def test_veth_into_misses(host, box, diagnosis):
    now = changed(changed(NOW, HOST, links=host), BOX, links=box)
    assert judged(networks.veth_into(view(now), netns="box")) == ("missed", diagnosis)


def with_host(now: Snapshot, **fields: object) -> Snapshot:
    """One of the host's links changed: br0 is 3, veth0 is 4."""
    index, changes = fields.pop("index"), fields
    links = tuple(replace(x, **changes) if x.index == index else x for x in now.networks[HOST].links)
    return changed(now, HOST, links=links)


def test_bridge_port_passes():
    assert networks.bridge_port(view(NOW), netns="box", bridge="br0").passed
    second = cable(9, "spare", 8, BOX)
    more = changed(NOW, HOST, links=(second, *NOW.networks[HOST].links))
    more = changed(more, BOX, links=(cable(8, "eth1", 9, HOST), *NOW.networks[BOX].links))
    assert networks.bridge_port(view(more), netns="box", bridge="br0").passed, "one of two cables is in it"


@pytest.mark.parametrize(
    ("change", "diagnosis"),
    [
        ({"index": 3, "name": "br1"}, "no-bridge"),
        ({"index": 3, "kind": "dummy"}, "no-bridge"),
        ({"index": 3, "up": False}, "link-down"),
        ({"index": 4, "up": False}, "link-down"),
        ({"index": 4, "master": None}, "not-a-port"),
        ({"index": 4, "peer": 7}, "no-cable"),
    ],
)
def test_bridge_port_misses(change, diagnosis):
    now = with_host(NOW, **change)
    assert judged(networks.bridge_port(view(now), netns="box", bridge="br0")) == ("missed", diagnosis)


# -- addresses and routes


def test_has_address_passes():
    assert networks.has_address(view(NOW), netns="host", address="10.0.0.1/24", kind="bridge").passed
    assert networks.has_address(view(NOW), netns="box", address="10.0.0.2/24").passed
    held = NOW.networks[BOX].addresses
    tried = changed(NOW, BOX, addresses=(replace(held[0], address="10.0.0.2/32"), *held))
    assert networks.has_address(view(tried), netns="box", address="10.0.0.2/24").passed, "and one left over"


@pytest.mark.parametrize(
    ("network", "diagnosis"),
    [
        ({"addresses": {2: "10.0.0.2/32"}}, "wrong-prefix"),
        ({"addresses": {2: "10.0.0.9/24"}}, "no-address"),
        ({}, "no-address"),
    ],
)
def test_has_address_misses(network, diagnosis):
    now = lesson_10(box=net("box", cable(2, "eth0", 4, HOST), pid=7, **network))
    assert judged(networks.has_address(view(now), netns="box", address="10.0.0.2/24")) == (
        "missed",
        diagnosis,
    )


def test_an_address_on_a_port_or_on_the_wrong_side():
    asked = {"netns": "host", "address": "10.0.0.1/24", "kind": "bridge"}
    on_port = net(None, link(3, "br0", "bridge"), cable(4, "veth0", 2, BOX), addresses={4: "10.0.0.1/24"})
    assert networks.has_address(view(lesson_10(host=on_port)), **asked).diagnosis == "address-on-port"
    nowhere = lesson_10(host=net(None), box=net("box", LO, addresses={1: "10.0.0.1/24"}))
    assert networks.has_address(view(nowhere), **asked).diagnosis == "address-elsewhere"
    down = with_host(NOW, index=3, up=False)
    assert networks.has_address(view(down), **asked).diagnosis == "link-down"


def test_has_route():
    assert networks.has_route(view(NOW), netns="box", by="10.0.0.1").passed
    across = {"netns": "machine-a", "by": "192.168.0.2", "to": "10.10.1.0/24"}
    assert networks.has_route(view(lesson_11()), **across).passed
    wider = changed(lesson_11(), A, routes=(Route("10.10.0.0/16", "192.168.0.2", 2, 254, 1),))
    assert networks.has_route(view(wider), **across).passed


def test_has_route_misses():
    asked = {"netns": "box", "by": "10.0.0.1"}
    no = changed(NOW, BOX, routes=(Route("10.0.0.0/24", None, 2, 254, 1),))
    assert networks.has_route(view(no), **asked).diagnosis == "no-route"
    other = changed(NOW, BOX, routes=(Route("default", "10.0.0.7", 2, 254, 1),))
    assert networks.has_route(view(other), **asked).diagnosis == "other-gateway"
    elsewhere = changed(NOW, BOX, routes=(Route("default", "10.0.0.1", 2, 100, 1),))
    assert networks.has_route(view(elsewhere), **asked).diagnosis == "no-route", "another table"
    six = changed(NOW, BOX, routes=(Route("default", "fe80::1", 2, 254, 1),))
    assert networks.has_route(view(six), **asked).diagnosis == "no-route"


# -- forwarding and NAT


def test_forwards():
    assert networks.forwards(view(NOW)).passed
    assert networks.forwards(view(lesson_11()), netns="machine-b").passed
    assert networks.forwards(view(changed(NOW, HOST, forward=False))).diagnosis == "forward-off"
    inside = changed(changed(NOW, HOST, forward=False), BOX, forward=True)
    assert networks.forwards(view(inside)).diagnosis == "forward-off", "set in the box"


@pytest.mark.parametrize(
    "rule",
    [
        MASQUERADE,
        replace(MASQUERADE, source=None),
        replace(MASQUERADE, source="10.0.0.0/8"),
        replace(MASQUERADE, kind="snat", to="192.0.2.1"),
    ],
)
def test_translates_passes(rule):
    assert networks.translates(view(changed(NOW, HOST, nat=(rule,))), source="10.0.0.0/24").passed


@pytest.mark.parametrize(
    ("rules", "diagnosis"),
    [
        ((), "no-nat"),
        ((DNAT,), "no-nat"),
        ((replace(MASQUERADE, hook=""),), "nat-other"),
        ((replace(MASQUERADE, source="10.1.0.0/24"),), "nat-other"),
        ((replace(MASQUERADE, source="10.0.0.2/32"),), "nat-other"),
    ],
)
def test_translates_misses(rules, diagnosis):
    now = changed(NOW, HOST, nat=rules)
    assert judged(networks.translates(view(now), source="10.0.0.0/24")) == ("missed", diagnosis)


def test_a_rule_in_another_namespace():
    now = changed(changed(NOW, HOST, nat=()), BOX, nat=(MASQUERADE,))
    assert networks.translates(view(now), source="10.0.0.0/24").diagnosis == "nat-elsewhere"


def test_the_builders_tell_the_truth():
    assert own("net")["net"] == BOX
    assert lesson_11().networks[B].named_in == HOST == HOST_NS["net"]
