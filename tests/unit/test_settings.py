"""Settings come from options, then from the environment, and what is wrong is named."""

from __future__ import annotations

import pytest

from leadgateway.settings import DatabaseSettings, InvalidSettings, LogSettings, WebhookSettings, load


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATEWAY_WEBHOOK_PORT", "8111")

    assert load(WebhookSettings).port == 8111
    assert load(WebhookSettings, port=8222).port == 8222


def test_an_option_that_was_not_given_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATEWAY_CONFIG_DIR", "/somewhere")

    assert str(load(WebhookSettings, port=None, config_dir=None).config_dir) == "/somewhere"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")

    assert load(DatabaseSettings).url is None


@pytest.mark.parametrize(
    ("variable", "value", "kind"),
    [
        ("POSTGRES_PORT", "ninety", DatabaseSettings),
        ("LEADGATEWAY_WEBHOOK_MAX_BODY_BYTES", "0", WebhookSettings),
        ("LEADGATEWAY_LOG_FORMAT", "xml", LogSettings),
        ("LEADGATEWAY_CONFIG_POLL_SECONDS", "-1", WebhookSettings),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, kind: type[DatabaseSettings]
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidSettings, match=f"^{variable}: "):
        load(kind)


def test_a_password_never_shows_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "hush-hush")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hush-hush@db/leads")

    assert "hush-hush" not in repr(load(DatabaseSettings))
