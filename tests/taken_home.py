"""mydocker, the script that the learner takes home."""

from __future__ import annotations

import re

from workshop.parse import load

_PART = re.compile(r"^cat > \{\{lab\}\}/parts/(\S+) <<'END'\n(.*?)^END\n", re.DOTALL | re.MULTILINE)


def script() -> str:
    """The parts in the order of their names; of one that is written again, the last."""
    lesson = load().lesson("your-own-docker")
    assert lesson is not None
    scripts = [*lesson.setup, *(step.solutions[0] for step in lesson.steps)]
    parts = dict(_PART.findall("\n".join(line for each in scripts for line in each.lines) + "\n"))
    return "".join(parts[name] for name in sorted(parts))
