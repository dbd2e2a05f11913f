"""`workshop clean`: remove what a workshop that was killed left behind."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from workshop import ledger
from workshop.ledger import Entry, Ledger

_WORDS = {
    "cgroup": "the cgroup",
    "scope": "systemd's scope",
    "controllers": "the controllers handed down by",
    "mounts": "what was mounted at",
    "loops": "the loop devices of lab",
    "pool": "the ZFS pool",
    "folder": "the folder",
    "path": "the folder",
    "engine": "the demo's containers in",
}


def main(args: Sequence[str]) -> int:
    """0: nothing of a dead workshop is left; 3: something could not be removed."""
    parser = argparse.ArgumentParser(
        "workshop clean", description="Remove what a killed workshop left behind."
    )
    parser.parse_args(args)
    from workshop.ui.curtain import mend

    if mend():
        print("This terminal was left raw; it is as it should be again.")
    roots = ledger.RUN / ledger.NAME
    if os.geteuid() != 0 and roots.exists() and ledger.home() != roots:
        print(f"What is root's, in {roots}, was not looked at: sudo workshop clean", file=sys.stderr)
    from rich.markup import escape

    from workshop.stage.remote import sweep
    from workshop.ui.console import Console

    console = Console(highlight=False)
    swept = Ledger.sweep()
    sweep(ledger.home())
    for one in swept:
        for entry in one.removed:
            console.print(f"[green]removed[/] {escape(describe(entry))}")
        for problem in one.problems:
            console.print(f"[red]not removed[/] {escape(problem)}")
    running = len(ledger.alive())
    if running:
        labs = "one workshop is" if running == 1 else f"{running} workshops are"
        console.print(f"{labs} running; what is theirs was not touched")
    if not swept:
        console.print("Nothing of yours was left behind." if os.geteuid() else "Nothing was left behind.")
    return 3 if any(one.problems for one in swept) else 0


def describe(entry: Entry) -> str:
    return f"{_WORDS.get(entry.kind, entry.kind)} {entry.name}"
