"""Recordings: what is written can be read, by us and by the format's own rules; what is broken is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.errors import UsageError
from workshop.stage.recording import Cast, Event, Recorder, size_of

HEADER = b'{"version": 2, "width": 80, "height": 24, "timestamp": 1000, "title": "T"}\n'


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def recorded(path: Path) -> Recorder:
    clock = Clock()
    recorder = Recorder(path, 80, 25, clock, title="A talk", timestamp=1000)
    recorder.output(b"before\r\n")
    for label in ("a/one", "a/two", "a/one"):
        clock.now += 1.5
        recorder.marker(label)
        clock.now += 0.25
        recorder.output(f"{label} at {clock.now}".encode())
    recorder.resize(100, 30)
    return recorder


def test_there_and_back(tmp_path: Path) -> None:
    recorded(tmp_path / "t.cast").close()
    cast = Cast.read(tmp_path / "t.cast")
    assert (cast.columns, cast.rows, cast.title, cast.timestamp, cast.trouble) == (80, 25, "A talk", 1000, "")
    assert cast.labels == ("a/one", "a/two", "a/one")
    assert [event.kind for event in cast.events] == ["o", "m", "o", "m", "o", "m", "o", "r"]
    assert cast.seconds == 5.25


def test_every_line_is_what_the_format_says(tmp_path: Path) -> None:
    """https://docs.asciinema.org/manual/asciicast/v2/, checked without our own reader."""
    recorded(tmp_path / "t.cast").close()
    header, *events = (tmp_path / "t.cast").read_text(encoding="utf-8").splitlines()
    found = json.loads(header)
    assert found["version"] == 2
    assert type(found["width"]) is int and type(found["height"]) is int and type(found["timestamp"]) is int
    assert all(type(value) is str for value in found["env"].values())
    times = []
    for line in events:
        at, kind, data = json.loads(line)
        assert kind in ("o", "m", "r") and isinstance(data, str)
        times.append(at)
    assert times == sorted(times) and times[0] >= 0
    assert json.loads(events[-1])[2] == "100x30"


def test_nothing_that_was_seen_is_lost_when_the_program_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from workshop.stage.recording import Recorder\n"
        "recorder = Recorder(Path(sys.argv[1]), 80, 25)\n"
        "recorder.output(b'seen')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "t.cast"
    subprocess.run([sys.executable, "-c", program, path], check=False, env={**os.environ})
    assert [event.data for event in Cast.read(path).events] == ["seen"]


def test_a_letter_that_comes_in_two_pieces(tmp_path: Path) -> None:
    with Recorder(tmp_path / "t.cast", 80, 25) as recorder:
        recorder.output("é".encode()[:1])
        recorder.output("é".encode()[1:] + b"\xff")
        recorder.output("é".encode()[:1])
    assert "".join(event.data for event in Cast.read(tmp_path / "t.cast").events) == "é\ufffd\ufffd"


def test_a_part_is_one_step_from_its_last_time(tmp_path: Path) -> None:
    recorded(tmp_path / "t.cast").close()
    cast = Cast.read(tmp_path / "t.cast")
    part = cast.part("a/one")
    assert part is not None
    assert part.events == (Event(0.25, "o", "a/one at 105.25"), Event(0.25, "r", "100x30"))
    assert part.timestamp == 1005
    two = cast.part("a/two")
    assert two is not None and [event.data for event in two.events] == ["a/two at 103.5"]
    assert cast.part("a/three") is None


def test_a_part_has_the_size_of_its_moment() -> None:
    lines = b'[1, "r", "120x40"]\n[2, "m", "x"]\n[3, "o", "y"]\n'
    part = Cast.parse(HEADER + lines).part("x")
    assert part is not None and (part.columns, part.rows) == (120, 40)


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "t.cast").write_text("mine")
    with pytest.raises(FileExistsError):
        Recorder(tmp_path / "t.cast", 80, 25)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with Recorder(tmp_path / "t.cast", 80, 25):
        assert (tmp_path / "t.cast").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_ends_the_recording_and_not_the_talk() -> None:
    with pytest.raises(FileExistsError):
        Recorder(Path("/dev/full"), 80, 25)
    recorder = Recorder.__new__(Recorder)
    recorder.__dict__.update(_file=os.open("/dev/full", os.O_WRONLY), trouble="")
    recorder._write([1, "o", "x"])
    assert "No space left" in recorder.trouble
    recorder._write([2, "o", "y"])


