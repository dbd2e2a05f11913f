"""mydocker, where a start goes wrong: it says so in the log, and does not wait for ever."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from taken_home import script

from workshop.lab import Lab
from workshop.ledger import Ledger
from workshop.machine import examine

pytestmark = pytest.mark.root


@pytest.fixture
def type_in(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    lab = Lab.create(examine(), Ledger.open(tmp_path))
    lab.prepare("image")

    def type_in(lines: str) -> str:
        done = subprocess.run(
            (*lab.enter, "bash", "-ec", lines), capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    text = script().replace("{{lab}}", "/lab").replace("{{userxattr}}", "")
    put = "cat > /lab/mydocker.sh; chmod +x /lab/mydocker.sh; mkdir /lab/mydocker"
    subprocess.run((*lab.enter, "bash", "-ec", put), input=text, text=True, check=True)
    type_in(f"export MYDOCKER=/lab/mydocker; /lab/mydocker.sh import base {lab.variables()['image']}")
    yield type_in
    assert lab.close() == ()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("sed -i 's/^import ctypes/import ctypesx/' /lab/mydocker.sh", "No module named 'ctypesx'"),
        ("echo /nowhere > /lab/mydocker/images/base", "special device overlay does not exist"),
        ("ip netns add my-one", "File exists"),
    ],
    ids=["in its last moment", "as it mounts", "before it begins"],
)
def test_a_start_that_goes_wrong_comes_back(type_in: Callable[[str], str], broken: str, said: str) -> None:
    run = "timeout 20 /lab/mydocker.sh run -d one base sleep 1000 || [ $? != 124 ]"
    log = type_in(f"export MYDOCKER=/lab/mydocker; {broken}; {run}; cat /lab/mydocker/containers/one/log")
    assert said in log
