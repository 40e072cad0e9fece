"""With `CI` set, a test that is skipped is a failure: what a machine lacks there, nobody would notice.

Recorded data lies outside the checkout and some rights are the machine's to give, so tests of those stay skips.
"""

import os
from collections.abc import Generator
from typing import Final

import pytest

MAY_BE_ABSENT: Final = (
    "there is no recorded data",
    "there is no schema of Grafana's boards",  # it lies beside the recorded data
    "a small disk can't be mounted here",
    "needs to become another user",
    "another user can't reach the program",
)
"""How the reasons of skips begin that stay skips."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at the report of every phase of a test."""
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Look at whole modules, which `importorskip` skips."""
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(MAY_BE_ABSENT):
        report.outcome = "failed"
        report.longrepr = f"skipped where CI is set, which is a failure: {reason}"
