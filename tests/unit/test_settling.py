"""What a line has begun and not finished when its prompt comes back: such a state is waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kernel_builders import snapshot

from workshop.kernel.model import Cgroup
from workshop.settling import freezing


@pytest.mark.parametrize(
    ("controller", "values", "under_way"),
    [
        ("", {"cgroup.freeze": "1", "cgroup.events": "populated 1\nfrozen 0"}, True),
        ("", {"cgroup.freeze": "1", "cgroup.events": "populated 1\nfrozen 1"}, False),
        ("", {"cgroup.freeze": "0", "cgroup.events": "populated 1\nfrozen 0"}, False),
        ("freezer", {"freezer.state": "FREEZING"}, True),
        ("freezer", {"freezer.state": "FROZEN"}, False),
        ("memory", {}, False),
    ],
)
def test_a_group_on_its_way_into_the_ice(controller: str, values: dict[str, str], under_way: bool) -> None:
    now = replace(snapshot(), cgroups=(Cgroup(controller, "/ice", (7,), values),))
    assert freezing(now) == under_way
