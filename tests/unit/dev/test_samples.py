"""Where the sample routes are served from."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadgateway.dev import samples
from leadgateway.dev.home import Home

CLONE = Path(__file__).parents[3]


def test_in_a_clone_the_samples_are_edited_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert samples.sample_routes(Home(tmp_path)) == CLONE / "crds" / "samples" / "dev"

    monkeypatch.chdir(CLONE)
    assert samples.sample_routes(Home(tmp_path)) == Path("crds/samples/dev")


def test_elsewhere_they_are_copied_once_and_edits_of_the_copy_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "_IN_A_CLONE", tmp_path / "nowhere")
    monkeypatch.setattr(samples, "_IN_A_WHEEL", CLONE / "crds" / "samples" / "dev")
    folder = samples.sample_routes(Home(tmp_path))
    (folder / "solar-saarland.yaml").write_text("edited")

    assert samples.sample_routes(Home(tmp_path)) == folder == tmp_path / "routes"
    assert (folder / "solar-saarland.yaml").read_text() == "edited"
