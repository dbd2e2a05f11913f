"""The picture of the networks, drawn from snapshots, at several widths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import process, snapshot
from network_builders import BOX, HOST, LO, A, changed, lesson_10, lesson_11, link, net, without
from test_render import show

from workshop.render import network, theme, where

TEN = """\
host  forwards
├─ wan 192.0.2.1/24 ═══ eth0 192.0.2.2/24, in world
├─ br0 10.0.0.1/24 (bridge)
│  └─ veth0 ═══ eth0 10.0.0.2/24, in box
├─ postrouting, from 10.0.0.0/24: masquerade
└─ prerouting, to port 8080: dnat to 10.0.0.2:80
box  ▶ you are here
├─ eth0 10.0.0.2/24 ═══ veth0, in host
├─ default → 10.0.0.1
└─ listens on [::]:80
world
└─ eth0 192.0.2.2/24 ═══ wan 192.0.2.1/24, in host"""


def test_the_picture_of_lesson_10() -> None:
    assert show(network.picture(lesson_10(), BOX)) == TEN


def test_in_ascii() -> None:
    text = show(network.picture(lesson_10(), BOX, theme.ASCII))
    assert text.isascii()
    assert "|  `- veth0 === eth0 10.0.0.2/24, in box" in text.splitlines()


def test_a_machine_comes_before_what_it_has_named() -> None:
    text = show(network.picture(lesson_11(), A))
    titles = [line.split("  ")[0] for line in text.splitlines() if line[0] not in "├└│"]
    assert titles == ["host", "machine-a", "inspector on machine-a", "machine-b", "inspector on machine-b"]
    assert "│  └─ br-veth0 ═══ veth0 10.10.0.2/24, in inspector on machine-a" in text.splitlines()
    assert "├─ 10.10.1.0/24 → 192.168.0.2" in text.splitlines()


@pytest.mark.parametrize("signs", [theme.UNICODE, theme.ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [40, 80])
def test_it_fits(width: int, signs: theme.Signs) -> None:
    for now in (lesson_10(), lesson_11()):
        text = show(network.picture(now, BOX, signs), width)
        assert max(map(len, text.splitlines())) <= width
    assert len(show(network.picture(lesson_11(), A)).splitlines()) <= 24


def test_what_is_down_cut_or_out_of_sight_is_said() -> None:
    down = changed(lesson_10(), BOX, links=(replace(LO, up=False), link(2, "eth0", up=False, peer=3)))
    text = show(network.picture(down))
    assert "├─ lo down" in text and "eth0 10.0.0.2/24 down ═══ out of sight" in text
    assert "wan 192.0.2.1/24 ═══ out of sight" in show(network.picture(without(lesson_10(), 5000)))


def test_both_ends_in_one_namespace() -> None:
    now = lesson_10(host=net(None, link(4, "veth0", peer=5), link(5, "eth0", peer=4)))
    assert "├─ veth0 ═══ eth0, in host" in show(network.picture(now)).splitlines()


def test_a_namespace_without_a_name_is_called_by_a_process() -> None:
    now = changed(lesson_10(), BOX, name=None, named_in=None)
    assert "bash (7)" in show(network.picture(now)).splitlines()
    assert network.name_of(now, 12345) == "another namespace"


def test_many_links_are_counted() -> None:
    ports = [link(n, f"v{n}", master=3) for n in range(10, 40)]
    bridge = lesson_10(host=net(None, link(3, "br0", "bridge"), *ports))
    assert "… and 18 more ports" in show(network.picture(bridge))
    plain = lesson_10(host=net(None, *(link(n, f"d{n}", "dummy") for n in range(10, 40))))
    assert "… and 18 more links" in show(network.picture(plain))


def test_nothing_but_lo_is_not_worth_a_picture() -> None:
    bare = replace(snapshot(process(7)), networks={HOST: net(None, pid=1)})
    assert not network.worth_drawing(bare)
    assert network.worth_drawing(lesson_10())
    assert show(network.picture(bare)) == "host\n└─ lo, and nothing else"


def test_the_state_shows_it() -> None:
    text = show(where.state(lesson_10(), 7))
    assert "Networks" in text and "box  ▶ you are here" in text
