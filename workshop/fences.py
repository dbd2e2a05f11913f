"""The info strings of a lesson's fences: `toml step`, `sh solution when=zfs,!docker`, `sh mistake ID`.

A fence without a second word, or with one in a language of no concern here, is ordinary Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from workshop import conditions
from workshop.frozen import frozen
from workshop.problems import suggest

LANGUAGES: Mapping[str, str] = {
    "step": "toml",
    "setup": "sh",
    "solution": "sh",
    "mistake": "sh",
    "hint": "text",
    "note": "text",
    "why": "text",
    "docker": "text",
    "translation": "toml",
}
"""What a fence is for, and the language it is written with."""


@frozen
class Fence:
    role: str
    diagnosis: str = ""
    when: tuple[str, ...] = ()


class FenceError(ValueError):
    """What is wrong with an info string, and what to write."""

    def __init__(self, wrong: str, write: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.write = write


@cache
def parse(info: str) -> Fence | None:
    """What a fence is for; None for ordinary Markdown. FenceError when it is neither."""
    language, *words = info.split() or [""]
    if not words:
        if language in LANGUAGES:
            raise FenceError(
                f"a fence ```{language} has no language", f"write ```{LANGUAGES[language]} {language}"
            )
        return None
    role, *rest = words
    if role not in LANGUAGES:
        if language not in LANGUAGES.values():
            return None
        roles = [name for name, of in LANGUAGES.items() if of == language]
        raise FenceError(
            f"there is no fence ```{language} {role}", f"{suggest(role, roles)}, or ```{language} alone"
        )
    if language != LANGUAGES[role]:
        raise FenceError(f"a {role} is not written in {language}", f"write ```{LANGUAGES[role]} {role}")
    diagnosis = rest.pop(0) if role == "mistake" and rest and "=" not in rest[0] else ""
    if role == "mistake" and not diagnosis:
        raise FenceError("a mistake names no diagnosis", "write ```sh mistake ID, an id of diagnoses.toml")
    return Fence(role, diagnosis, _when(role, rest))


def _when(role: str, options: list[str]) -> tuple[str, ...]:
    when: tuple[str, ...] = ()
    for option in options:
        key, equals, value = option.partition("=")
        if key != "when" or not equals or LANGUAGES[role] != "sh":
            known = "only when=NAME,!NAME can follow" if LANGUAGES[role] == "sh" else "nothing can follow"
            raise FenceError(f"{option!r} after {role!r} means nothing here", f"take it away: {known}")
        if when:
            raise FenceError("when= is written twice", "write one: when=NAME,!NAME")
        when = tuple(_condition(text) for text in value.split(","))
    return when


def _condition(text: str) -> str:
    try:
        return conditions.parse(text)
    except ValueError as error:
        names = tuple(conditions.CAPABILITIES)
        raise FenceError(str(error), suggest(text, names) + " (!NAME for its absence)") from None
