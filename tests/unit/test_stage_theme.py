"""Every colour of the stage on the background that it stands on."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from workshop.render.stage_theme import BAR, COLOURS, GROUND, ON_BAR, PLAIN, Theme, contrast, styles

THEMES: tuple[Theme, ...] = get_args(Theme)
CUBE = (0, 95, 135, 175, 215, 255)
GREYS = tuple(8 + 10 * n for n in range(24))
AA = 4.5


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#ffffff", "#ffffff", 1.0)],
)
def test_the_measure_itself(first: str, second: str, ratio: float) -> None:
    assert round(contrast(first, second), 2) == ratio


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_can_be_read_on_its_background(theme: Theme) -> None:
    for name, style in styles(theme, "full").items():
        text = re.search(r"(?<!bg:)(#\w{6})", style)
        ground = re.search(r"bg:(#\w{6})", style)
        assert text and ground, f"{name} does not say what it stands on"
        if name != "blank":  # shows nothing
            assert contrast(text[1], ground[1]) >= AA, f"{theme} {name}: {style}"


@pytest.mark.parametrize("theme", THEMES)
def test_256_colours_have_them_exactly(theme: Theme) -> None:
    used = {GROUND[theme], BAR[theme], *COLOURS[theme].values(), *ON_BAR[theme].values()}
    for colour in used:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        assert {red, green, blue} <= set(CUBE) or (red == green == blue and red in GREYS), colour


@pytest.mark.parametrize("theme", THEMES)
def test_with_sixteen_or_none_the_terminals_own_colours_are_left_alone(theme: Theme) -> None:
    for depth in ("palette", "none"):
        found = styles(theme, depth)
        assert found.keys() == styles(theme, "full").keys()
        for style in found.values():
            assert set(style.split()) <= {"bold", "reverse", "underline"}
    assert set(PLAIN) <= styles(theme, "palette").keys()


@pytest.mark.parametrize("theme", THEMES)
def test_bad_and_good_are_told_apart_also_without_colours(theme: Theme) -> None:
    """By their signs: a picture of a miss and of a pass differ in their letters."""
    from dataclasses import replace

    from test_stage_pace import SCENE

    from workshop.render.stage import top
    from workshop.stage.scene import Found

    def letters(passed: bool) -> str:
        found = (Found(passed, "a thing", "it"),)
        scene = replace(SCENE, theme=theme, mode="passed" if passed else "missed", found=found)
        return "\n".join("".join(text for _, text in row) for row in top(scene, 20, 80))

    assert "✓ it" in letters(True) and "✗ Expected a thing." in letters(False)
