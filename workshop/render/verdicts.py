"""Verdicts, evidence and diagnoses → renderables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from workshop.events import Judged
from workshop.kernel.verdict import Evidence, Verdict
from workshop.language import tr
from workshop.lesson import Diagnosis, Step
from workshop.render.layout import indented
from workshop.render.markdown import inline, markdown
from workshop.render.theme import UNICODE, Signs

WORDS = {"passed": "met", "missed": "not yet", "unsupported": "cannot be checked here"}
STYLES = {"passed": "good", "missed": "bad", "unsupported": "unknown"}


def checks(judged: Judged, signs: Signs = UNICODE) -> RenderableType:
    """Every check of the step: what is expected, what was found, where that was read."""
    if not judged.verdicts:
        return Text("This step has nothing to check: read, try things out, and go on when you like.")
    return Group(*(verdict(each, signs) for each in judged.verdicts))


def verdict(verdict: Verdict, signs: Signs = UNICODE) -> RenderableType:
    sign = {"passed": signs.good, "missed": signs.bad, "unsupported": signs.unknown}[verdict.state]
    head = Text(overflow="fold")
    head.append(f"{sign} {WORDS[verdict.state]}", STYLES[verdict.state])
    head.append(": ")
    head.append_text(inline(verdict.expected, signs))
    lines: list[RenderableType] = [head]
    if verdict.found:
        lines.append(indented(Text("found ", style="label").append_text(inline(verdict.found, signs))))
    lines += [indented(evidence(each)) for each in dict.fromkeys(verdict.evidence)]
    return Group(*lines)


def evidence(evidence: Evidence) -> Text:
    """`pid namespace 4026532281  (/proc/812/ns/pid)`."""
    text = Text(f"{evidence.what}: {evidence.value}", overflow="fold")
    if evidence.source:
        text.append("  (").append(evidence.source, "source").append(")")
    return text


def passed(
    step: Step, judged: Judged | None, why: str, docker: str, signs: Signs = UNICODE
) -> RenderableType:
    """The goal is met: what proves it, why it is so, and what Docker does here."""
    head = (
        Text(overflow="fold").append(f"{signs.good} {tr('Done')}", "good").append(f": {step.title}", "title")
    )
    lines: list[RenderableType] = [head]
    for each in judged.verdicts if judged else ():
        lines.append(indented(inline(each.found or each.expected, signs)))
        lines += [indented(evidence(item), 4) for item in dict.fromkeys(each.evidence)]
    for label, text in ((tr("Why"), why), ("Docker", docker)):
        if text:
            lines += [Text(""), _labelled(label, text, signs)]
    return Group(*lines)


def miss(verdict: Verdict, signs: Signs = UNICODE) -> RenderableType:
    """The first broken condition, in one breath."""
    text = Text(overflow="fold").append(f"{signs.todo} {tr('Not yet')}", "label").append(": ")
    text.append_text(inline(verdict.found or verdict.expected, signs))
    if verdict.evidence and verdict.evidence[0].source:
        text.append("  (").append(verdict.evidence[0].source, "source").append(")")
    return text


def diagnosis(diagnosis: Diagnosis, signs: Signs = UNICODE) -> RenderableType:
    """What happened, why, and the way out."""
    from rich import box

    body = Group(
        Text(tr("Why"), style="label"),
        markdown(diagnosis.cause, signs),
        Text(""),
        Text(tr("Way out"), style="label"),
        markdown(diagnosis.remedy, signs),
    )
    if signs.plain:
        return Group(Text(f"{tr('Known error')}: {diagnosis.title}", style="label"), body)
    return Panel(
        body,
        title=Text(f" {diagnosis.title} ", style="warning"),
        title_align="left",
        border_style="warning.border",
        box=box.ASCII if signs.ascii else box.ROUNDED,
        padding=(0, 1),
    )


def again(diagnosis: Diagnosis, signs: Signs = UNICODE) -> RenderableType:
    """A diagnosis that was shown before: its name and the way out."""
    head = Text(f"{tr('Again')}: {diagnosis.title}.", style="label")
    return Group(head, indented(markdown(diagnosis.remedy, signs)))


def first_missed(verdicts: Sequence[Verdict]) -> Verdict | None:
    return next((verdict for verdict in verdicts if verdict.state == "missed"), None)


def _labelled(label: str, text: str, signs: Signs) -> RenderableType:
    return indented(Group(Text(label, style="label"), markdown(text, signs)))
