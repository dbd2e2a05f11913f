"""Tab on the stage: one name is taken, of several what they share, and then they are told in a row."""

from __future__ import annotations

import pytest
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.document import Document
from stage_builders import Theatre

from workshop.ui.stage_completion import TOLD, complete, completer

NAMES = WordCompleter(["images", "image.tar", "lab"])


@pytest.mark.parametrize(
    ("text", "line", "notice"),
    [
        ("l", "lab", ""),
        ("i", "image", ""),
        ("image", "image", "images  image.tar"),
        ("x", "x", "Nothing here begins like that"),
    ],
)
def test_tab(text: str, line: str, notice: str) -> None:
    found = complete(Document(text), NAMES)
    assert (found.document.text, found.notice) == (line, notice)
    assert found.document.is_cursor_at_the_end


def test_what_follows_the_cursor_stays() -> None:
    found = complete(Document("l --all", 1), NAMES)
    assert (found.document.text, found.document.cursor_position) == ("lab --all", 3)


def test_a_thousand_names_are_not_all_told() -> None:
    found = complete(Document(""), WordCompleter([f"{number}-name" for number in range(1000)]))
    assert len(found.notice.split()) == TOLD + 1 and found.notice.endswith("…")


def test_the_stage_offers_its_own_commands_and_the_answers_to_its_question() -> None:
    theatre = Theatre()
    theatre.press("jump first/count")
    by = completer(theatre.performance.session)
    assert complete(Document(":"), by).notice == ":host  :container  :answer"
    assert complete(Document(":co"), by).document.text == ":container"
    choices = theatre.performance.session.step.choices
    assert choices and complete(Document(":answer "), by).notice == "  ".join(choices)


def test_a_host_that_is_gone_offers_nothing() -> None:
    theatre = Theatre()
    theatre.host.alive = False
    assert complete(Document("ba"), completer(theatre.performance.session)).document.text == "ba"
