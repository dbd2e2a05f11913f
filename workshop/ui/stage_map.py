"""Choosing a stop in the map: by arrows, or by its number. Pure; the stage and the notes have the same."""

from __future__ import annotations

from collections.abc import Sequence

from workshop.render.stage import View
from workshop.stage.scene import Stop


def toggled(view: View, overlay: str, stops: Sequence[Stop]) -> View:
    """Open an overlay, at the step that is played, or close it."""
    here = next((at for at, stop in enumerate(stops) if stop.standing == "here"), 0)
    return View() if view.overlay == overlay else View(overlay, here)


def moved(view: View, by: int, stops: Sequence[Stop]) -> View:
    return View("map", max(0, min(len(stops) - 1, view.chosen + by)))


def typed(view: View, digit: str, stops: Sequence[Stop]) -> View:
    """A second figure makes a number of two, if there are so many stops."""
    for number in (view.number + digit, digit):
        if number.isdecimal() and 0 < int(number) <= len(stops):
            return View("map", int(number) - 1, number=number)
    return view
