from __future__ import annotations

import pytest

from bench.__main__ import main
from bench.scenarios import CATALOGUE, GROWN_FROM, SHORT, named


def test_every_scenario_has_a_name_of_its_own() -> None:
    names = [scenario.name for scenario in CATALOGUE]

    assert len(names) == len(set(names))
    assert {*SHORT, GROWN_FROM} <= set(names)


def test_scenarios_are_listed_with_what_they_mean(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--list"])

    assert "delay-50ms" in capsys.readouterr().out


def test_an_unknown_scenario_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["no-such-thing"])

    assert "no such scenario: no-such-thing" in capsys.readouterr().err


def test_a_quick_look_shrinks_leads_and_tables_alike() -> None:
    (scenario,) = named(["waiting-1m"])

    quick = scenario.shrunk(0.2)

    assert (quick.leads, quick.waiting) == (6_000, 200_000)


def test_a_quick_look_keeps_enough_leads_to_have_a_middle() -> None:
    (scenario,) = named(["waiting-1m"])

    quick = scenario.shrunk(0.01)

    assert (quick.leads, quick.waiting) == (1_000, 10_000)
