from argparse import Namespace
from collections.abc import Sequence


def rehearse(options: Namespace, words: Sequence[str]) -> int:
    raise NotImplementedError
