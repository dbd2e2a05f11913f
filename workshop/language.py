"""The language of the program and of the lessons: `--language de`, or LC_ALL, LC_MESSAGES, LANG.

gettext(1) by the standard library; the catalogues `locale/LANG/LC_MESSAGES/workshop.po` are read as they
stand, by polib, so that nothing has to be compiled. English is what is written in the program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
_CODE = re.compile(r"([a-z]{2,3})(?:_[A-Z]{2})?(?:[.@].*)?")
_chosen = ""


def use(name: str | None, environ: Mapping[str, str] = os.environ) -> None:
    """Speak this language from now on; without a name, that of the environment."""
    global _chosen
    _chosen = code(name) if name else preferred(environ)


def current() -> str:
    """`de`; empty for English, and where nobody has chosen."""
    return _chosen


def preferred(environ: Mapping[str, str]) -> str:
    """As gettext(3) decides: LANGUAGE may list several, unless the locale is C."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "C")
    if code(locale) == "" and not locale.startswith("en"):
        return ""
    return code((environ.get("LANGUAGE") or locale).partition(":")[0])


def code(name: str) -> str:
    """`de_AT.UTF-8` → `de`; empty for English, for C, and for what is no language."""
    match = _CODE.fullmatch(name)
    return match[1] if match and match[1] != "en" else ""


def known() -> tuple[str, ...]:
    """The languages that there is a catalogue for."""
    return tuple(sorted(path.parts[-3] for path in LOCALE.glob("*/LC_MESSAGES/workshop.po")))


def tr(sentence: str) -> str:
    """A sentence of the program in the chosen language; as it is where there is no translation."""
    return _catalogue(_chosen).get(sentence, sentence) if _chosen else sentence


@cache
def _catalogue(name: str) -> Mapping[str, str]:
    path = LOCALE / name / "LC_MESSAGES" / "workshop.po"
    return catalogue(path) if path.is_file() else {}


def catalogue(path: Path) -> Mapping[str, str]:
    """What is translated, and not marked as doubtful."""
    import polib

    return {entry.msgid: entry.msgstr for entry in polib.pofile(str(path)).translated_entries()}
