"""A shell for tests of the engine: says what the test's script says, runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workshop.shell import Result, Terminal

Answer = Result | Callable[[], Result]
OK = Result("prompt", 0, b"")


class ScriptedShell:
    """Answers a line with what the script has for it, or with success; `typed` keeps the lines."""

    fd = -1

    def __init__(
        self, script: Mapping[str, Answer] | None = None, *, name: str = "host", pid: int = 100
    ) -> None:
        self.name = name
        self.pid = pid
        self.alive = True
        self.typed: list[str] = []
        self.front = pid
        """What `foreground` says; an answer that is a function may change it."""
        self._script = dict(script or {})

    def run(self, line: str, terminal: Terminal, timeout: float | None = None) -> Result:
        self.typed.append(line)
        answer = self._script.get(line, OK)
        result = answer() if callable(answer) else answer
        terminal.write(result.output)
        self.alive = result.state != "closed"
        return result

    def resume(self, terminal: Terminal, timeout: float | None = None) -> Result:
        return self.run("", terminal, timeout)

    def send_eof(self, terminal: Terminal, timeout: float | None = None) -> Result:
        return self.run("\x04", terminal, timeout)

    def interrupt(self) -> Result:
        return OK

    def drain(self) -> bytes:
        return b""

    def foreground(self) -> int | None:
        return self.front if self.alive else None

    def close(self) -> None:
        self.alive = False
