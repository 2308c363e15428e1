from __future__ import annotations

from leadgateway.route.problem import Problem


def test_a_problem_reads_as_field_and_sentence() -> None:
    assert str(Problem("spec.path", "write one segment")) == "spec.path: write one segment"