def test_a_file_that_is_cut_off_says_so_and_gives_what_is_there() -> None:
    whole = HEADER + b'[1.5, "o", "one"]\n[2, "o", "two"]\n'
    for length in range(len(HEADER), len(whole)):
        cast = Cast.parse(whole[:length])
        assert len(cast.events) == whole[:length].count(b"\n") - 1
        assert ("cut off" in cast.trouble) == (not whole[:length].endswith(b"\n"))
    assert Cast.parse(whole).trouble == ""


@pytest.mark.parametrize(
    "line",
    [
        b"[1]", b'[true, "o", "x"]', b'["1", "o", "x"]', b'[-1, "o", "x"]', b'[NaN, "o", "x"]',
        b'[1e999, "o", "x"]', b'[1, "o", 2]', b"{}", b"null", b"[" * 10000, b'[1, "o", "x"', b"\xff\xfe",
        b'[' + b'9' * 400 + b', "o", "x"]',
    ],
)  # fmt: skip
def test_a_broken_line_is_passed_over_and_named(line: bytes) -> None:
    cast = Cast.parse(HEADER + line + b'\n[2, "o", "y"]\n')
    assert cast.events == (Event(2.0, "o", "y"),)
    assert cast.trouble == "Not understood: line 2."


def test_kinds_that_are_not_known_are_no_trouble() -> None:
    cast = Cast.parse(HEADER + b'[1, "i", "x"]\n[1, "?", "x"]\n\n[1, "o", "y"]\n')
    assert cast.events == (Event(1.0, "o", "y"),) and cast.trouble == ""


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", b"hello\n", b"[]\n", b'{"version": 3, "term": {}}\n', b'{"version": 2}\n',
        b'{"version": 2, "width": 0, "height": 24}\n', b'{"version": 2, "width": 99999, "height": 24}\n',
        b'{"version": 2, "width": "80", "height": 24}\n',
    ],
)  # fmt: skip
def test_what_is_no_recording(content: bytes) -> None:
    with pytest.raises(UsageError, match="no recording"):
        Cast.parse(content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Cast.read(tmp_path / "none")
    with pytest.raises(UsageError, match="cannot be read"):
        Cast.read(tmp_path)


@pytest.mark.parametrize("data", ["", "0x0", "80", "80x", "-1x4", "99999x1", "1001x20", "80x24 ", "٣x٣"])
def test_what_is_no_size(data: str) -> None:
    assert size_of(Event(0, "r", data)) is None


@given(st.binary(max_size=300))
def test_any_bytes_after_the_header_are_read(rest: bytes) -> None:
    cast = Cast.parse(HEADER + rest)
    assert all(event.at >= 0 for event in cast.events)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_recording_or_said_to_be_none(content: bytes) -> None:
    try:
        Cast.parse(content)
    except UsageError as error:
        assert error.hint


NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers()
ROW = st.tuples(NUMBER, st.sampled_from("omrix"), st.text(max_size=20)).map(list)


@given(st.lists(ROW, max_size=20))
def test_times_never_go_back_and_texts_can_always_be_written(rows: list[list[object]]) -> None:
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    cast = Cast.parse(HEADER + body)
    times = [event.at for event in cast.events]
    assert times == sorted(times)
    for event in cast.events:
        event.data.encode()
    for label in cast.labels:
        part = cast.part(label)
        assert part is not None and all(event.at >= 0 for event in part.events)


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_what_is_recorded_is_what_is_read(pieces: list[bytes]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.cast"
        with Recorder(path, 80, 25) as recorder:
            for piece in pieces:
                recorder.output(piece)
        cast = Cast.read(path)
    assert "".join(event.data for event in cast.events) == b"".join(pieces).decode("utf-8", "replace")
    assert cast.trouble == ""
