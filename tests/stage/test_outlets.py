"""What a performance opens: links in the right order, recordings that cost nothing when they fail."""

from __future__ import annotations

import io
import re
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import segno
from stage.fake_talk import scenes

from workshop.lesson import Place, Track
from workshop.stage import folder, log
from workshop.stage.recording import Cast
from workshop.stage.scene import Scene
from workshop.ui import outlets

TRACK = Track("talk", "A talk", 25, "", (), Place("talk.toml", 1))


class Performance:
    """Only what screens see of one."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[Scene], None]] = []

    def subscribe(self, callback: Callable[[Scene], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def show(self, scene: Scene) -> None:
        for callback in self.callbacks:
            callback(scene)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n"))
    return SimpleNamespace(performance=Performance(), give=lambda order: True)


def options(**given: object) -> Namespace:
    known = {"share": False, "speaker": False, "drive": False, "free": False, "at": "127.0.0.1", "port": 0}
    return Namespace(**{**known, **given})


def test_a_performance_is_recorded_and_logged(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shown = list(scenes())[:12]
    with outlets.outlets(options(), TRACK, desk):
        for scene in shown:
            desk.performance.show(scene)
    assert desk.performance.callbacks == []
    place = folder.newest()
    cast = Cast.read(place / folder.CAST)
    assert cast.labels == tuple(dict.fromkeys(scene.step for scene in shown)) and cast.trouble == ""
    assert any(shown[0].title in event.data for event in cast.events)
    assert log.read(place / folder.SCENES).moments[-1].scene.step == shown[-1].step
    assert f"Recorded in {place}" in capsys.readouterr().out
    assert place.stat().st_mode & 0o777 == 0o700


def test_where_nothing_can_be_written_the_talk_goes_on(
    desk: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    went_on = False
    with outlets.outlets(options(), TRACK, desk):
        went_on = True
    assert went_on and "This talk was not recorded" in capsys.readouterr().err


def test_two_performances_in_one_second_have_two_folders(desk: Any) -> None:
    from datetime import datetime

    now = datetime(2026, 1, 1)
    assert folder.make("talk", now) != folder.make("talk", now)


def test_the_speakers_link_is_gone_before_the_rooms_is_shown(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with outlets.outlets(options(share=True, drive=True), TRACK, desk):
        said = capsys.readouterr().out
    before, wiped, after = said.partition(outlets.WIPED)
    assert wiped and "Your own page" in before and "to follow along" in after
    own = re.findall(r"http://\S+", before)
    assert len(own) == 1 and own[0] not in after and len(re.findall(r"http://\S+", after)) == 1
    assert "--at" in after, "nobody else can open 127.0.0.1"


def test_without_pages_nothing_is_served_and_nobody_is_asked(desk: Any) -> None:
    import threading

    with outlets.outlets(options(), TRACK, desk):
        assert not [thread for thread in threading.enumerate() if thread.name == "web"]


def test_the_code_is_that_of_the_link() -> None:
    link = "http://192.0.2.7:8000/IyvWI_njO9yRNOfozh45cQ/"
    rows: list[list[int]] = []
    for line in outlets.picture(link).splitlines():
        signs = re.sub(r"\x1b\[[\d;]*m", "", line)
        rows += [[int(sign in "▀█") for sign in signs], [int(sign in "▄█") for sign in signs]]
    wanted = [list(row) for row in segno.make(link, error="l").matrix_iter(border=3)]
    assert rows[: len(wanted)] == wanted
    assert not any(any(row) for row in rows[len(wanted) :])
