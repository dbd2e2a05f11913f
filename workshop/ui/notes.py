from argparse import Namespace


def notes(options: Namespace) -> int:
    raise NotImplementedError
