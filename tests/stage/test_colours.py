"""Every colour of the pages can be read, in the light and in the dark scheme: WCAG 2.1, 1.4.3 and 1.4.11."""

from __future__ import annotations

import re

import pytest

from workshop.stage.assets import asset

TEXT, OTHER = 4.5, 3.0
SHEETS = ("page.css", "live.css", "handout.css")


def schemes() -> dict[str, dict[str, str]]:
    light, dark = asset("colours.css").split("@media (prefers-color-scheme: dark)")
    return {
        name: dict(re.findall(r"--([\w-]+): (#\w{6});", css))
        for name, css in (("light", light), ("dark", dark))
    }


def luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_ink_can_be_read_on_every_paper(scheme: str) -> None:
    colours = schemes()[scheme]
    inks = {name: colour for name, colour in colours.items() if name.startswith("ink")}
    papers = {name: colour for name, colour in colours.items() if name.startswith("paper")}
    assert len(inks) == 23 and len(papers) == 2
    weak = [
        (ink, paper, round(contrast(inks[ink], papers[paper]), 2))
        for ink in inks
        for paper in papers
        if contrast(inks[ink], papers[paper]) < TEXT
    ]
    assert weak == []
    assert [paper for paper in papers.values() if contrast(colours["line"], paper) < OTHER] == []


def test_both_schemes_have_the_same_colours() -> None:
    assert schemes()["light"].keys() == schemes()["dark"].keys()


@pytest.mark.parametrize("sheet", SHEETS)
def test_there_are_no_other_colours(sheet: str) -> None:
    css = asset(sheet)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*[;}])|rgba?\(|hsla?\(|opacity", css) == []
    used = set(re.findall(r"var\(--([\w-]+)\)", css)) - {"columns"}
    assert used <= schemes()["light"].keys()
    for value in re.findall(r"(?:^|[;{\s])(?:color|background|accent-color): ([^;}]+)", css):
        assert value.startswith("var(--") or value in ("inherit", "none"), value


@pytest.mark.parametrize("sheet", SHEETS)
def test_text_is_ink_and_grounds_are_paper(sheet: str) -> None:
    """Or the other way round, both at once: the contrast is the same."""
    for rule in re.findall(r"\{([^{}]*)\}", asset(sheet)):
        text = re.search(r"(?:^|[;\s])color: var\(--(\w+)", rule)
        ground = re.search(r"background: var\(--(\w+)", rule)
        if text and ground:
            assert {text[1], ground[1]} == {"ink", "paper"}, rule
        elif ground and not rule.strip().startswith("background: var(--ink-"):
            assert ground[1] == "paper", rule
