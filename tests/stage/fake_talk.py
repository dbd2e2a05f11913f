"""A talk that really ran, again, for looking at the pages: `python -m stage.fake_talk`, run in `tests/`.

It serves both pages and publishes the scenes of `talk/scenes.jsonl` one after the other.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from workshop.stage import log
from workshop.stage.scene import Scene

TALK = Path(__file__).parent / "talk"


def scenes(began: float | None = None) -> Iterator[Scene]:
    """All scenes of the talk. With `began` their clocks are moved, as if it had begun then."""
    moments = log.read(TALK / "scenes.jsonl").moments
    first = next(moment.scene.started for moment in moments if moment.scene.started)
    for moment in moments:
        scene = moment.scene
        if began is None or not scene.started:
            yield scene
        else:
            moved = began - first
            yield replace(scene, started=scene.started + moved, step_started=scene.step_started + moved)


def main() -> None:
    from workshop.stage.web.server import Server, new_secret

    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two scenes")
    parser.add_argument("--share", default=new_secret())
    parser.add_argument("--notes", default=new_secret())
    options = parser.parse_args()
    orders: list[tuple[str, str, int]] = []

    def drive(command: str, argument: str, seen: int) -> bool:
        print(f"order: {command} {argument} (seen {seen})", flush=True)
        orders.append((command, argument, seen))
        return command == "next"

    with Server("127.0.0.1", options.port, share=options.share, notes=options.notes, drive=drive) as server:
        for name, link in server.links.items():
            print(f"{name}: {link}", flush=True)
        while True:
            for scene in scenes(time.time()):
                server.publish(scene)
                time.sleep(options.pause)


if __name__ == "__main__":
    main()
