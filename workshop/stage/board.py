"""The scene of now, and who sees it. Keeps the clock, and how each step of the talk stands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from workshop.stage.scene import Scene, Standing, Stop


class Board:
    """Each `show` makes the next scene, for all who have subscribed. May be used from several threads."""

    def __init__(self, scene: Scene, now: Callable[[], float]) -> None:
        self.scene = scene
        self._now = now
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[Scene], None]] = []
        self._standing: dict[str, Standing] = {}
        self._seconds: dict[str, float] = {}

    def subscribe(self, callback: Callable[[Scene], None]) -> Callable[[], None]:
        with self._lock:
            self._callbacks.append(callback)
            callback(self.scene)

        def end() -> None:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return end

    def show(self, **changed: object) -> None:
        with self._lock:
            scene = replace(self.scene, number=self.scene.number + 1, **changed)  # type: ignore[arg-type]
            self.scene = replace(scene, stops=self._stops(scene))
            for callback in tuple(self._callbacks):
                callback(self.scene)

    def stands(self, step: str, standing: Standing) -> None:
        """How a step stands, from the next scene on; `todo` forgets what it was."""
        if standing == "todo":
            self._standing.pop(step, None)
        else:
            self._standing[step] = standing

    def _stops(self, scene: Scene) -> tuple[Stop, ...]:
        standing = dict(self._standing)
        if scene.mode != "over":
            standing[scene.step] = "here"
        return tuple(
            replace(stop, standing=standing.get(stop.id, "todo"), seconds=self._seconds.get(stop.id, 0.0))
            for stop in scene.stops
        )

    # -- the clock

    def start_clock(self) -> None:
        if not self.scene.started:
            now = self._now()
            self.show(started=now, step_started=now)

    def step_begins(self) -> float:
        """When a step began that begins now; 0 before the talk has."""
        return self._now() if self.scene.started else 0.0

    def count(self) -> None:
        """The time that this step has taken goes to its account."""
        scene = self.scene
        if scene.started and scene.step_started and scene.mode != "over":
            used = max(0.0, (scene.paused or self._now()) - scene.step_started)
            self._seconds[scene.step] = self._seconds.get(scene.step, 0.0) + used

    def pause(self) -> None:
        """Stop the clock, or let it go on."""
        with self._lock:
            scene, now = self.scene, self._now()
            if not scene.started:
                self.show(message="The clock has not begun: it starts with the first line.")
            elif scene.paused:
                stood = now - scene.paused
                self.show(paused=0.0, waited=scene.waited + stood, step_started=scene.step_started + stood)
            else:
                self.show(paused=now)
