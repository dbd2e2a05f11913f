"""An answer of the learner's, held against what the kernel says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workshop.kernel.verdict import Evidence, Verdict, View, missed, passed


def judge(
    view: View,
    expected: str,
    truth: str,
    diagnosis: str,
    evidence: Sequence[Evidence],
    also: Sequence[str] = (),
) -> Verdict:
    """Compare the answer with the truth; case, quotes, articles and full stops do not matter."""
    if view.answer is None:
        return missed(expected, "your answer is still missing: type :answer and what you think")
    given = _plain(view.answer)
    if given not in (truth, *also):
        found = f"you said {view.answer.strip()}, and the kernel says otherwise"
        return missed(expected, found, evidence, diagnosis=diagnosis)
    return passed(expected, f"{truth}, as you said", evidence)


def _plain(answer: str) -> str:
    words = re.sub(r"[^\w\s]", " ", answer.casefold()).split()
    words = [word for word in words if word not in ("the", "a", "an", "its", "s")]
    return " ".join(words)
