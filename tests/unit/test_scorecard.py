"""The score card's rows and how they look; names of containers, by engines that are pretended."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from kernel_builders import HOST_MOUNTS, mount, process, snapshot
from rich.console import Console, RenderableType
from rich.theme import Theme

from workshop.errors import UsageError
from workshop.kernel.verdict import Evidence, missed, passed, unsupported
from workshop.names import resolve
from workshop.registry import check, wrong_params
from workshop.render import theme
from workshop.render.scorecard import beside, card
from workshop.scorecard import ROWS, Scored, score
from workshop.scorecard import missed as count_missed


def show(renderable: RenderableType, width: int = 80) -> str:
    file = io.StringIO()
    styles = Theme(theme.STYLES, inherit=False)
    Console(file=file, width=width, theme=styles, color_system=None, highlight=False).print(renderable)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_every_row_names_a_check_and_what_that_takes() -> None:
    for row in ROWS:
        assert wrong_params(check(row.check), row.params) == [], row.title
    assert len({row.title for row in ROWS}) == len(ROWS)


def test_a_plain_process_is_no_container() -> None:
    mounts = (*HOST_MOUNTS, mount("/sys", "sysfs", dev=44))
    scored = score(snapshot(process(7), mounts={1: mounts}), 7)
    assert not any(each.verdict.passed for each in scored)
    assert count_missed(scored) == sum(each.verdict.state == "missed" for each in scored) > 0
    assert all(each.verdict.check == each.row.check for each in scored)


PROOF = (Evidence("Seccomp", "2 (filter)", "/proc/812/status"),)
MET = tuple(Scored(row, passed(row.title, "it is", PROOF)) for row in ROWS[:3])
MIXED = (
    Scored(ROWS[0], passed("a", "it is", PROOF)),
    Scored(ROWS[1], missed("a", "it is not", PROOF)),
    Scored(ROWS[2], unsupported("a", "nobody knows")),
)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_one_card(width: int) -> None:
    text = show(card("web (docker, 812)", MIXED), width)
    assert "web (docker, 812)" in text and "/proc/812/status" in text
    assert "1 of 2 rows are met; 1 row cannot be judged" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("signs", [theme.UNICODE, theme.ASCII])
def test_cards_side_by_side(width: int, signs: theme.Signs) -> None:
    text = show(beside([("yours", MET), ("the lab", MIXED), ("web (docker, 812)", MET)], signs), width)
    assert max(map(len, text.splitlines())) <= width
    together = " ".join(text.split())
    assert "Where they differ" in together
    assert "the lab: it is not" in together
    assert ROWS[0].title not in together.partition("Where they differ")[2]
    assert signs is theme.UNICODE or text.isascii()


def test_many_cards_keep_their_labels_in_80_columns() -> None:
    rows = tuple(Scored(row, passed("a", "it is")) for row in ROWS)
    shown = show(beside([(f"process {7000 + number}", rows) for number in range(8)])).splitlines()
    assert max(map(len, shown)) <= 80
    for row in ROWS:
        assert sum(line.startswith(f"{row.title} ") for line in shown) == 2  # six containers, and two
    assert " ".join(shown[0].split()) == " ".join(["process"] * 6)
    assert "yes" not in shown[2] and "yes" in shown[-5]


def test_nothing_to_say_where_all_are_alike() -> None:
    assert "Where they differ" not in show(beside([("a", MET), ("b", MET)]))


# -- names

Engines = Callable[[str], Path | None]


@pytest.fixture
def engines(tmp_path: Path) -> Callable[..., Engines]:
    """Programs that answer as the real ones do."""

    def make(**answers: str) -> Engines:
        for engine, answer in answers.items():
            program = tmp_path / engine
            program.write_text(f"#!/bin/sh\n{answer}\n")
            program.chmod(0o755)
        return lambda engine: tmp_path / engine if engine in answers else None

    return make


def runc(pid: int, status: str = "running") -> str:
    return f"echo '{json.dumps({'id': 'web', 'pid': pid, 'status': status})}'"


UNKNOWN = "echo 'no such container' >&2; exit 1"


def test_a_number_is_a_pid(engines: Callable[..., Engines]) -> None:
    assert resolve("812", engines(docker="echo 5")).pid == 812


@pytest.mark.parametrize(
    ("answers", "engine"),
    [
        ({"docker": "echo 812", "podman": UNKNOWN, "runc": UNKNOWN}, "docker"),
        ({"podman": "echo 812"}, "podman"),
        ({"docker": UNKNOWN, "runc": runc(812)}, "runc"),
        ({"docker": UNKNOWN, "runc": runc(812, "paused")}, "runc"),
        ({"docker": "echo 812", "runc": runc(812)}, "docker"),  # the same container, known to both
        ({"docker": "echo nonsense", "runc": runc(812)}, "runc"),
    ],
)
def test_names(engines: Callable[..., Engines], answers: dict[str, str], engine: str) -> None:
    named = resolve("web", engines(**answers))
    assert (named.pid, named.engine, named.name) == (812, engine, "web")


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "no engine is here"),
        ({"docker": UNKNOWN, "runc": UNKNOWN}, "No container is called 'web'; asked: docker, runc"),
        ({"docker": "echo 0"}, "does not run"),
        ({"runc": runc(812, "stopped")}, "does not run"),
        ({"docker": "echo 812", "podman": "echo 813"}, "two containers"),
    ],
)
def test_names_that_lead_nowhere(engines: Callable[..., Engines], answers: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        resolve("web", engines(**answers))
    assert caught.value.status == 2 and caught.value.hint


@pytest.mark.parametrize("name", ["", "--all"])
def test_what_is_no_name(engines: Callable[..., Engines], name: str) -> None:
    with pytest.raises(UsageError, match="neither a pid nor a name"):
        resolve(name, engines(docker="echo 5"))
