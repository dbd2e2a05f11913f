"""Snapshots as JSON, for recordings: `from_json(to_json(snapshot)) == snapshot`.

What an older recording does not have yet is as if it had not been read: it takes its default.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from workshop.kernel.model import Snapshot

FORMAT = 1


def to_json(snapshot: Snapshot, *, indent: int | None = None) -> str:
    return json.dumps({"format": FORMAT, "snapshot": _plain(snapshot)}, indent=indent, ensure_ascii=True)


def from_json(text: str) -> Snapshot:
    """ValueError, with the place, for what is no recording of a snapshot."""
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"not a recorded snapshot of format {FORMAT}")
    found = _build(Snapshot, data.get("snapshot"), "snapshot")
    assert isinstance(found, Snapshot)
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _build(kind: Any, value: Any, place: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _build_dataclass(kind, value, place)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _build(next(arg for arg in args if arg is not type(None)), value, place)
    if origin is Literal:
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{place}: not a list")
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(kinds) != len(value):
            raise ValueError(f"{place}: {len(value)} items, not {len(kinds)}")
        items = zip(kinds, value, strict=True)
        return tuple(_build(each, item, f"{place}[{i}]") for i, (each, item) in enumerate(items))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise ValueError(f"{place}: not an object")
        return {
            _key(args[0], key, place): _build(args[1], item, f"{place}.{key}") for key, item in value.items()
        }
    if type(value) is not kind:
        raise ValueError(f"{place}: {value!r} is not of type {kind.__name__}")
    return value


def _build_dataclass(kind: type, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{place}: not an object")
    hints = get_type_hints(kind)
    known = fields(kind)
    must = {f.name for f in known if f.default is MISSING and f.default_factory is MISSING}
    wrong = (must - value.keys()) | (value.keys() - {f.name for f in known})
    if wrong:
        raise ValueError(f"{place}: {', '.join(sorted(wrong))} unknown or missing")
    return kind(**{name: _build(hints[name], item, f"{place}.{name}") for name, item in value.items()})


def _key(kind: Any, key: str, place: str) -> Any:
    try:
        return int(key) if kind is int else key
    except ValueError as e:
        raise ValueError(f"{place}: {key!r} is not a number") from e
