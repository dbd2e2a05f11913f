"""The checks by name: the only place that imports `checks/`.

A check is a public function of a module in `checks/` whose first parameter is a `View` and which returns a
`Verdict`; everything after the view is a parameter that a lesson may set. Its docstring is its documentation.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import checks as package
from workshop.errors import LessonError
from workshop.frozen import frozen
from workshop.kernel.verdict import Verdict, View
from workshop.problems import suggest


@frozen
class Check:
    """A check and what it takes; called with a view, it judges."""

    name: str
    function: Callable[..., Verdict]

    def __call__(self, view: View, **params: Any) -> Verdict:
        return self.function(view, **params)

    @property
    def module(self) -> str:
        return self.function.__module__.rpartition(".")[2]

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    @property
    def params(self) -> Mapping[str, inspect.Parameter]:
        """What a lesson may set, with the types resolved."""
        return _params(self.function)


@cache
def _params(function: Callable[..., Verdict]) -> Mapping[str, inspect.Parameter]:
    hints = typing.get_type_hints(function)
    found = list(inspect.signature(function).parameters.values())[1:]
    return {p.name: p.replace(annotation=hints.get(p.name, Any)) for p in found}


@cache
def checks() -> Mapping[str, Check]:
    """All the checks, in the order of their modules and lines."""
    found: dict[str, Check] = {}
    for module in _modules():
        for name, function in vars(module).items():
            if name.startswith("_") or not _is_check(function, module.__name__):
                continue
            if name in found:
                raise LessonError(
                    f"Two checks are called {name}: in {found[name].module} and {module.__name__}."
                )
            found[name] = Check(name, function)
    return types.MappingProxyType(found)


def check(name: str) -> Check:
    """The check of that name; LessonError when there is none."""
    found = checks().get(name)
    if found is None:
        raise LessonError(f"There is no check {name!r}.", suggest(name, tuple(checks())).capitalize() + ".")
    return found


def wrong_params(check: Check, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with a lesson's parameters for a check: each as what is wrong, and what to write."""
    found = []
    for name, value in params.items():
        known = check.params.get(name)
        if known is None:
            remedy = suggest(name, tuple(check.params))
            found.append((f"the check {check.name} has no parameter {name!r}", remedy))
        elif not fits(value, known.annotation):
            wanted = describe(known.annotation)
            found.append((f"{name} of the check {check.name} is {_written(value)}", f"write {wanted}"))
    for name, known in check.params.items():
        if known.default is inspect.Parameter.empty and name not in params:
            wanted = describe(known.annotation)
            found.append((f"the check {check.name} needs {name}", f"write {name} = … ({wanted})"))
    return found


def fits(value: Any, hint: Any) -> bool:
    """Is a value, as it comes from TOML (lists as tuples), of the type that a parameter is annotated with?"""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is typing.Literal:
        return any(value == arg and type(value) is type(arg) for arg in args)
    if isinstance(value, Mapping):
        pairs = value.items() if args else ()
        return _is(origin or hint, dict) and all(fits(k, args[0]) and fits(v, args[1]) for k, v in pairs)
    if isinstance(value, tuple):
        if origin is tuple and args[-1] is not Ellipsis:
            return len(value) == len(args) and all(map(fits, value, args))
        items = value if args else ()
        return _is(origin or hint, tuple, list, frozenset) and all(fits(item, args[0]) for item in items)
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float)
    return isinstance(value, hint) if isinstance(hint, type) else False


def _is(hint: Any, *kinds: type) -> bool:
    """Would one of the kinds be welcome where `hint` is asked for?"""
    return isinstance(hint, type) and any(issubclass(kind, hint) for kind in kinds)


_PLAIN: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: 'a text: "…"',
}


def describe(hint: Any) -> str:
    """A type, in an author's words."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is typing.Literal:
        return "one of " + ", ".join(_written(arg) for arg in args)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(arg) for arg in args if arg is not type(None))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a table: { … }"
    if args:
        return f"a list [ … ], each {describe(args[0])}"
    return "any value" if hint is Any else getattr(hint, "__name__", str(hint))


def _written(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f" {key} = {_written(item)}" for key, item in value.items()) + " }"
    return str(value)


def reference() -> str:
    """The reference of all checks, in Markdown, from their signatures and docstrings."""
    parts = []
    module = ""
    for check in checks().values():
        if check.module != module:
            module = check.module
            parts.append(f"## {module}")
        lines = [f"### {check.name}", "", check.doc or "(not documented)"]
        lines += [""] if check.params else []
        for name, param in check.params.items():
            default = param.default
            unset = "must be given" if default is inspect.Parameter.empty else f"default {_written(default)}"
            unset = "may be left out" if default is None else unset
            lines.append(f"- `{name}`: {describe(param.annotation)}; {unset}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def diagnoses() -> Mapping[str, tuple[str, int]]:
    """The diagnoses that checks give, each with the file and line where one does (`diagnosis="…"`)."""
    found: dict[str, tuple[str, int]] = {}
    for module in _modules(private=True):
        path = Path(str(module.__file__))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "diagnosis":
                for constant in _texts(node.value):
                    found.setdefault(constant.value, (str(path), constant.lineno))
    return found


def mentioned() -> frozenset[str]:
    """Every text in the source of the checks: a diagnosis may come to a verdict in more ways than one."""
    trees = (
        ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")) for module in _modules(private=True)
    )
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


def _texts(node: ast.expr) -> list[Any]:
    """The texts an expression may have as its value: `"a"`, or the two of `"a" if … else "b"`."""
    if isinstance(node, ast.Constant):
        return [node] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in _texts(value)]
    return []


def _modules(*, private: bool = False) -> list[types.ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return [
        import_module(f"{package.__name__}.{name}") for name in names if private or not name.startswith("_")
    ]


def _is_check(function: object, module: str) -> bool:
    if not isinstance(function, types.FunctionType) or function.__module__ != module:
        return False
    notes = function.__annotations__
    first = next(iter(notes.values()), None)
    return first in ("View", View) and notes.get("return") in ("Verdict", Verdict)
