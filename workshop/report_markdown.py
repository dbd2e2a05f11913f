"""A report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from workshop.report import Passage, Report

TITLE = "Build your own Docker: what was done"
HONEST = (
    "The kernel judged every step. Listed are the lines that were typed, what each of them changed, and what "
    "the checks found. Help is named where there was any."
)


def summary(report: Report) -> str:
    passed, every = len(report.passed), len(report.passages)
    return (
        f"{passed} of {every} steps passed, {len(report.alone)} of them in a way of one's own, with no help."
    )


def markdown(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield from (f"# {TITLE}", "", summary(report), "", HONEST, "")
    for lesson, passages in report.course:
        count = sum(passage.done is not None for passage in passages)
        yield from (f"## {lesson.number}. {lesson.title} ({count} of {len(passages)})", "")
        for passage in passages:
            yield from _passage(passage)
        if open_ := missing(passages):
            yield from (open_, "")


def missing(passages: Sequence[Passage]) -> str:
    """The steps of a lesson that are not passed, in one sentence; empty where there are none."""
    titles = [passage.step.title for passage in passages if passage.done is None]
    if len(titles) == len(passages):
        return "Not begun."
    sentence = f"Not passed: {'; '.join(titles)}" if titles else ""
    return sentence if sentence.endswith(("?", "!")) or not sentence else f"{sentence}."


def _passage(passage: Passage) -> Iterator[str]:
    step, done = passage.step, passage.done
    if done is None:
        return
    yield from (f"### {step.title}", "")
    yield from (f"`{step.id}`: passed on {done.when[:10] or 'this day'}{_remarks(passage)}.", "")
    if done.lines:
        texts = [_text(passage, at) for at in range(len(done.lines))]
        fence = "`" * max(
            3, 1 + max((len(run) for text in texts for run in re.findall("`+", text)), default=0)
        )
        yield from (f"{fence}text", *texts, fence, "")
    yield from (f"- {verdict}" for verdict in done.told.verdicts)
    if done.told.verdicts:
        yield ""


def _text(passage: Passage, at: int) -> str:
    assert passage.done is not None
    shell, line = passage.done.lines[at]
    changes = passage.done.told.changes[at] if at < len(passage.done.told.changes) else ()
    typed = line.replace("\n", "\n    ")
    return "\n".join([f"{shell} # {typed}", *(f"    {change}" for change in changes)])


def _remarks(passage: Passage) -> str:
    return f", {'; '.join(passage.remarks)}" if passage.remarks else ", with no help"
