"""`workshop verify PID|NAME…`: the course's checks on containers of this machine, whoever started them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from workshop.kernel.container import look
from workshop.names import Named, resolve
from workshop.scorecard import Scored, missed, score


def main(names: Sequence[str], *, as_json: bool = False) -> int:
    """0: every row of every container is met; 1: some are not."""
    cards = [(named, score(look(named.pid), named.pid)) for named in map(resolve, names)]
    if as_json:
        for named, scored in cards:
            for row in _plain(named, scored):
                print(json.dumps(row, ensure_ascii=False))
    else:
        _show(cards)
    return 1 if any(missed(scored) for _, scored in cards) else 0


def _plain(named: Named, scored: Sequence[Scored]) -> Iterator[dict[str, Any]]:
    """One object for each row."""
    for each in scored:
        verdict = each.verdict
        yield {
            "event": "row",
            "pid": named.pid,
            "name": named.name,
            "engine": named.engine or None,
            "group": each.row.group,
            "row": each.row.title,
            "check": verdict.check,
            "state": verdict.state,
            "expected": verdict.expected,
            "found": verdict.found,
            "evidence": [asdict(evidence) for evidence in verdict.evidence],
        }


def _show(cards: Sequence[tuple[Named, tuple[Scored, ...]]]) -> None:
    from workshop.render.scorecard import beside, card
    from workshop.ui.console import console, signs_of

    screen, signs = console(), signs_of()
    if len(cards) == 1:
        named, scored = cards[0]
        screen.print(card(title(named), scored, signs))
    else:
        screen.print(beside([(title(named), scored) for named, scored in cards], signs))


def title(named: Named) -> str:
    """`web (docker, 812)`, or `812`."""
    return f"{named.name} ({named.engine}, {named.pid})" if named.engine else f"process {named.pid}"
