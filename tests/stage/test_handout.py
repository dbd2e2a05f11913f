"""The handout: what really ran, in the order of the talk, and nothing that is nobody's business."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from stage.fake_talk import TALK

from workshop.errors import UsageError
from workshop.stage import log
from workshop.stage.frames import film
from workshop.stage.handout import Handout, Part, escaped, fenced, gather, markdown
from workshop.stage.log import Log, Logged, Moment
from workshop.stage.page import page
from workshop.stage.recording import Cast, Event
from workshop.stage.scene import Found, Mode, Ran, Scene, Stop
from workshop.ui import handout as command

STOPS = (
    Stop("t/one", "One", 2.0, False, "done"),
    Stop("t/two", "Two", 2.0, False, "here"),
    Stop("t/three", "Three", 2.0, True, "todo"),
)


def scene(step: str = "t/one", mode: Mode = "ready", *ran: Ran, changes: tuple[str, ...] = ()) -> Scene:
    return Scene(
        number=1, talk="A *talk*", step=step, title=step[2:].title(), key=f"Key of {step}.", text="Text.",
        shell="host", where="host", mode=mode, next_line="", lines=("ps",), ran=ran, changes=changes,
        notes=("a note",), stops=STOPS, started=1_800_000_000.0,
        found=(Found(mode == "passed", "a process", "none" if mode != "passed" else "process 7"),),
    )  # fmt: skip


def logged(*scenes: Scene) -> Logged:
    return Logged(tuple(Moment(float(at), each) for at, each in enumerate(scenes)))


def ran(line: str, output: str = "", *, free: bool = False, status: int = 0) -> Ran:
    return Ran("host", line, output, status, free)


def test_each_line_has_its_own_changes() -> None:
    one, two = ran("one"), ran("two")
    handout = gather(
        logged(
            scene(), scene("t/one", "ready", one, changes=("first",)),
            scene("t/one", "passed", one, two, changes=("second",)),
        )
    )  # fmt: skip
    (part,) = handout.parts
    assert [(line.ran.line, line.changes) for line in part.lines] == [
        ("one", ("first",)),
        ("two", ("second",)),
    ]
    assert part.passed and part.found[0].found == "process 7"


def test_a_step_is_shown_as_it_went_best_and_in_the_order_of_the_talk() -> None:
    handout = gather(
        logged(
            scene("t/two", "passed", ran("good")),
            scene("t/one", "missed", ran("wrong")),
            scene("t/one", "ready"),
            scene("t/one", "passed", ran("right")),
            scene("t/two", "missed", ran("bad")),
        )
    )
    assert [(part.title, part.lines[0].ran.line) for part in handout.parts] == [
        ("One", "right"),
        ("Two", "good"),
    ]
    assert handout.left_out == ("Three",)


def test_what_was_typed_beside_the_steps_is_left_out_unless_it_is_wanted() -> None:
    found = logged(
        scene("t/one", "passed", ran("ps"), ran("cat diary", "dear diary", free=True), changes=("x",))
    )
    assert "diary" not in markdown(gather(found))
    assert "dear diary" in markdown(gather(found, free=True))
    cast = Cast(80, 24, (Event(0, "m", "t/one"), Event(1, "o", "dear diary")))
    closed = page(gather(found), cast)
    assert "diary" not in closed and "Not played here" in closed
    assert "dear diary" in page(gather(found, free=True), cast, free=True)


def test_what_is_only_passing_is_no_part_of_it() -> None:
    found = logged(scene("t/one", "passed", ran("ps")), scene("t/one", "replay", ran("ps"), ran("recorded")))
    assert "recorded" not in markdown(gather(found))


def test_notes_are_for_the_speaker() -> None:
    found = gather(logged(scene("t/one", "passed", ran("ps"))))
    assert "a note" not in markdown(found) and "a note" not in page(found, None)


def test_output_that_looks_like_markdown_stays_output() -> None:
    output = "```\n# not a heading\n````\n<b>"
    tokens = MarkdownIt().parse(fenced(output, "console"))
    assert [(token.type, token.content) for token in tokens] == [("fence", output + "\n")]
    for text in ("*a* _b_ `c` <d> [e](f)", "# g", "1 | 2", "a \\ b"):
        html = MarkdownIt("commonmark").render(escaped(text))
        assert re.sub("<.*?>", "", html).strip().replace("&lt;", "<").replace("&gt;", ">") == text


def test_markdown_has_what_matters() -> None:
    text = markdown(
        gather(logged(scene("t/one", "passed", ran("false", "out\n", status=1), changes=("new x",))))
    )
    for words in ("# A \\*talk\\*", "## 1. One", "**Key of t/one.**", "host # false\nout\n[exit status 1]",
                  "- new x", "- process 7", "Left out this time: Two, Three."):  # fmt: skip
        assert words in text


def test_a_page_is_whole_without_scripts_and_asks_nobody_for_anything() -> None:
    moments = log.read(TALK / "scenes.jsonl")
    cast = Cast(80, 24, tuple(Event(n, "m", m.scene.step) for n, m in enumerate(moments.moments)))
    text = page(gather(moments), cast)
    body = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
    assert "readlink /proc/self/ns/*" in body and "Get brand-new namespaces" in body
    assert not re.search(r"(?:src|href)\s*=|url\(|@import", text.replace("(src", ""))
    assert "default-src 'none'" in text


def test_a_recording_cannot_break_out_of_the_page() -> None:
    cast = Cast(80, 24, (Event(0, "m", "t/one"), Event(1, "o", "</script><script>alert(1)</script>")))
    text = page(gather(logged(scene("t/one", "passed", ran("</pre><script>alert(2)</script>")))), cast)
    assert "<script>alert" not in text
    data = text.split('type="application/json">')[1].split("</script>")[0]
    assert json.loads(data)["rows"][-1] or json.loads(data)["rows"]


def test_frames_are_what_the_screen_showed() -> None:
    cast = Cast(
        20, 3,
        (
            Event(0, "m", "a"), Event(0.5, "o", "\x1b[1;31mred\x1b[0m plain\r\n"),
            Event(60, "o", "\x1b[7mrev\x1b[0m"),
            Event(61, "r", "30x4"), Event(62, "o", "\r\n\x1b[38;2;95;215;255mcyan\x1b[48;2;18;18;18m!"),
            Event(63, "m", "b"), Event(64, "o", "secret"),
        ),
    )  # fmt: skip
    reel = film(cast, lambda label: label != "b")
    shown = ["\n".join("".join(text for text, _ in reel.rows[row]) for row in f.rows) for f in reel.frames]
    assert shown[-1].split() == ["red", "plain", "rev", "cyan!"] and "secret" not in "".join(shown)
    assert (reel.columns, reel.height) == (30, 4)
    assert ("1", "", True, False, False) in reel.styles and ("", "15", False, False, False) in reel.styles
    assert ("6", "", False, False, False) in reel.styles
    assert reel.frames[-1].at < 10, "long waits are shortened"
    assert [mark.label for mark in reel.marks] == ["a"]


@pytest.mark.parametrize(
    "text", ["\x1b[?1049h", "\x1b[>4;2m", "\x1b]133;A\x07", "\x1b[999;999H", "\x1bP\x1b\\", "\x9b"]
)
def test_no_sequence_stops_the_player(text: str) -> None:
    cast = Cast(20, 3, (Event(0, "o", text), Event(1, "o", "\x1b\\\r\nafter")))
    reel = film(cast)
    assert any("after" in piece for row in reel.rows for piece, _ in row)


def test_a_log_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "scenes.jsonl"
    with Log(path) as book:
        book.write(scene("t/one", "passed", ran("ps")))
        book.write(scene("t/one", "passed", ran("ps")))
        book.write(scene("t/one", "running", ran("ps")))
        book.write(scene("t/two", "passed", ran("ps")))
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(log.read(path).moments) == 2
    path.write_bytes(path.read_bytes()[:-20] + b"\n{}\n[")
    found = log.read(path)
    assert len(found.moments) == 1 and found.trouble == "It is cut off. 2 of its lines are not understood."
    assert "is not whole" in markdown(gather(found)) and "is not whole" in page(gather(found), None)


def test_an_empty_log() -> None:
    assert gather(Logged(())) == Handout("", 0.0, ())
    assert markdown(Handout("", 0.0, ())).startswith("# A talk")


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scenes.jsonl").write_bytes((TALK / "scenes.jsonl").read_bytes())
    assert command.main(tmp_path) == 0
    assert capsys.readouterr().out.startswith("# Understanding and building your own Docker")
    assert command.main(tmp_path, html=True) == 0
    said = capsys.readouterr()
    assert said.out.startswith("<!doctype html>") and "the text alone" in said.err
    with pytest.raises(UsageError, match="cannot be read"):
        command.main(tmp_path / "none")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(UsageError, match="No performance"):
        command.main(None)


def test_a_part_that_never_ran_is_left_out() -> None:
    found = gather(logged(scene("t/one", "ready"), scene("t/two", "passed", ran("ps"))))
    assert [part.step for part in found.parts] == ["t/two"] and found.left_out == ("One", "Three")
    assert isinstance(found.parts[0], Part) and replace(found.parts[0], free=True).free
