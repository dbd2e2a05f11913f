"""The stage door: orders come from several threads (the keys, speakers' screens), one at a time goes in.

What comes while something is done is refused, not kept: ten keys at once run one line. Who gives an order
says which scene it was given on; when something was done since, the order is stale.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

from workshop.frozen import frozen
from workshop.stage.performance import ANYTIME, Performance
from workshop.stage.scene import FREE

MOMENT = 0.1
"""Seconds that an order may wait at the door."""
HANGING = 2.0
"""Seconds that a panic, or the end, waits for what goes on. What hangs for longer, hangs in the kernel: a
look at a file system whose daemon was stopped, say. Only the end of the lab ends that, which is the first
thing a panic does."""
HEARD = 0.5
"""Seconds after which a signal is heard at the latest that came just as the wait for an order began: Python
notes it, and the wait does not end by it."""


@frozen
class Order:
    """One of `scene.COMMANDS`, or `line` (Enter on `argument`), `cancel` (Ctrl-C), `quit`."""

    command: str
    argument: str = ""
    seen: int = -1
    """The number of the scene that was on the screen; less than 0: not told."""


class Desk:
    def __init__(
        self,
        performance: Performance,
        interrupt: Callable[[], None] = lambda: None,
        abort: Callable[[], None] = lambda: None,
    ) -> None:
        """`interrupt` leaves the program that has the shell, so that a panic need not wait for it; `abort`
        ends the lab under whatever hangs. Both are called from any thread."""
        self.performance = performance
        self.hurry = threading.Event()
        """Somebody does not want to wait for a line to be typed out, or for a recording."""
        self.failed: BaseException | None = None
        self._interrupt = interrupt
        self._abort = abort
        self._hanging: threading.Timer | None = None
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._lock = threading.Condition()
        self._busy = True
        self._panic = False
        self._since = 0
        """The scene in which the last order had been done."""

    def give(self, order: Order) -> bool:
        """From any thread. False: refused, as something else is going on."""
        if order.command in ANYTIME:
            self.performance.command(order.command, order.argument)
            return True
        with self._lock:
            if order.command == "quit":
                self._orders.put(order)
                self._interrupt()
                self._unless_heard()
                return True
            if order.command == "panic":
                if not self._panic:
                    self._panic = True
                    self.hurry.set()
                    if self._busy:
                        self._interrupt()
                        self._unless_heard()
                    self._busy = True
                    self._orders.put(order)
                return True
            if self._busy and order.command == "next" and self.performance.scene.mode in ("typing", "replay"):
                self.hurry.set()
                return True
            if self._busy and self._almost(order.seen):
                self._lock.wait_for(lambda: not self._busy, MOMENT)
            if self._busy or 0 <= order.seen < self._since:
                return False
            self._busy = True
            self._orders.put(order)
            return True

    def _unless_heard(self) -> None:
        if self._hanging is None:
            self._hanging = threading.Timer(HANGING, self._abort)
            self._hanging.daemon = True
            self._hanging.start()

    def _heard(self) -> None:
        if self._hanging is not None:
            self._hanging.cancel()
            self._hanging = None

    def _almost(self, seen: int) -> bool:
        """Is what goes on over but for the last word? The newest scene is out before the desk is free again,
        and somebody quick has seen it."""
        scene = self.performance.scene
        return scene.mode in FREE and (seen < 0 or seen == scene.number)

    def fail(self, error: BaseException) -> None:
        """A screen has ended by a mistake of ours: so does the performance, and says why."""
        self.failed = error
        self._orders.put(Order("quit"))
        self._interrupt()

    def wait(self, seconds: float) -> bool:
        """Is somebody in a hurry? Known after so many seconds at the latest."""
        return self.hurry.wait(seconds)

    def serve(self, first: str = "") -> None:
        """Do what is ordered until it is to end. All that touches the lab happens in the caller's thread."""
        self.performance.begin(first)
        self._done()
        while (order := self._next()).command != "quit":
            if order.command == "panic":
                self._heard()
            else:
                self.hurry.clear()
            self._do(order)
            self._done(panic=order.command == "panic")
        self._heard()
        if self.failed is not None:
            raise self.failed

    def _next(self) -> Order:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._orders.get(timeout=HEARD)

    def _do(self, order: Order) -> None:
        match order.command:
            case "line":
                self.performance.line(order.argument)
            case "cancel":
                self.performance.cancel()
            case _:
                self.performance.command(order.command, order.argument)

    def _done(self, panic: bool = False) -> None:
        with self._lock:
            if panic:
                self._panic = False
                self.hurry.clear()
            self._busy = self._panic
            self._since = self.performance.scene.number
            self._lock.notify_all()
