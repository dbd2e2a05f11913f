"""The command line: argv to one front end. Errors are printed here, once, and become the exit status.

0 all passed · 1 something missed · 2 wrong use · 3 this machine lacks something · 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from workshop import __version__, language
from workshop.errors import MachineError, UsageError, WorkshopError
from workshop.lesson import COURSE

INTERRUPTED = 130
OWN_OPTIONS = ("-h", "--help", "--version")
"""All others are those of the command; without a command that is `learn`."""
COMMANDS = (
    "learn",
    "present",
    "notes",
    "handout",
    "watch",
    "run",
    "verify",
    "lessons",
    "progress",
    "report",
    "new",
    "preview",
    "lint",
    "doctor",
    "clean",
)


class Parser(argparse.ArgumentParser):
    """argparse, except that a wrong use is an exception like any other error."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message[0].upper() + message[1:] + ".", f"`{self.prog} --help` shows the use.")


def parser() -> Parser:
    top = Parser(
        prog="workshop",
        description="Build your own Docker out of standard Linux tools. The kernel is the judge.",
        epilog="Exit status: 0 all passed, 1 something missed, 2 wrong use, 3 this machine lacks something.",
    )
    top.add_argument("--language", metavar="LANG", help="de, en; else the language of your environment")
    top.add_argument("--version", action="version", version=f"workshop {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    learn = commands.add_parser("learn", help="the guided shell; goes on where you left (the default)")
    learn.add_argument(
        "lesson", nargs="?", metavar="LESSON", help="start at this lesson or step: 3, 3.2, process-trees"
    )
    learn.add_argument("--track", help="play the steps of a track: talk, full")
    learn.add_argument(
        "--plain",
        action="store_true",
        help="for a screen reader: nothing is redrawn, framed, or side by side",
    )
    _host_options(learn)

    present = commands.add_parser("present", help="the stage: a talk in front of an audience")
    present.add_argument(
        "track", nargs="?", default="talk", metavar="TRACK", help="talk (the default), talk-10, class"
    )
    present.add_argument("--step", metavar="STEP", help="begin at this step of the track")
    present.add_argument("--theme", choices=("dark", "light"), default="dark", help="can be switched live")
    present.add_argument("--type", action="store_true", help="type the lines out, at a human pace")
    present.add_argument(
        "--rehearse", action="store_true", help="play it with no one at the keys, and report"
    )
    present.add_argument(
        "--runs", type=_count, metavar="N", help="rehearse so often (with --rehearse); once if not said"
    )
    _host_options(present)
    _page_options(present)

    notes = commands.add_parser("notes", help="the speaker's own screen, in a second terminal")
    notes.add_argument("--theme", choices=("dark", "light"), default="dark", help="of this screen")

    handout = commands.add_parser("handout", help="a performance to read: what ran, and what it did")
    handout.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="of the performance; the last one if not named"
    )
    handout.add_argument("--html", action="store_true", help="one page that plays the recording too")
    handout.add_argument("--free", action="store_true", help="with what was typed beside the steps")
    watch = commands.add_parser("watch", help="the lab of another terminal, live")
    watch.add_argument("--once", action="store_true", help="print one picture and end")

    run = commands.add_parser("run", help="no one at the keys: every solution typed and judged")
    run.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="lessons or steps; all of them if none is named"
    )
    run.add_argument("--track", help="the steps of a track: talk, full")
    run.add_argument(
        "--verify", action="store_true", help="the gate: mistakes must miss, resets leave no trace"
    )
    run.add_argument("--json", action="store_true", help="one object a line on standard output")
    _host_options(run)

    verify = commands.add_parser("verify", help="the checks on any container of this machine")
    verify.add_argument(
        "containers", nargs="+", metavar="PID|NAME", help="a process, or a container of docker, podman, runc"
    )
    verify.add_argument("--json", action="store_true", help="one object a line on standard output")

    lessons = commands.add_parser("lessons", help="the map of the course")
    lessons.add_argument("--json", action="store_true", help="one object a line on standard output")
    _course_option(lessons)

    progress = commands.add_parser("progress", help="your progress as one file, for another machine")
    progress.add_argument(
        "action", choices=("export", "import"), help="write such a file, or add what it has"
    )
    progress.add_argument("file", type=Path, metavar="FILE", help="`-` is standard output, or input")
    _course_option(progress)

    report = commands.add_parser("report", help="your lines, changes and verdicts, as Markdown or HTML")
    report.add_argument(
        "file",
        nargs="?",
        type=_path,
        default=Path("-"),
        metavar="FILE",
        help="a new file; without one, standard output",
    )
    report.add_argument("--html", action="store_true", help="one page that needs nothing else")
    _course_option(report)

    new = commands.add_parser("new", help="for authors: begin a lesson")
    new.add_argument("lesson", metavar="LESSON", help="its name: signals-and-nice, 05-signals-and-nice")
    _course_option(new)

    preview = commands.add_parser("preview", help="for authors: a lesson as it will be read, at each save")
    preview.add_argument("file", type=Path, metavar="FILE", help="a lesson")

    lint = commands.add_parser("lint", help="every rule for authors of lessons; needs no root")
    lint.add_argument(
        "path", nargs="?", type=_path, default=COURSE, metavar="PATH", help="a lesson or a folder"
    )
    lint.add_argument("--checks", action="store_true", help="what checks there are, and what they take")

    doctor = commands.add_parser("doctor", help="what this machine has, and what each lesson needs")
    doctor.add_argument("--json", action="store_true", help="one object a line on standard output")
    _rootless_option(doctor)

    commands.add_parser("clean", help="remove what a workshop that was killed left behind")
    return top


