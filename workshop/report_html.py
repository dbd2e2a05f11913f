"""A report as one HTML page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from workshop.report import Passage, Report
from workshop.report_markdown import HONEST, TITLE, missing, summary

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
pre { background: #8881; padding: .7rem; overflow-x: auto; }
.change { color: #666; }
@media (prefers-color-scheme: dark) {
  body { background: #111; color: #eee; } .change { color: #aaa; }
}
"""


def html(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>{escape(TITLE)}</title>\n<style>{STYLE}</style>"
    yield f"<h1>{escape(TITLE)}</h1>"
    yield f"<p><strong>{escape(summary(report))}</strong></p>\n<p>{escape(HONEST)}</p>"
    for lesson, passages in report.course:
        count = sum(passage.done is not None for passage in passages)
        yield f"<h2>{lesson.number}. {escape(lesson.title)} ({count} of {len(passages)})</h2>"
        for passage in passages:
            yield from _passage(passage)
        if open_ := missing(passages):
            yield f"<p>{escape(open_)}</p>"
    yield "</html>"


def _passage(passage: Passage) -> Iterator[str]:
    step, done = passage.step, passage.done
    if done is None:
        return
    yield f'<h3 id="{escape(step.id)}">{escape(step.title)}</h3>'
    help_ = "; ".join(passage.remarks) or "with no help"
    when = done.when[:10] or "this day"
    yield f"<p><code>{escape(step.id)}</code>: passed on {escape(when)}, {escape(help_)}.</p>"
    if done.lines:
        rows = []
        for at, (shell, line) in enumerate(done.lines):
            rows.append(f"{escape(shell)} # {escape(line)}")
            changes = done.told.changes[at] if at < len(done.told.changes) else ()
            rows += [f'<span class="change">    {escape(change)}</span>' for change in changes]
        yield f"<pre>{chr(10).join(rows)}</pre>"
    if done.told.verdicts:
        items = "".join(f"<li>{escape(verdict)}</li>" for verdict in done.told.verdicts)
        yield f"<ul>{items}</ul>"
