"""An answer of the learner's, held against what the kernel says."""

from __future__ import annotations

from collections.abc import Sequence

from workshop.kernel.answers import number, plain
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
    if plain(view.answer) not in (truth, *also):
        found = f"you said {view.answer.strip()}, and the kernel says otherwise"
        return missed(expected, found, evidence, diagnosis=diagnosis)
    return passed(expected, f"{truth}, as you said", evidence)


def judge_number(
    view: View, expected: str, truth: int, diagnosis: str, evidence: Sequence[Evidence]
) -> Verdict:
    """The same for a number; it may be said in words: `none of them`."""
    if view.answer is None:
        return missed(expected, "your answer is still missing: type :answer and a number")
    given = number(view.answer)
    if given is None:
        return missed(expected, f"you said {view.answer.strip()}; a number is wanted")
    if given != truth:
        found = f"you said {view.answer.strip()}, and the kernel says otherwise"
        return missed(expected, found, evidence, diagnosis=diagnosis)
    return passed(expected, f"{truth}, as you said", evidence)
