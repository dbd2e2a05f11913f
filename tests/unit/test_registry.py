from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from workshop import registry
from workshop.errors import LessonError
from workshop.kernel.verdict import Verdict, View, passed
from workshop.registry import Check, describe, fits, wrong_params


def example(
    view: View,
    *,
    kind: Literal["pid", "mnt"],
    on: bool = True,
    most: int | None = None,
    share: float = 0.5,
    names: Sequence[str] = (),
    pair: tuple[int, int] = (0, 0),
    labels: Mapping[str, str] | None = None,
) -> Verdict:
    """An example."""
    return passed(f"{kind} {most}", "")


CHECK = Check("example", example)


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (bool, [True, False], [0, 1, "true", ()]),
        (int, [0, -5], [True, 1.0, "1"]),
        (float, [1, 1.5], [True, "1"]),
        (str, ["", "x"], [1, True, ("x",), {}]),
        (int | None, [3], [True, "3", ()]),
        (Literal["a", 1], ["a", 1], ["b", True, 1.0, ("a",)]),
        (list[str], [(), ("a", "b")], ["a", ("a", 1), {}]),
        (tuple[str, ...], [(), ("a", "b")], ["a", ("a", 1)]),
        (tuple[int, int], [(1, 2)], [(1,), (1, 2, 3), ("a", "b")]),
        (Sequence[str], [(), ("a",)], ["a", (1,), 1]),
        (frozenset[str], [("a",)], ["a", (1,)]),
        (str | tuple[str, ...], ["a", ("a",)], [1, (1,)]),
        (tuple[tuple[str, int], ...], [(("a", 1),)], [("a", 1)]),
        (Mapping[str, int], [{}, {"a": 1}], [{"a": "b"}, (), "a"]),
        (dict[str, Any], [{"a": 1, "b": ()}], [1]),
        (Any, [1, "a", (), {}], []),
    ],
)
def test_values_and_types(hint: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not fits(value, hint)] == []
    assert [value for value in bad if fits(value, hint)] == []


def test_types_are_described_in_an_authors_words() -> None:
    said = {name: describe(param.annotation) for name, param in CHECK.params.items()}
    assert said == {
        "kind": 'one of "pid", "mnt"',
        "on": "true or false",
        "most": "a whole number",
        "share": "a number",
        "names": 'a list [ … ], each a text: "…"',
        "pair": "a list [ … ], each a whole number",
        "labels": "a table: { … }",
    }


def test_parameters_are_judged_by_the_signature() -> None:
    assert wrong_params(CHECK, {"kind": "pid", "most": 3, "names": ("a",), "labels": {"a": "b"}}) == []
    assert wrong_params(CHECK, {}) == [
        ("the check example needs kind", 'write kind = … (one of "pid", "mnt")'),
    ]
    assert wrong_params(CHECK, {"kind": "net", "mosst": 3, "on": ("x", True)}) == [
        ('kind of the check example is "net"', 'write one of "pid", "mnt"'),
        ("the check example has no parameter 'mosst'", "write most"),
        ('on of the check example is ["x", true]', "write true or false"),
    ]


def test_a_check_is_called_with_a_view_and_its_parameters() -> None:
    view: Any = object()
    assert CHECK(view, kind="pid", most=2).expected == "pid 2"


def test_an_unknown_check_is_said() -> None:
    with pytest.raises(LessonError, match="There is no check 'no_such_check'"):
        registry.check("no_such_check")


def test_every_check_of_the_project_is_documented_and_typed() -> None:
    for name, check in registry.checks().items():
        assert registry.check(name) is check
        assert check.doc, f"{name} has no docstring"
        for param in check.params.values():
            assert param.kind is param.KEYWORD_ONLY, f"{name}: write * before {param.name}"
            assert param.annotation is not Any, f"{name}: {param.name} has no type"
            if param.default is not param.empty and param.default is not None:
                assert fits(param.default, param.annotation), f"{name}: the default of {param.name}"


def test_the_reference_names_every_check_and_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    text = registry.reference()
    assert all(f"### {name}\n" in text for name in registry.checks())
    monkeypatch.setattr(registry, "checks", lambda: {"example": CHECK})
    text = registry.reference()
    assert "### example\n\nAn example.\n\n- `kind`: one of" in text
    assert '- `kind`: one of "pid", "mnt"; must be given' in text
    assert "- `on`: true or false; default true" in text
    assert "- `most`: a whole number; may be left out" in text


def test_diagnoses_that_checks_give_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    source = (
        'x = missed("", "", diagnosis="a" if y else "b")\nmissed("", "", diagnosis=z or "c")\nf(other="d")\n'
    )
    (tmp_path / "m.py").write_text(source)
    module = type(registry)("m")
    module.__file__ = str(tmp_path / "m.py")
    monkeypatch.setattr(registry, "_modules", lambda private: [module])
    found = registry.diagnoses()
    assert {name: line for name, (_, line) in found.items()} == {"a": 1, "b": 1, "c": 2}
    assert registry.mentioned() == {"", "a", "b", "c", "d"}