def _path(word: str) -> Path:
    """`--image "$UNSET"` is no wish for the current folder."""
    if not word:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(word)


def _count(word: str) -> int:
    if not word.isdigit() or not 0 < int(word) <= 1000:
        raise argparse.ArgumentTypeError(f"{word!r} is no number from 1 to 1000")
    return int(word)


def _course_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--course", type=_path, default=COURSE, metavar="DIR", help="a folder of lessons")


def _rootless_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--rootless",
        action="store_true",
        help="without root, in a user namespace; what that cannot do is left out",
    )


def _page_options(command: argparse.ArgumentParser) -> None:
    pages = command.add_argument_group("web pages")
    pages.add_argument("--share", action="store_true", help="a page on which the audience follows along")
    pages.add_argument("--speaker", action="store_true", help="a page with notes and clock, for a phone")
    pages.add_argument("--drive", action="store_true", help="the same, and its buttons drive the stage")
    pages.add_argument("--free", action="store_true", help="share what is typed beside the steps too")
    pages.add_argument(
        "--at", default="127.0.0.1", metavar="ADDRESS", help="of this machine; else it is alone"
    )
    pages.add_argument("--port", type=int, default=8000, metavar="N", help="8000; 0 is any that is free")


def _host_options(command: argparse.ArgumentParser) -> None:
    _course_option(command)
    _rootless_option(command)
    command.add_argument(
        "--image", type=_path, metavar="PATH", help="a root file system: tar file, folder, OCI layout"
    )
    command.add_argument(
        "--no-lab", action="store_true", help="work on this machine itself (only where it may be thrown away)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` and return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    _standard_streams()
    language.use(_language(words))
    if not words or (words[0].startswith("-") and words[0] not in OWN_OPTIONS):
        words.insert(0, "learn")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        try:
            return _dispatch(parser().parse_args(words), words)
        finally:
            sys.stdout.flush()  # here, where a broken pipe is understood, and not when Python ends
    except WorkshopError as error:
        print(f"workshop: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"          {error.hint}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("workshop: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`workshop lessons | head`): nothing is left to say it to.
        _quiet()
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or error.filename is not None:
            raise
        _quiet()
        print(f"workshop: what is printed cannot be written: {error.strerror}.", file=sys.stderr)
        return MachineError.status


def _standard_streams() -> None:
    """One that the caller has closed is nowhere: a file that is opened later must not take its place."""
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _quiet() -> None:
    """What is still to be printed goes nowhere, so that Python's end does not stumble over it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _language(words: list[str]) -> str | None:
    """Take `--language LANG` out of the words, wherever it stands: the first error speaks it already."""
    for at, word in enumerate(words):
        if word == "--language" and at + 1 < len(words):
            del words[at]
            return words.pop(at)
        if word.startswith("--language="):
            return words.pop(at).partition("=")[2]
    return None


def _stop(number: int, frame: object) -> NoReturn:
    """SIGTERM and SIGHUP end the program like an exit: the lab is closed, the terminal restored."""
    raise SystemExit(128 + number)


def _dispatch(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Front ends are imported only when they are wanted: a start is felt."""
    if getattr(options, "plain", False):
        os.environ["TERM"] = "dumb"  # the one thing that everything here, and in the lab, goes by
    if getattr(options, "rootless", False):
        from workshop import rootless

        rootless.enter()  # as early as can be: everything after it is the other root's
    match options.command:
        case "learn" | None:
            from workshop.ui.start import learn

            return learn(options, words)
        case "present":
            from workshop.ui.present import present

            return present(options, words)
        case "notes":
            from workshop.ui.notes import notes

            return notes(options)
        case "handout":
            from workshop.ui.handout import main as handout

            return handout(options.folder, html=options.html, free=options.free)
        case "watch":
            from workshop.ui.start import need_root
            from workshop.ui.watch import watch

            need_root(words, rootless_too=False)
            return watch(once=options.once)
        case "run":
            from workshop.ui.headless import run

            return run(options, words)
        case "verify":
            from workshop.ui.verify import main as verify

            return verify(options.containers, as_json=options.json)
        case "lessons":
            from workshop.ui.lessons import main as lessons

            return lessons(options.course, json=options.json)
        case "progress":
            from workshop.ui import keep

            act = keep.export if options.action == "export" else keep.import_
            return act(options.file, options.course)
        case "report":
            from workshop.ui.keep import report

            html = options.html or options.file.suffix in (".html", ".htm")
            return report(options.file, options.course, html=html)
        case "new":
            from workshop.ui.new import main as new

            return new(options.lesson, options.course)
        case "preview":
            from workshop.ui.preview import main as preview

            return preview(options.file)
        case "lint":
            from workshop.ui.lint import main as lint

            return lint(options.path, checks=options.checks)
        case "doctor":
            from workshop.ui.doctor import main as doctor

            return doctor(["--json"] if options.json else [])
        case "clean":
            from workshop.ui.clean import main as clean

            return clean([])
    raise UsageError(f"{options.command!r} is not a command.", f"One of: {', '.join(COMMANDS)}.")
