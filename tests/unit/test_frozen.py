"""Values of `frozen` behave as those of the standard library's frozen dataclasses with slots."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from workshop.frozen import frozen


@frozen
class Point:
    x: int
    y: int = 2
    more: Mapping[str, int] = field(default_factory=dict)


@frozen
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Standard:
    x: int
    y: int = 2
    more: Mapping[str, int] = field(default_factory=dict)


@pytest.mark.parametrize("made", [Point, Standard])
class TestBoth:
    def test_has_defaults_and_keywords(self, made: Any) -> None:
        one = made(1, more={"a": 1})
        assert (one.x, one.y, one.more) == (1, 2, {"a": 1})
        assert made(1).more is not made(1).more

    @pytest.mark.parametrize("words", [{}, {"x": 1, "z": 2}])
    def test_wrong_arguments_are_refused(self, made: Any, words: dict[str, int]) -> None:
        with pytest.raises(TypeError, match="__init__"):
            made(**words)

    def test_cannot_be_changed(self, made: Any) -> None:
        one = made(1)
        with pytest.raises(FrozenInstanceError):
            one.x = 2
        with pytest.raises(FrozenInstanceError):
            del one.x
        with pytest.raises((FrozenInstanceError, TypeError)):  # which one depends on Python
            one.new = 2
        assert not hasattr(one, "__dict__")

    def test_is_equal_by_its_fields_and_its_class(self, made: Any) -> None:
        assert made(1) == made(1)
        assert made(1) != made(2)
        assert made(1) != (1, 2, {})
        assert Point(1) != Standard(1)

    def test_hash_is_that_of_its_fields(self, made: Any) -> None:
        assert hash(made(1, 2, ())) == hash(made(1, 2, ()))
        with pytest.raises(TypeError, match="unhashable"):
            hash(made(1))

    def test_the_standard_tools_know_it(self, made: Any) -> None:
        assert [each.name for each in fields(made)] == ["x", "y", "more"]
        assert replace(made(1), y=5) == made(1, 5)
        assert asdict(made(1)) == {"x": 1, "y": 2, "more": {}}
        assert repr(made(1)) == f"{made.__name__}(x=1, y=2, more={{}})"
        match made(1):
            case Point(x, y) | Standard(x, y):
                assert (x, y) == (1, 2)

    def test_is_pickled_and_copied(self, made: Any) -> None:
        one = made(1, 3, {"a": 1})
        assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == copy.copy(one) == one


def test_a_class_without_fields() -> None:
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())
    assert repr(Nothing()) == "Nothing()"
