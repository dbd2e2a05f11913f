"""A lesson's Markdown, cut at its `## ` headings: what a learner reads, and the fences that mean something.

Only the blocks are parsed (CommonMark, by markdown-it-py); what is within a line is for the renderer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from workshop import fences
from workshop.fences import Fence, FenceError
from workshop.frozen import frozen
from workshop.problems import Report

BLOCKS = ("fence", "heading", "lheading", "list", "blockquote", "html_block", "code", "hr")
_BLANKS = re.compile(r"\n{3,}")


@frozen
class Block:
    """A fence that means something."""

    fence: Fence
    content: str
    line: int
    """Of the opening fence; the content begins one line below."""


@dataclass(slots=True)
class Section:
    """What stands before the first heading (`title` empty), or below one."""

    title: str
    line: int
    blocks: list[Block] = field(default_factory=list)
    text: str = ""

    def of(self, role: str) -> list[Block]:
        return [block for block in self.blocks if block.fence.role == role]


def sections(text: str, report: Report, first: int) -> list[Section]:
    """Cut the Markdown (with plain newlines) that begins at line `first` of the file."""
    source = text.split("\n")
    found = [Section("", first)]
    pieces: list[str] = []
    at = 0

    def cut(until: int, resume: int) -> None:
        nonlocal at
        pieces.append("\n".join(source[at:until]).strip("\n"))
        at = resume

    def finish() -> None:
        found[-1].text = "\n\n".join(piece for piece in pieces if piece.strip()).strip()
        pieces.clear()

    tokens = _parser().parse(text)
    for index, token in enumerate(tokens):
        if token.map is None:
            continue
        start, end = token.map
        if token.type == "heading_open" and token.level == 0:
            if token.tag == "h1":
                report.error(
                    first + start,
                    "a heading of level 1",
                    "write ## for a step; the title is in the front matter",
                )
            if token.tag == "h2":
                cut(start, end)
                finish()
                found.append(Section(tokens[index + 1].content.strip(), first + start))
        elif token.type == "fence":
            block = _block(token, source, report, first)
            if block is not None:
                cut(start, end)
                found[-1].blocks.append(block)
    cut(len(source), len(source))
    finish()
    return found


def _block(token: Token, source: Sequence[str], report: Report, first: int) -> Block | None:
    assert token.map is not None
    start, end = token.map
    line = first + start
    try:
        fence = fences.parse(token.info)
    except FenceError as error:
        report.error(line, error.wrong, error.write)
        return None
    if token.level == 0 and not _closed(token, source[end - 1] if end - 1 > start else ""):
        report.error(line, "this fence is never closed", f"write {token.markup} on a line below it")
    if fence is not None and token.level > 0:
        report.error(
            line,
            f"this {fence.role} is inside a list or a quotation",
            "write it flush left",
        )
        return None
    return Block(fence, token.content, line) if fence is not None else None


def _closed(token: Token, last: str) -> bool:
    mark = last.strip()
    return len(mark) >= len(token.markup) and set(mark) == {token.markup[0]}


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero").enable(list(BLOCKS))
    # The text has been normalised, and nothing within a line is looked at: half the time is saved.
    parser.core.ruler.enableOnly(["block"])
    return parser
