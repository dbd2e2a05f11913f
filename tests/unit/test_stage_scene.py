"""A scene on its way to other screens."""

from __future__ import annotations

import pytest

from workshop.stage.scene import Found, Ran, Scene, Stop, from_json, public, to_json

SCENE = Scene(
    number=7,
    talk="A talk",
    step="trees/one",
    title="One",
    key="It is a process.",
    text="Type `unshare`.",
    shell="host",
    where="host",
    mode="ready",
    next_line="ps",
    lines=("unshare", "ps"),
    ran=(Ran("host", "unshare", "", 0), Ran("host", "cat secret", "42", 0, free=True)),
    changes=("a file was read",),
    found=(Found(False, "a new namespace", "the host's"),),
    notes=("breathe",),
    stops=(Stop("trees/one", "One", 2.0, False, "here", 12.0, "Two"),),
    started=1000.0,
    minutes=25.0,
    message="not yet",
)


def test_there_and_back() -> None:
    assert from_json(to_json(SCENE)) == SCENE


def test_an_audience_sees_neither_notes_nor_clock_nor_what_was_typed_beside_the_steps() -> None:
    shown = to_json(public(SCENE))
    for secret in ("breathe", "1000", "25.0", "cat secret", "42", "a file was read", "not yet", "12.0"):
        assert secret not in shown
    assert "cat secret" in to_json(public(SCENE, free=True))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"number": 1}', "null"])
def test_what_is_no_scene(text: str) -> None:
    with pytest.raises(ValueError):
        from_json(text)
