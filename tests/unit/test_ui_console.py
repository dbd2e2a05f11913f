"""What a screen without colours still shows."""

from __future__ import annotations

import pytest
from prompt_toolkit.styles import Style

from workshop.ui.console import prompt_style


def test_without_colours_nothing_is_coloured_and_the_offer_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    style = prompt_style()
    assert isinstance(style, Style)
    for name in ("host", "container", "facts", "auto-suggestion", "toolbar.key"):
        assert not style.get_attrs_for_style_str(f"class:{name}").color
    offered = style.get_attrs_for_style_str("class:auto-suggestion")
    assert offered != style.get_attrs_for_style_str("")
    assert style.get_attrs_for_style_str("class:container").bold
