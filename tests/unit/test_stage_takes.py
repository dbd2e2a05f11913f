"""Recordings of a rehearsal; and the rehearsal itself, on the fake host."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_host import IMAGES
from stage_builders import TRACK, Theatre

from workshop.render import stage as picture
from workshop.shell import Result
from workshop.stage import takes
from workshop.stage.rehearsal import Report, percentile, rehearse, without_image
from workshop.ui.rehearse import Recorder

BEATS = [
    (0.0, "m", "first/images"),
    (9.0, "o", "host # ls\r\n"),
    (9.2, "o", "bin\r\n"),
    (9.3, "m", "first/inside"),
    (9.4, "o", "inside\r\n"),
]


@pytest.fixture
def cast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    path = takes.file_of(TRACK)
    takes.write(path, BEATS, "A talk", (25, 80), 1767225600.0)
    return path


def test_there_and_back(cast: Path) -> None:
    take = takes.takes_of(TRACK)("first/images")
    assert take is not None and take.when == "2026-01-01"
    assert [text for _, text in take.pieces] == ["host # ls\r\n", "bin\r\n"]
    assert [round(wait, 3) for wait, _ in take.pieces] == [takes.LONGEST_WAIT, 0.2]
    assert takes.takes_of(TRACK)("first/count") is None


def test_one_that_is_cut_off_is_played_as_far_as_it_goes(cast: Path) -> None:
    cast.write_bytes(cast.read_bytes()[:-30])
    assert takes.read(cast, "first/images") is not None
    assert takes.read(cast, "first/inside") is None


@pytest.mark.parametrize("content", [b"", b"nothing\n", b"[]\n", b'{"version": 3}\n', b"\xff\xfe\n"])
def test_what_is_no_recording_is_none(cast: Path, content: bytes) -> None:
    cast.write_bytes(content)
    assert takes.takes_of(TRACK)("first/images") is None


@pytest.mark.parametrize(("share", "value"), [(0.5, 3.0), (0.95, 5.0), (0.0, 1.0), (1.0, 5.0)])
def test_percentiles_are_values_that_were_measured(share: float, value: float) -> None:
    assert percentile([5.0, 1.0, 3.0, 2.0, 4.0], share) == value
    assert percentile([], share) == 0.0


# -- a rehearsal --------------------------------------------------------------------------------------------


def play(theatre: Theatre, runs: int = 1) -> tuple[Report, Recorder]:
    recorder = Recorder()
    theatre.performance.subscribe(recorder.hear)
    report = rehearse(
        theatre.performance,
        runs,
        fits=lambda scene: (picture.overflow(scene), picture.too_wide(scene)),
        marker=recorder.mark,
    )
    return report, recorder


def test_all_is_well() -> None:
    report, recorder = play(Theatre(), runs=2)
    assert report.faults == ()
    assert [m.step for m in report.measured] == [stop.id for stop in report.stops] * 2
    marks = [data for _, kind, data in recorder.transcript if kind == "m"]
    assert marks == [stop.id for stop in report.stops] == [d for _, k, d in recorder.screen if k == "m"]
    said = "".join(data for _, kind, data in recorder.transcript if kind == "o")
    assert "host # create images\r\n" in said


def test_what_does_not_fit_is_a_fault() -> None:
    tall, wide = b"x\r\n" * 40, b"y" * 100
    report, _ = play(Theatre(says={"ls": Result("prompt", 0, tall), "readlink": Result("prompt", 0, wide)}))
    said = [(fault.step, fault.what) for fault in report.faults]
    assert ("first/count", "1 lines are wider than the screen: readlink") in said
    assert any(step == IMAGES.id and "rows do not fit the screen: ls" in what for step, what in said)


def test_a_goal_that_is_missed_is_a_fault_and_the_rest_is_played() -> None:
    report, _ = play(Theatre({"clone": lambda now: now}))
    assert any(f.step == "second/clone" and "the goal is missed" in f.what for f in report.faults)
    assert len(report.measured) == 4


def test_an_image_that_would_be_fetched_is_a_fault() -> None:
    found = without_image(["CID=$(docker run -d no.such/image true)"])
    assert found and "no.such/image" in found[0]
    assert without_image(["docker ps", "ls"]) == []
