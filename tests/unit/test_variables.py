from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workshop.variables import VARIABLES, fill, fill_params, misspelt, used

VALUES = {"pool": "tank", "image": "/lab/images/debian.tar", "lab": "/lab"}


def test_variables_are_filled_in() -> None:
    assert fill("zfs list {{pool}}/images {{pool}}", VALUES) == "zfs list tank/images tank"


def test_what_has_no_value_and_what_is_no_variable_stays() -> None:
    assert fill("{{pool}}", {}) == "{{pool}}"
    text = "docker inspect -f '{{.State.Pid}}' x; echo ${a[0]} {pool} {{ pool }} {{"
    assert fill(text, VALUES) == text


def test_a_value_is_not_filled_in_again() -> None:
    assert fill("{{pool}}", {"pool": "{{lab}}", "lab": "x"}) == "{{lab}}"


def test_parameters_are_filled_in_at_any_depth() -> None:
    params = {"dataset": "{{pool}}/a", "paths": ("{{lab}}", 1), "table": {"x": "{{image}}"}, "on": True}
    assert fill_params(params, VALUES) == {
        "dataset": "tank/a",
        "paths": ("/lab", 1),
        "table": {"x": "/lab/images/debian.tar"},
        "on": True,
    }


def test_a_slip_is_found_and_a_go_template_is_none() -> None:
    assert list(misspelt("{{pol}} {{pool}} {{ lab }}")) == [("{{pol}}", "pol"), ("{{ lab }}", "lab")]
    assert list(misspelt("docker ps --format '{{.ID}} {{json .}} {{ .Names }}'")) == []


@given(st.text())
def test_a_text_without_variables_is_not_touched(text: str) -> None:
    if not used(text):
        assert fill(text, dict.fromkeys(VARIABLES, "!")) == text
