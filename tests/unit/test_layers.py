"""Who knows nothing of whom: the arrows between the parts, read from the source, through all imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCREEN = {"rich", "prompt_toolkit"}


def sources() -> dict[str, Path]:
    """Every module of the project by its name."""
    found = {}
    for package in ("workshop", "checks"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


SOURCES = sources()


def imports(module: str) -> set[str]:
    """What a module imports, anywhere in it, also lazily; not what only a type checker sees."""
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in at_run_time(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide the arrows"
            base = node.module or ""
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in SOURCES else base for name in names}
    return found


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from at_run_time(child)


def reached(module: str) -> dict[str, str]:
    """Everything that comes with a module, each with the module that imports it."""
    found: dict[str, str] = {}
    todo = [module]
    while todo:
        at = todo.pop()
        for name in imports(at):
            if name not in found and name != module:
                found[name] = at
                if name in SOURCES:
                    todo.append(name)
    return found


def way(found: dict[str, str], name: str) -> str:
    """How a module comes to import another one."""
    steps = [name]
    while steps[-1] in found:
        steps.append(found[steps[-1]])
    return " ← ".join(steps)


def trespasses(module: str, forbidden: set[str]) -> list[str]:
    found = reached(module)
    return [
        way(found, name)
        for name in sorted(found)
        if any(name == taboo or name.startswith(f"{taboo}.") for taboo in forbidden)
    ]


def within(*names: str) -> list[str]:
    """The modules of these names that exist, with all below them."""
    return sorted(m for m in SOURCES if any(m == name or m.startswith(f"{name}.") for name in names))


ENGINE = within(
    "workshop.kernel", "workshop.lesson", "workshop.session", "workshop.events", "workshop.registry", "checks"
)


def test_there_is_something_to_look_at() -> None:
    assert {
        "workshop.kernel.model",
        "workshop.lesson",
        "workshop.session",
        "workshop.events",
        "checks",
    } <= set(ENGINE)


@pytest.mark.parametrize("module", ENGINE)
def test_the_engine_knows_no_screen(module: str) -> None:
    assert trespasses(module, SCREEN | {"workshop.render", "workshop.ui"}) == []


@pytest.mark.parametrize("module", within("checks"))
def test_checks_import_only_the_kernel_part(module: str) -> None:
    ours = {name for name in imports(module) if name.partition(".")[0] in ("workshop", "checks", "lessons")}
    assert [n for n in ours if not n.startswith(("workshop.kernel", "checks"))] == []


@pytest.mark.parametrize("module", within("workshop.kernel"))
def test_the_kernel_part_knows_nothing_of_lessons(module: str) -> None:
    """Of the rest it may use the exceptions, how values are made, and what a step can watch."""
    found = {
        name
        for name in reached(module)
        if name.startswith("workshop") and not name.startswith("workshop.kernel")
    }
    assert found <= {"workshop", "workshop.errors", "workshop.frozen", "workshop.lesson", "workshop.libc"}


@pytest.mark.parametrize(
    "module", within("workshop.lesson", "workshop.parse", "workshop.parse_tables", "workshop.progress")
)
def test_lessons_know_no_kernel_and_no_screen(module: str) -> None:
    assert (
        trespasses(module, SCREEN | {"workshop.kernel", "workshop.registry", "checks", "pyroute2", "pexpect"})
        == []
    )


def test_only_the_registry_imports_checks() -> None:
    importers = {
        module
        for module in within("workshop")
        if any(name == "checks" or name.startswith("checks.") for name in imports(module))
    }
    assert importers == {"workshop.registry"}


def test_lint_needs_neither_lab_nor_screen() -> None:
    assert trespasses("workshop.lint", SCREEN | {"workshop.lab", "workshop.shell", "workshop.session"}) == []


@pytest.mark.parametrize("module", within("workshop.render"))
def test_rendering_does_no_input_or_output(module: str) -> None:
    taboo = {"prompt_toolkit", "pexpect", "workshop.ui", "workshop.session", "workshop.lab", "workshop.shell"}
    assert trespasses(module, taboo) == []
    assert imports(module).isdisjoint({"subprocess", "os", "sys", "select", "termios"})
