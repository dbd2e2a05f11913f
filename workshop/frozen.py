"""Frozen values, as `@dataclass(frozen=True, slots=True)` makes them, in a tenth of the time.

The standard decorator compiles half a dozen functions for each class while the program is being loaded; with
some seventy classes that was a tenth of the time to the first prompt. Here `__init__` is compiled when the
first value is made, and the rest is shared. `fields`, `replace`, `asdict`, `match` and pickle work as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """The class with slots, an `__init__` for its fields, and values that are equal when all fields are."""
    cls.__doc__ = cls.__doc__ or cls.__name__  # else `dataclass` takes the time to write one
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    names = tuple(each.name for each in fields(made))
    values: Callable[[Any], Any] = attrgetter(*names) if names else lambda self: ()

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        made.__init__ = _initialiser(made)
        made.__init__(self, *args, **kwargs)

    def same(self: Any, other: Any) -> bool:
        return bool(values(self) == values(other)) if type(self) is type(other) else NotImplemented

    made.__init__ = first
    made.__eq__ = same
    made.__hash__ = lambda self: hash(values(self))
    made.__setattr__ = made.__delattr__ = _refuse
    made.__repr__ = _repr
    made.__reduce__ = lambda self: (made, tuple(getattr(self, name) for name in names))
    done: type[T] = made
    return done


def _initialiser(cls: Any) -> Callable[..., None]:
    """`__init__(self, pid, ns=_default_ns)`, which sets the slots: nobody else can."""
    known: dict[str, Any] = {"_MISSING": MISSING}
    parameters, lines = ["self"], ["pass"]
    for each in fields(cls):
        name, value = each.name, each.name
        known[f"_set_{name}"] = cls.__dict__[name].__set__
        if each.default_factory is not MISSING:
            known[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_MISSING")
            value = f"_make_{name}() if {name} is _MISSING else {name}"
        elif each.default is not MISSING:
            known[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f"_set_{name}(self, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines), known)
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _refuse(self: object, name: str, value: object = None) -> NoReturn:
    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")


def _repr(self: Any) -> str:
    inside = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
    return f"{type(self).__qualname__}({inside})"
