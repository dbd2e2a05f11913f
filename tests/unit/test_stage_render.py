"""A scene as rows: they fit, whatever is in it, and what counts is to be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from test_stage_pace import SCENE

from workshop.render import notes
from workshop.render.ansi import drawn, sgr
from workshop.render.stage import Row, View, overflow, place, too_wide, top
from workshop.render.stage_theme import styles
from workshop.stage.scene import Found, Ran, Scene
from workshop.ui.stage_bar import bar, help_rows

LONG = Ran("host", "tar -xvf image.tar", "\n".join(f"file {n}" for n in range(200)), 0)
SHORT = Ran("container", "echo $$", "1", 0)


def letters(rows: list[Row]) -> list[str]:
    return ["".join(text for _, text in row).rstrip() for row in rows]


@given(
    st.integers(0, 60), st.integers(1, 200), st.text(max_size=300), st.text(max_size=300), st.integers(0, 50),
    st.sampled_from(["ready", "passed", "missed", "working", "over", "running", "replay"]),
    st.sampled_from(["", "map", "text"]),
)  # fmt: skip
def test_always_so_many_rows_and_never_wider(
    rows: int, columns: int, text: str, line: str, scroll: int, mode: str, overlay: str
) -> None:
    line = "".join(letter for letter in line if letter.isprintable())
    text = "".join(letter for letter in text if letter.isprintable() or letter == "\n")
    scene = replace(
        SCENE, key=line, text=text, ran=(Ran("host", line, text, 0), SHORT), mode=mode,  # type: ignore[arg-type]
        message=line, changes=(line,), found=(Found(mode == "passed", line, line),), share=0.5, ask=line,
    )  # fmt: skip
    found = top(scene, rows, columns, View(overlay, 1, scroll))
    assert len(found) == rows
    if columns >= 40:
        assert all(cell_len("".join(part for _, part in row)) <= columns for row in found)
        assert len(notes.rows(scene, 1200.0, rows, columns, View(overlay, 1))) == rows


def test_the_key_the_line_its_output_the_difference_and_the_verdict() -> None:
    scene = replace(
        SCENE, key="To take home.", ran=(SHORT,), changes=("new process bash (5)",), mode="passed",
        found=(Found(True, "a pid 1", "it is process 1"),),
    )  # fmt: skip
    shown = letters(top(scene, 21, 80))
    for wanted in (
        "To take home.",
        "container # echo $$",
        "1",
        "▶ new process bash (5)",
        "✓ it is process 1",
    ):
        assert wanted in shown
    assert shown[0].startswith(" Two") and shown[0].endswith("2 of 5")


def test_of_what_is_too_long_the_beginning_and_the_end_are_shown() -> None:
    scene = replace(SCENE, ran=(SHORT, LONG), mode="passed", found=(Found(True, "", "unpacked"),))
    shown = letters(top(scene, 21, 80))
    assert "host # tar -xvf image.tar" in shown and "file 199" in shown and shown[-1] == "✓ unpacked"
    assert any("more lines" in line for line in shown) and "file 100" not in shown
    assert overflow(scene) > 150
    assert any("file 100" in line for line in letters(top(scene, 21, 80, View(scroll=95))))


def test_what_fits_is_not_shortened() -> None:
    scene = replace(SCENE, ran=(replace(LONG, output="\n".join(map(str, range(16)))),))
    assert overflow(scene) == 0
    shown = letters(top(scene, 21, 80))
    assert all(str(n) in shown for n in range(16))
    assert overflow(replace(scene, changes=("one", "two", "three"))) > 0


def test_wide_lines_are_counted() -> None:
    scene = replace(SCENE, ran=(Ran("host", "ps", f"{'x' * 81}\n{'y' * 80}\n{'漢' * 41}", 0),))
    assert too_wide(scene) == 2


def test_black_shows_nothing_at_all() -> None:
    scene = replace(SCENE, ran=(LONG,), blank=True)
    assert set(letters(top(scene, 21, 80))) == {""} and bar(scene, View(), 80) == []


def test_where_the_shell_is() -> None:
    inside = replace(SCENE, where="container: pid mnt", shell="host", cwd="/tmp")
    assert letters([place(inside)]) == ["container: pid mnt  (host shell)  /tmp"]
    assert letters([place(SCENE)]) == ["host  /"]


def test_a_map_has_every_stop_and_marks_one() -> None:
    shown = top(SCENE, 10, 80, View("map", 2))
    assert [style for row in shown for style, _ in row].count("class:chosen") == 1
    assert "  3 ○ Three" in "\n".join(letters(shown)) and "optional" in "\n".join(letters(shown))


def test_a_miss_shows_the_keys_that_help() -> None:
    shown = "".join(text for _, text in bar(replace(SCENE, mode="missed", message="x"), View(), 80))
    assert all(word in shown for word in ("heal", "retry", "skip", "recording", "panic"))
    assert cell_len(shown) <= 80


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_bars_fit(columns: int) -> None:
    modes = ("ready", "typing", "running", "passed", "missed", "working", "away", "replay", "over")
    for mode in modes:
        for message in ("", "word " * 60):
            scene = replace(SCENE, mode=mode, message=message)  # type: ignore[arg-type]
            for view in (View(), View("map"), View("keys")):
                assert cell_len("".join(text for _, text in bar(scene, view, columns))) <= columns
    assert len(help_rows(21, columns)) == 21


def test_a_recording_draws_the_screen_in_its_colours() -> None:
    assert sgr("bold #ffffff bg:#121212") == "\x1b[0;1;38;2;255;255;255;48;2;18;18;18m"
    screen = drawn([[("class:good", "fine")], []], styles("dark", "full"))
    assert screen.startswith("\x1b[H") and screen.count("\r\n") == 1 and "fine" in screen


# -- the speaker's screen -----------------------------------------------------------------------------------


def spoken(scene: Scene, now: float) -> str:
    return "\n".join(letters(notes.rows(scene, now, 24, 80)))


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_notes_in_a_window_of_a_column(columns: int) -> None:
    scene = replace(SCENE, notes=("Say it.",), lines=("one", "two"), message="Not now.")
    assert len(notes.rows(scene, 1200.0, 24, columns)) == 24


def test_notes_lines_and_the_time() -> None:
    scene = replace(
        SCENE,
        notes=("Say it\nslowly.",),
        lines=("one", "two"),
        next_line="two",
        ran=(Ran("host", "one", "", 0),),
    )
    shown = spoken(scene, 1150.0)
    assert "2:30 of 10:00   7:30 left   on time" in shown
    assert "0:30 of 3:00, 1:52 a step  ready" in shown
    assert "Say it slowly." in shown and "✓ one" in shown and "▶ two" in shown
    assert "Then: Three" in shown and "leave out" not in shown


def test_who_is_late_is_told_what_to_leave_out() -> None:
    shown = spoken(SCENE, 1000.0 + 120 + 180 + 60)
    assert "1:00 behind" in shown and "To catch up, leave out: Three (1 min)" in shown
