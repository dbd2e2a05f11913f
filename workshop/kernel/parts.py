"""Importing a part of a package without the package's own `__init__`, where that brings in far too much."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


@contextmanager
def without_the_rest(package: str) -> Iterator[None]:
    """In the block, `from package.part import name` loads that part alone.

    `import pyroute2` loads all of it (NDB, IPDB, nftables …), a third of the time to our first prompt. Three
    classes of its messages are what we want. Afterwards the package can be imported whole as ever.
    """
    if package in sys.modules:
        yield
        return
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No package named {package!r}", name=package)
    bare = ModuleType(package)
    bare.__path__ = spec.submodule_search_locations
    bare.__spec__ = spec
    sys.modules[package] = bare
    try:
        yield
    finally:
        if sys.modules.get(package) is bare:
            del sys.modules[package]
