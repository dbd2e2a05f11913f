"""Which shells say where a line ends, and which do not: those started without the marks (`env -i bash`,
`su -`).

Told from `/proc/PID/cmdline` and `/proc/PID/environ`, which execve(2) sets anew: proc_pid_environ(5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Kind = Literal["known", "stranger"]
SHELLS = frozenset((b"bash", b"sh", b"dash", b"ash", b"zsh", b"ksh", b"fish"))
NEVER = frozenset((b"zsh", b"fish"))
"""They take nothing of PS1 that the environment has, or write it in another way."""
WITH_ARGUMENT = frozenset((b"--rcfile", b"--init-file", b"-o", b"+o", b"-O", b"+O"))
NOTICE = (
    b"(The guide cannot see where a line of this shell ends, and judges none of them.\r\n"
    b" exit brings the guide back; Ctrl-] calls it at once.)"
)


def shell_kind(pid: int, nonce: str) -> Kind | None:
    """Is that a shell with somebody at its prompt, and was it started with the marks of this nonce?"""
    folder = Path("/proc", str(pid))
    try:
        words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        environment = (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return None
    name = words[0].rpartition(b"/")[2].removeprefix(b"-")
    if name == b"busybox" and len(words) > 1:
        name, words = words[1], words[1:]
    if name not in SHELLS or _runs_a_script(words[1:]):
        return None
    # bash's own start-up files set another PS1; its PROMPT_COMMAND puts the marks back.
    needed = b"PROMPT_COMMAND=" if name == b"bash" else b"PS1="
    marked = any(each.startswith(needed) and nonce.encode() in each for each in environment)
    return "known" if marked and name not in NEVER else "stranger"


def _runs_a_script(words: list[bytes]) -> bool:
    """Do a shell's arguments name a script, or a command?"""
    rest = iter(words)
    for word in rest:
        if word in WITH_ARGUMENT:
            next(rest, None)
        elif word == b"-c" or word[:1] not in (b"-", b"+"):
            return True
    return False
