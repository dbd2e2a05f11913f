"""The whole talk, really, by a nervous speaker: wrong keys, early ones, too many, other sizes, jumps, and
somebody kills a container meanwhile. What they do comes from a seed; states are waited for, never a time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container
from pathlib import Path

import pytest
from conftest import lacks
from hall import PATIENCE, NeverError, Watcher, kill_container, program

from workshop import ledger, traces
from workshop.machine import examine
from workshop.stage.scene import AT_PROMPT, FREE, Scene

pytestmark = pytest.mark.root
NEXT, BACK = "\x1b[6~", "\x1b[5~"
HELP, MAP, HEAL, RETRY, PANIC, THEME = "\x1bOP", "\x1bOR", "\x1bOS", "\x1b[17~", "\x1b[20~", "\x1b[24~"
JUNK = (
    "\x1b[15~", "\x1b[24;5~", "\x1b[200~\x1b[201~", "\x1b[<0;3;3M", "\t", "\x04", "\x1a", "\x13", "\x0c",
    "\x00", "\x1b[A", "\x1b[200~rm -rf /\r\x1b[201~", "b", ".", "é\x80\xff", HELP, MAP, "echo 'never ends",
)  # fmt: skip
SIZES = ((100, 30), (132, 43), (60, 15), (30, 8), (1, 1), (80, 24))
FRAGILE = "process-trees/become-pid-1"
"""A step with a container that somebody kills."""
AGAIN = 3.0
"""Seconds after which a key that did nothing is pressed again."""
HANGING = 20.0
"""Seconds after which a line counts as hanging: nervous keys can get lost between two programs."""
MOST = 600
"""Presses after which the talk counts as stuck."""


class Speaker:
    def __init__(self, watcher: Watcher, seed: int) -> None:
        self.watcher = watcher
        self.dice = random.Random(seed)
        self.sabotaged = False
        self.healed = False
        self.backs = 2
        self.acts: tuple[Callable[[], None], ...] = (
            self.too_many, self.early_enter, self.junk, self.resize, self.free_line, self.keys_while_it_runs,
            self.back, self.forth_and_back, self.panic,
        )  # fmt: skip

    @property
    def scene(self) -> Scene:
        return self.watcher.scene

    def talk(self) -> None:
        for _ in range(MOST):
            left = [stop.id for stop in self.scene.stops if stop.standing == "todo"]
            if self.scene.mode == "over" and not left:
                self.calm()  # the last key may have been for a panic, which takes the talk back
                if self.scene.mode == "over":
                    if self.sabotaged and self.healed:
                        return
                    self.sabotaged = False  # nerves went past the place, or past the healing: back to it
                    self.jump(FRAGILE)
            elif self.scene.mode == "over":  # one was jumped over
                self.jump(left[0])
            elif self.scene.mode == "missed":
                self.press(HEAL)
                self.calm()
                self.healed = self.healed or "rebuilt by the model answer" in self.scene.message
            elif not self.sabotaged and self.scene.where == "container: pid" and self.scene.next_line:
                self.sabotaged = True
                kill_container(self.watcher.screen.pid)
                self.onward()
            else:
                if self.dice.random() < 0.3:
                    self.dice.choice(self.acts)()
                self.onward()
        raise AssertionError(f"after {MOST} presses still in {self.scene}")

    def press(self, keys: str) -> None:
        """Type, and wait until it is done. The key for the other theme comes last: when the scene has that,
        the stage has seen all the others too. A line that runs gets it instead; then that is waited for. A
        line may be too quick to be seen: who sees nothing happen presses it again."""
        theme, number = self.scene.theme, self.scene.number
        self.watcher.screen.type(keys + THEME)
        for _ in range(30):
            try:
                self.watcher.when(
                    lambda s: s.theme != theme or (s.number > number and s.mode not in FREE), AGAIN
                )
                break
            except NeverError:
                self.watcher.screen.type(THEME)
        self.ended(FREE, "\x03")

    def ended(self, modes: Container[str], way_out: str) -> None:
        """Wait for it; out of what hangs, there is a key."""
        for _ in range(2):
            try:
                self.watcher.when(lambda s: s.mode in modes, HANGING)
                return
            except NeverError:
                self.watcher.screen.type(way_out)
        self.watcher.when(lambda s: s.mode in modes)

    def calm(self) -> None:
        """Until nothing comes of the keys before."""
        self.press("\x03")
        self.press("\x03")

    def onward(self) -> None:
        """What a calm speaker presses: whatever stands there is taken back, and then Next."""
        self.press("\x03" + NEXT)

    # -- what nerves do

    def too_many(self) -> None:
        self.press(NEXT * self.dice.randint(3, 12))

    def early_enter(self) -> None:
        self.press("\r" * self.dice.randint(1, 10))

    def junk(self) -> None:
        self.press("".join(self.dice.sample(JUNK, 3)))
        self.press("\r")
        self.press("\x03")

    def resize(self) -> None:
        self.watcher.screen.resize(*self.dice.choice(SIZES))
        self.onward()
        self.watcher.screen.resize(80, 25)

    def free_line(self) -> None:
        self.press(
            "\x03" + self.dice.choice(("true", "ls /nowhere", "no-such-program", "false; clear")) + "\r"
        )

    def keys_while_it_runs(self) -> None:
        """A line that reads none of them, and one that has the whole screen."""
        line, end = self.dice.choice((("sleep 1", ""), ("less /etc/passwd", "q")))
        self.calm()
        if self.scene.mode not in AT_PROMPT:
            return
        number = self.scene.number
        self.watcher.screen.type(f"\x03 {line}")  # in the dark the first letter only brings the stage back
        for _ in range(3):  # one Enter too soon after another is none
            self.watcher.screen.type("\r")
            try:
                self.watcher.when(
                    lambda s: s.number > number and s.mode == ("away" if end else "running"), AGAIN
                )
                break
            except NeverError:
                assert self.scene.mode in AT_PROMPT, self.scene
        else:
            return  # it was over at once: after the `rm -rf /` that somebody pasted there is no such program
        self.watcher.screen.type(NEXT * 3 + BACK + "b" + NEXT + end)
        self.ended(AT_PROMPT, end or "\x03")

    def back(self) -> None:
        if self.backs:
            self.backs -= 1
            self.press("\x03" + BACK)

    def forth_and_back(self) -> None:
        """Somebody wants to see what comes later. What is done is left alone: it would be open again."""
        here = self.scene.step
        later = [stop.id for stop in self.scene.stops if stop.standing == "todo"]
        if later:
            self.jump(self.dice.choice(later))
            while self.scene.step != here:
                self.jump(here)

    def jump(self, step: str) -> None:
        """By the map; refused if something else is going on."""
        number = [stop.id for stop in self.scene.stops].index(step) + 1
        self.press(f"\x03{MAP}{number}\r")
        self.calm()

    def panic(self) -> None:
        self.press(self.dice.choice((PANIC, RETRY)))


@pytest.mark.parametrize("seed", [5, 25])
def test_the_whole_talk_by_a_nervous_speaker(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    """In the end every step is passed, nothing is left behind and the terminal is as it was."""
    if not examine().capabilities["zfs"].has:
        lacks("zfs-fuse", "the demo needs a ZFS")
    before = traces.look()
    with program(tmp_path, "present") as screen:
        mode = screen.mode()
        watcher = Watcher(screen)
        request.addfinalizer(watcher.socket.close)
        watcher.until(mode="ready")
        speaker = Speaker(watcher, seed)
        speaker.talk()
        assert speaker.sabotaged and speaker.healed
        standing = {stop.id: stop.standing for stop in watcher.scene.stops}
        assert set(standing.values()) == {"done"}, standing
        screen.type(" ")  # out of the dark, or away with a map
        screen.wait_for("last step.")  # "That was the last step.", or after one more key "Back goes to its …"
        watcher.socket.close()
        screen.type("\x11")
        screen.wait_for("Once more")
        screen.type("\x11")
        assert screen.wait_end(PATIENCE) == 0
        assert screen.mode() == mode
        assert screen.raw.rindex(b"\x1b[?1049l") > screen.raw.rindex(b"\x1b[?1049h")
    assert not list(ledger.home().glob(f"{screen.pid}*"))
    assert traces.look().loops <= before.loops
