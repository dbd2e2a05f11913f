"""The program's own sentences that a learner reads, found in the source: what a catalogue must have.

They are the plain texts given to `say`, `trouble`, `confirm` and `tr`, and the words of the tables of keys.
A text with values filled in is none of them, and stays English.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from workshop import language
from workshop.lesson import Place
from workshop.problems import Problem

_HOME = Path(__file__).parent
_FILES = (
    "ui/learn.py",
    "ui/narrate.py",
    "ui/commands.py",
    "ui/keys.py",
    "ui/start.py",
    "render/lesson.py",
    "render/verdicts.py",
    "render/help.py",
    "render/map.py",
)
_SAYING = ("say", "trouble", "confirm", "tr", "_agreed")


def found() -> dict[str, Place]:
    """Every sentence, with where it stands first."""
    sentences: dict[str, Place] = {}
    for name in _FILES:
        tree = ast.parse((_HOME / name).read_text(encoding="utf-8"))
        for text, line in _in(tree):
            sentences.setdefault(text, Place(f"workshop/{name}", line))
    return sentences


def _in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple) and _named(node, "EDITING"):
            for row in node.value.elts:
                assert isinstance(row, ast.Tuple)
                yield from _texts(row.elts[1])
        if isinstance(node, ast.Assign) and any(_named(node, name) for name in ("WHY_ROOT", "WITHOUT")):
            yield from _texts(node.value)
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in _SAYING:
            for argument in node.args:
                yield from _texts(argument)
        elif name == "Command":
            for argument in (node.args[1], *node.args[4:5]):
                yield from _texts(argument)
            for keyword in node.keywords:
                if keyword.arg == "short":
                    yield from _texts(keyword.value)


def _named(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _texts(node: ast.expr) -> Iterator[tuple[str, int]]:
    """The words in an argument: a text, one of two, or a part `(text, style)` of a line."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if any(letter.isalpha() for letter in node.value) and not node.value.startswith(":"):
            yield node.value, node.lineno
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Tuple) and node.elts:
        yield from _texts(node.elts[0])


def problems() -> Iterator[Problem]:
    """Sentences without a translation, and translations without a sentence."""
    wanted = found()
    for name in language.known():
        path = f"workshop/locale/{name}/LC_MESSAGES/workshop.po"
        there = language.catalogue(language.LOCALE / name / "LC_MESSAGES" / "workshop.po")
        for sentence, place in wanted.items():
            if sentence not in there:
                yield Problem(place, f"{name}: {sentence!r} is not translated", f"write it into {path}")
        for sentence in there.keys() - wanted.keys():
            yield Problem(Place(path, 1), f"nothing says {sentence!r} any more", "take it away")
