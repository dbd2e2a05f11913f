"""What the counters prove: pings, names, connections. The first that is broken is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import HOST_MOUNTS, HOST_NS, process, view
from network_builders import (
    BOX,
    DNAT,
    HOST,
    IN_A,
    IN_B,
    A,
    changed,
    counting,
    lesson_10,
    lesson_11,
    without,
)

from checks import traffic
from workshop.kernel.model import MountTable, Route, Snapshot, Traffic, mount_key

NOW = lesson_10()
OUT = {"source": "box", "target": "world", "via": "host"}
SENT = Traffic(asked=1)
CAME_BACK = {
    "box": Traffic(asked=1, replies=1),
    "world": Traffic(was_asked=1),
    "host": Traffic(forwarded=2),
}

# -- ping


def test_pinged_passes():
    assert traffic.pinged(view(counting(NOW, **CAME_BACK)), **OUT).passed
    near = counting(NOW, box=Traffic(asked=3, replies=1), host=Traffic(was_asked=1))
    assert traffic.pinged(view(near), source="box", target="host").passed


@pytest.mark.parametrize(
    ("change", "counters", "diagnosis"),
    [
        ({}, {}, None),
        ({}, {"box": CAME_BACK["box"]}, "echo-lost"),
        ({}, {"box": SENT, "world": Traffic(was_asked=1), "host": Traffic(forwarded=1)}, "no-way-back"),
        ({}, {"box": Traffic(asked=1, unreachable=1)}, "router-lost"),
        ({}, {"host": Traffic(asked=1, replies=1), "world": Traffic(was_asked=1)}, None),
        ({"inode": HOST, "forward": False}, {"box": SENT}, "forward-off"),
        ({"inode": BOX, "routes": (Route("10.0.0.0/24", None, 2, 254, 1),)}, {}, "no-route"),
    ],
    ids=["not-yet", "answered-by-another", "one-way", "told", "from-the-host", "forward-off", "no-route"],
)
def test_pinged_misses(change, counters, diagnosis):
    now = counting(NOW, **counters)
    if change:
        now = changed(now, change["inode"], **{k: v for k, v in change.items() if k != "inode"})
    verdict = traffic.pinged(view(now), **OUT)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)
    assert verdict.evidence


def test_a_ping_of_an_earlier_step_does_not_count():
    was = counting(NOW, **CAME_BACK)
    assert not traffic.pinged(view(was, before=was), **OUT).passed
    assert traffic.pinged(view(NOW), source="box", target="nobody").diagnosis == "no-netns"


ACROSS = {"source": "machine-a/inspector", "target": "machine-b/inspector"}


@pytest.mark.parametrize(
    ("counters", "answer", "passes", "diagnosis"),
    [
        ({"in_a": Traffic(asked=1, unreachable=1)}, "no", True, None),
        ({"in_a": SENT, "in_b": Traffic(was_asked=1)}, "no", True, None),
        ({"in_a": Traffic(asked=1, replies=1), "in_b": Traffic(was_asked=1)}, "Yes", True, None),
        ({"in_a": Traffic(asked=1, unreachable=1)}, "yes", False, "one-hop-only"),
        ({"in_a": Traffic(asked=1, unreachable=1)}, None, False, None),
        ({}, "no", False, None),
        ({"in_a": Traffic(asked=1, replies=1)}, "no", False, None),
    ],
    ids=["told", "silence", "works", "wrong", "no-answer", "not-tried", "gateway-only"],
)
def test_predict_ping(counters, answer, passes, diagnosis):
    now = counting(lesson_11(), **counters)
    verdict = traffic.predict_ping(view(now, answer=answer), **ACROSS)
    assert (verdict.passed, verdict.diagnosis) == (passes, diagnosis)


# -- names

NAMES = {"netns": "box", "server": "host", "target": "world"}
RESOLVED = {
    "box": Traffic(asked=1, replies=1, datagrams=2),
    "host": Traffic(datagrams=2, forwarded=2),
    "world": Traffic(was_asked=1),
}


def test_resolves_passes_for_any_process_inside():
    now = counting(NOW, **RESOLVED)
    assert traffic.resolves(view(now, 7), **NAMES).passed
    assert traffic.resolves(view(now, 1), **NAMES).passed


@pytest.mark.parametrize(
    ("counters", "diagnosis"),
    [
        (RESOLVED | {"host": Traffic()}, "no-dns"),
        (RESOLVED | {"box": Traffic(asked=1, replies=1)}, "no-dns"),
        (RESOLVED | {"box": Traffic(datagrams=2)}, None),
        (RESOLVED | {"world": Traffic()}, None),
    ],
    ids=["nobody-asked", "no-answer", "not-pinged", "pinged-another"],
)
def test_resolves_misses(counters, diagnosis):
    verdict = traffic.resolves(view(counting(NOW, **counters)), **NAMES)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_the_hosts_own_file_is_no_file_of_its_own():
    now = counting(NOW, **RESOLVED)
    plain = replace(now, mounts={**now.mounts, mount_key(now.processes[7]): MountTable(7, HOST_MOUNTS)})
    assert traffic.resolves(view(plain), **NAMES).diagnosis == "names-of-the-host"
    empty = replace(now, processes={1: now.processes[1]})
    assert traffic.resolves(view(empty), **NAMES).diagnosis == "nobody-inside"


# -- a published port

PORT = {"port": 8080, "to": "10.0.0.2:80", "netns": "box", "source": "world"}
FETCHED = {"box": Traffic(accepted=1), "world": Traffic(opened=1)}


@pytest.mark.parametrize(
    "host",
    [
        {},
        {"nat": (replace(DNAT, to="10.0.0.2"),)},
        {"nat": (replace(DNAT, port=None, to=None),)},
        {"nat": (), "listening": ("0.0.0.0:8080",)},
    ],
    ids=["rule", "port-kept", "a-map", "a-proxy"],
)
def test_published_passes(host):
    assert traffic.published(view(changed(counting(NOW, **FETCHED), HOST, **host)), **PORT).passed


@pytest.mark.parametrize(
    ("inode", "change", "diagnosis"),
    [
        (BOX, {"listening": ()}, "nobody-listens"),
        (BOX, {"listening": ("127.0.0.1:80",)}, "listens-on-lo"),
        (HOST, {"nat": ()}, "not-published"),
        (HOST, {"nat": (replace(DNAT, hook="output"),)}, "dnat-other"),
        (HOST, {"nat": (replace(DNAT, port=80),)}, "dnat-other"),
        (HOST, {"nat": (replace(DNAT, to="10.0.0.9:80"),)}, "dnat-other"),
    ],
)
def test_published_misses(inode, change, diagnosis):
    verdict = traffic.published(view(changed(counting(NOW, **FETCHED), inode, **change)), **PORT)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


def test_published_wants_a_connection_from_the_world():
    assert not traffic.published(view(NOW), **PORT).passed
    from_host = counting(NOW, box=Traffic(accepted=1), host=Traffic(opened=1))
    assert not traffic.published(view(from_host), **PORT).passed
    failed = counting(NOW, world=Traffic(opened=1, refused=1))
    assert traffic.published(view(failed), **PORT).diagnosis == "connection-failed"


# -- pages and their balancer

BOTH = "machine-a/inspector machine-b/inspector"
FRONT = {"netns": "machine-a", "program": "nginx", "port": 80, "backends": BOTH}
SHARED = {"a": Traffic(accepted=4, opened=4), "in_a": Traffic(accepted=2), "in_b": Traffic(accepted=2)}


def test_serves():
    now = lesson_11()
    assert traffic.serves(view(now), netns="machine-a/inspector", port=80).passed
    four = changed(now, IN_B, listening=("10.10.1.2:80",))
    assert traffic.serves(view(four), netns="machine-b/inspector", port=80).passed
    alone = changed(now, IN_A, listening=("127.0.0.1:80",))
    assert traffic.serves(view(alone), netns="machine-a/inspector", port=80).diagnosis == "listens-on-lo"
    outside = changed(now, IN_A, listening=())
    assert traffic.serves(view(outside), netns="machine-a/inspector", port=80).diagnosis == "serves-elsewhere"
    assert traffic.serves(view(now), netns="machine-a/inspector", port=81).diagnosis == "nobody-listens"


def test_balances_passes():
    assert traffic.balances(view(counting(lesson_11(), **SHARED)), **FRONT).passed
    uneven = SHARED | {"a": Traffic(accepted=9), "in_b": Traffic(accepted=1)}
    assert traffic.balances(view(counting(lesson_11(), **uneven)), **FRONT).passed


def elsewhere(comm: str, net: int, state: str = "S") -> Snapshot:
    return counting(lesson_11(process(30, comm, ns={**HOST_NS, "net": net}, state=state)), **SHARED)


@pytest.mark.parametrize(
    ("now", "diagnosis"),
    [
        (counting(lesson_11(), **(SHARED | {"in_b": Traffic()})), "one-backend"),
        (counting(lesson_11(), **(SHARED | {"a": Traffic(opened=4)})), None),
        (elsewhere("httpd", A), "no-balancer"),
        (elsewhere("nginx", HOST), "no-balancer"),
        (elsewhere("nginx", A, "Z"), "no-balancer"),
        (changed(counting(lesson_11(), **SHARED), A, listening=()), "no-balancer"),
        (without(counting(lesson_11(), **SHARED), IN_B), "no-netns"),
    ],
    ids=["one-only", "past-it", "other-program", "on-the-host", "dead", "deaf", "gone"],
)
def test_balances_misses(now, diagnosis):
    verdict = traffic.balances(view(now), **FRONT)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)


ONE_LEFT = {"a": Traffic(accepted=4, opened=5, refused=1), "in_a": Traffic(accepted=4)}


def test_still_answers_passes():
    now = changed(counting(lesson_11(), **ONE_LEFT), IN_B, listening=())
    assert traffic.still_answers(view(now), **FRONT).passed
    assert traffic.still_answers(view(without(now, IN_B)), **FRONT).passed, "the whole namespace is gone"


@pytest.mark.parametrize(
    ("stopped", "counters", "diagnosis"),
    [
        ((), ONE_LEFT, "none-stopped"),
        ((IN_A, IN_B), ONE_LEFT, "all-stopped"),
        ((IN_B,), {"a": Traffic(accepted=1), "in_a": Traffic(accepted=1)}, None),
        ((IN_B,), {"a": Traffic(accepted=1, refused=1)}, None),
    ],
    ids=["none", "all", "not-noticed", "nobody-answered"],
)
def test_still_answers_misses(stopped, counters, diagnosis):
    now = counting(lesson_11(), **counters)
    for inode in stopped:
        now = changed(now, inode, listening=())
    verdict = traffic.still_answers(view(now), **FRONT)
    assert (verdict.state, verdict.diagnosis) == ("missed", diagnosis)
