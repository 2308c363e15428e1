"""What holds for every test: in CI a skipped test is a failed one, and what tests measured is printed at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from functools import partial

import pytest

_IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if _IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"


@pytest.fixture
def report_figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a sentence with what the test measured; also from another process it reaches the end of the run."""
    return partial(record_property, "figure")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # The last report of a test holds everything that it recorded, its fixtures' figures among them.
    figures = [
        sentence
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for name, sentence in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("figures")
    for sentence in figures:
        terminalreporter.write_line(str(sentence))
