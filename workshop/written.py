"""Files that a learner takes away: never over another file, and never somebody else's under sudo."""

from __future__ import annotations

import os
from pathlib import Path

from workshop.errors import UsageError


def write(path: Path, content: bytes, *, owner: tuple[int, int] | None = None, mode: int = 0o644) -> None:
    """A new file. UsageError says why there cannot be one."""
    made = False
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        made = True
        with os.fdopen(handle, "wb") as file:
            if owner is not None:
                os.fchown(handle, *owner)
            file.write(content)
    except FileExistsError:
        raise UsageError(f"There is a {path} already.", "It was left as it is. Name another.") from None
    except OSError as error:
        if made:
            path.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Nothing was written.") from error
