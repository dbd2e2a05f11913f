from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.conditions import CAPABILITIES
from workshop.fences import LANGUAGES, Fence, FenceError, parse


@pytest.mark.parametrize(
    ("info", "fence"),
    [
        ("toml step", Fence("step")),
        ("  sh   solution ", Fence("solution")),
        ("sh solution when=zfs,!docker", Fence("solution", when=("zfs", "not docker"))),
        ("sh mistake forgot-fork", Fence("mistake", "forgot-fork")),
        ("sh mistake forgot-fork when=zfs", Fence("mistake", "forgot-fork", ("zfs",))),
        ("text hint", Fence("hint")),
        ("sh setup when=!busybox", Fence("setup", when=("not busybox",))),
    ],
)
def test_fences_that_mean_something(info: str, fence: Fence) -> None:
    assert parse(info) == fence


@pytest.mark.parametrize(
    "info", ["", "sh", "toml", "text", "console", "c linenos", "python title=x", "mermaid graph"]
)
def test_everything_else_is_markdown(info: str) -> None:
    assert parse(info) is None


@pytest.mark.parametrize(
    ("info", "wrong", "write"),
    [
        ("sh soluton", "no fence ```sh soluton", "write solution"),
        ("text xyzzy", "no fence ```text xyzzy", "hint, note, why, docker"),
        ("bash solution", "a solution is not written in bash", "write ```sh solution"),
        ("sh hint", "a hint is not written in sh", "write ```text hint"),
        ("solution", "has no language", "write ```sh solution"),
        ("sh mistake", "names no diagnosis", "sh mistake ID"),
        ("sh mistake when=zfs", "names no diagnosis", "sh mistake ID"),
        ("sh mistake a b", "'b' after 'mistake'", "when="),
        ("sh solution when=zsf", "no capability 'zsf'", "write zfs"),
        ("sh solution when=", "not a condition", "write one of"),
        ("sh solution when=zfs,", "not a condition", "write one of"),
        ("sh solution when=zfs when=docker", "twice", "write one"),
        ("sh solution if=zfs", "'if=zfs' after 'solution'", "when="),
        ("text hint when=zfs", "'when=zfs' after 'hint'", "nothing can follow"),
        ("toml step shell=host", "'shell=host' after 'step'", "nothing can follow"),
    ],
)
def test_what_is_nearly_one_is_an_error(info: str, wrong: str, write: str) -> None:
    with pytest.raises(FenceError) as caught:
        parse(info)
    assert wrong in caught.value.wrong
    assert write in caught.value.write


WORDS = st.sampled_from([*LANGUAGES, *LANGUAGES.values(), *CAPABILITIES, "when=zfs", "when=!", "x", "="])


@given(st.one_of(st.text(), st.lists(WORDS, max_size=5).map(" ".join)))
def test_any_info_string_is_a_fence_or_markdown_or_an_error_with_a_remedy(info: str) -> None:
    try:
        fence = parse(info)
    except FenceError as error:
        assert error.wrong and error.write
        return
    assert fence is None or (fence.role in LANGUAGES and (fence.role == "mistake") == bool(fence.diagnosis))
