"""Skips are part of the result: only what a machine may rightly lack is skipped, all else fails the run."""

from __future__ import annotations

import os

import pytest

MAY_LACK = (
    "docker",
    "podman",
    "engine",
    "zfs-kernel",
    "zfs-fuse",
    "zfs-diff",
    "cgroup1",
    "cgroup2",
    "hybrid",
    "btrfs",
    "user-namespaces",
    "ordinary-account",
    "chromium",
)
"""Capabilities that no package of ours can give to every machine. Tests name one with `lacks()`."""

UNEXPECTED = pytest.StashKey[list[str]]()


def lacks(capability: str, why: str) -> None:
    """Skip the test: this machine lacks a capability, for a reason."""
    pytest.skip(f"this machine lacks {capability}: {why}")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[UNEXPECTED] = []


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        expected = any(reason.startswith(f"this machine lacks {name}:") for name in MAY_LACK)
        expected = expected or (reason == "needs root" and os.geteuid() != 0 and "CI" not in os.environ)
        if not expected:
            item.config.stash[UNEXPECTED].append(f"{item.nodeid}: {reason}")
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[UNEXPECTED] and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[UNEXPECTED]:
        terminalreporter.write_line(f"UNEXPECTED SKIP {line}", red=True)
