"""The Markdown that lessons use → rich renderables: paragraphs, emphasis, code, lists, fences, quotes,
tables.

rich has a Markdown of its own; it imports pygments, which takes longer than the first prompt may, and it
centres headings. markdown-it-py parses for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from workshop.render.theme import UNICODE, Signs

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

INLINE = {"strong_open": "bold", "em_open": "italic", "link_open": "underline", "s_open": "strike"}


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


def markdown(source: str, signs: Signs = UNICODE) -> RenderableType:
    """Blocks one below the other, with an empty line between them."""
    blocks = _blocks(list(_parser().parse(source)), signs)
    spaced: list[RenderableType] = []
    for block in blocks:
        spaced += [Text(""), block] if spaced else [block]
    return Group(*spaced)


def inline(source: str, signs: Signs = UNICODE) -> Text:
    """One line of Markdown: emphasis and code, no blocks."""
    tokens = _parser().parseInline(source)
    return _inline(tokens[0].children or [], signs) if tokens else Text("")


def _blocks(tokens: Sequence[Token], signs: Signs) -> list[RenderableType]:
    found: list[RenderableType] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = _closing(tokens, at)
        inside = tokens[at + 1 : end]
        match token.type:
            case "paragraph_open":
                found.append(_inline(inside[0].children or [], signs))
            case "heading_open":
                found.append(_heading(inside, signs))
            case "bullet_list_open" | "ordered_list_open":
                found.append(_list(token, inside, signs))
            case "fence" | "code_block":
                found.append(_code(token.content))
            case "blockquote_open":
                found.append(Padding(Group(*_blocks(inside, signs)), (0, 0, 0, 2)))
            case "hr":
                found.append(Text(signs.line * 8))
            case "table_open":
                found.append(_table(inside, signs))
            case "html_block":
                found.append(Text(token.content.rstrip()))
            case _:
                pass
        at = end + 1
    return found


def _closing(tokens: Sequence[Token], at: int) -> int:
    """The index of the token that closes the one at `at`; `at` itself where nothing is open."""
    if tokens[at].nesting != 1:
        return at
    return next(
        i
        for i in range(at + 1, len(tokens))
        if tokens[i].level == tokens[at].level and tokens[i].nesting == -1
    )


def _heading(inside: Sequence[Token], signs: Signs) -> Text:
    text = _inline(inside[0].children or [], signs)
    text.stylize("title")
    return text


def _code(content: str) -> RenderableType:
    """A block to be read as it stands: folded at the edge, never shortened."""
    return Padding(Text(content.rstrip("\n"), style="code", overflow="fold"), (0, 0, 0, 4))


def _list(opening: Token, inside: Sequence[Token], signs: Signs) -> RenderableType:
    ordered = opening.type == "ordered_list_open"
    number = int(opening.attrGet("start") or 1)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    at = 0
    while at < len(inside):
        end = _closing(inside, at)
        grid.add_row(f"{number}." if ordered else signs.bullet, Group(*_blocks(inside[at + 1 : end], signs)))
        number += 1
        at = end + 1
    return Padding(grid, (0, 0, 0, 2))


def _table(inside: Sequence[Token], signs: Signs) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    row: list[Text] = []
    for at, token in enumerate(inside):
        if token.type == "th_open":
            table.add_column(_inline(inside[at + 1].children or [], signs), overflow="fold")
        elif token.type == "td_open":
            row.append(_inline(inside[at + 1].children or [], signs))
        elif token.type == "tr_close" and row:
            table.add_row(*row)
            row = []
    return table


def _inline(tokens: Sequence[Token], signs: Signs) -> Text:
    text = Text(overflow="fold")
    open_styles: list[str] = []
    links: list[Any] = []
    for token in tokens:
        style = " ".join(open_styles)
        match token.type:
            case "text" | "html_inline":
                text.append(token.content, style)
            case "code_inline":
                text.append(f"{signs.code}{token.content}{signs.code}", f"{style} {_CODE}".strip())
            case "softbreak":
                text.append(" ")
            case "hardbreak":
                text.append("\n")
            case "image":
                text.append(token.content or str(token.attrGet("src") or ""), style)
            case kind if kind in INLINE:
                open_styles.append(INLINE[kind])
                links.append(token.attrGet("href") if kind == "link_open" else None)
            case kind if kind.endswith("_close") and open_styles:
                open_styles.pop()
                href = links.pop()
                if href and href not in text.plain:
                    text.append(f" ({href})")
            case _:
                pass
    return text


_CODE = "magenta"
"""The theme's `code`, spelt out: a name of the theme cannot be combined with other words."""
