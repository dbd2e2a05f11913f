"""Variables in the texts and scripts of lessons: `{{pool}}`. A fixed list; lessons hold no code.

`{{.State.Pid}}` and the like, which Docker's `--format` takes, are none and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

VARIABLES: Mapping[str, str] = {
    "pool": "the name of the lab's ZFS pool: tank, or the next that is free",
    "image": "the tar file with the image's root file system",
    "lab": "the lab's own folder, /lab",
    "userxattr": "the first option of an overlay: `userxattr,` without root, with root nothing",
    "memory": "where the lab's groups for memory are made: /sys/fs/cgroup, or its memory in version 1",
    "cpu": "the same for cpu",
    "pids": "the same for pids",
    "cgroup2": "where groups of version 2 are made, with controllers or without",
    "freezer": "where groups are made to be frozen: version 2 if there is one, else version 1's freezer",
}

_VARIABLE = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_-]*)\}\}")
_LOOSE = re.compile(r"\{\{ *([a-z]+) *\}\}")


def fill(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables filled in; a variable without a value stays as it is written."""
    return _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), text)


def fill_params(params: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a check with the variables in their texts filled in."""
    return {name: _fill_value(value, variables) for name, value in params.items()}


def _fill_value(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return fill(value, variables)
    if isinstance(value, tuple):
        return tuple(_fill_value(item, variables) for item in value)
    if isinstance(value, Mapping):
        return fill_params(value, variables)
    return value


def used(text: str) -> frozenset[str]:
    """The names of the variables in a text."""
    return frozenset(_VARIABLE.findall(text))


def misspelt(line: str) -> Iterator[tuple[str, str]]:
    """What looks like a variable in a line and is none: as it is written, and its name."""
    if "{{" not in line:
        return
    for match in _VARIABLE.finditer(line):
        if match[1] not in VARIABLES:
            yield match[0], match[1]
    for match in _LOOSE.finditer(line):
        if match[1] in VARIABLES and " " in match[0]:
            yield match[0], match[1]
